#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "notify/mail_text.h"
#include "outlive/core/args.h"
#include "outlive/notify/email_notifier.h"

namespace outlive {
namespace {

// "has completed".
std::string_view EndInWords(JobState state) {
  switch (state) {
    case JobState::kCompleted:
      return "has completed";
    case JobState::kCancelled:
      return "was cancelled";
    default:
      return "has failed";
  }
}

// JSON where it looks like an object, else a text of the host's.
absl::StatusOr<EmailData> ReadData(const std::string& data) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(data);
  if (absl::StartsWith(text, "{")) return DecodeArgs<EmailData>(data);
  EmailData plain;
  plain.text = data;
  return plain;
}

bool IsLink(const std::string& link) {
  return (absl::StartsWith(link, "https://") || absl::StartsWith(link, "http://")) &&
         link.size() <= 2048 && internal::IsHeaderText(link) && link.find(' ') == std::string::npos;
}

}  // namespace

absl::StatusOr<Email> ComposeJobEmail(const Notification& notification) {
  const absl::StatusOr<EmailData> data = ReadData(notification.data);
  if (!data.ok()) return data.status();
  if (!data->link.empty() && !IsLink(data->link)) {
    return absl::InvalidArgumentError("link: must be an http or https URL");
  }
  const JobEnd& end = notification.end;
  const std::string what = fmt::format("Job {} {}", end.job_id, EndInWords(end.state));

  Email email;
  email.subject = data->subject.empty() ? what : data->subject;
  email.text = fmt::format("{} ({}).\n", what, end.kind);
  email.html = fmt::format("<p>{} ({}).</p>\n", what, internal::EscapeHtml(end.kind));
  const auto add = [&](std::string_view text) {
    if (text.empty()) return;
    email.text += fmt::format("\n{}\n", text);
    email.html +=
        fmt::format("<p style=\"white-space: pre-line\">{}</p>\n", internal::EscapeHtml(text));
  };
  add(data->text);
  if (end.state != JobState::kCompleted) add(end.error);
  if (!data->link.empty()) {
    const std::string link = internal::EscapeHtml(data->link);
    email.text += fmt::format("\n{}\n", data->link);
    email.html += fmt::format("<p><a href=\"{}\">{}</a></p>\n", link, link);
  }
  email.html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta "
      "charset=\"utf-8\"><title>{}</title></head>\n"
      "<body>\n{}</body>\n</html>\n",
      internal::EscapeHtml(email.subject), email.html);
  return email;
}

}  // namespace outlive
