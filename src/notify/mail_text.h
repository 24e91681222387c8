// The text of mails: addresses, header lines (RFC 5322, RFC 2047) and HTML. Pure functions.
#ifndef OUTLIVE_SRC_NOTIFY_MAIL_TEXT_H_
#define OUTLIVE_SRC_NOTIFY_MAIL_TEXT_H_

#include <absl/time/time.h>

#include <string>
#include <string_view>

namespace outlive::internal {

// An ASCII addr-spec of a dot-atom and a host name: "ann@example.com". No quotes, no comments, no
// address in brackets.
bool IsMailAddress(std::string_view text);

// Atoms of ASCII with dots between them: the local part of an address, or of a Message-ID.
bool IsDotAtom(std::string_view text);

// A host name of letters, digits and hyphens.
bool IsHostName(std::string_view text);

// One line of UTF-8 without control characters.
bool IsHeaderText(std::string_view text);

// What may stand after "Subject: ": as it is where it is short and plain, else in encoded words,
// folded. `text` is header text.
std::string EncodeHeaderText(std::string_view text);

// "name <address>", or the address alone where the name is empty.
std::string FormatMailbox(std::string_view name, std::string_view address);

// "Sat, 31 Jan 2026 12:00:00 +0000", in any locale.
std::string FormatMailDate(absl::Time time);

// For text and for attributes in double quotes.
std::string EscapeHtml(std::string_view text);

// Every line end as CRLF.
std::string ToCrlf(std::string_view text);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_NOTIFY_MAIL_TEXT_H_
