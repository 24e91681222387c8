#include "notify/curl_transfer.h"

#include <algorithm>
#include <cstdint>

#include "outlive/core/clock.h"

namespace outlive::internal {
namespace {

// libcurl has to be initialised once in a process; it counts, so a host may do so too.
CURLcode InitialiseOnce() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  return code;
}

long Milliseconds(absl::Duration duration) {
  return static_cast<long>(std::max(absl::ToInt64Milliseconds(duration), std::int64_t{1}));
}

}  // namespace

CurlTransfer::CurlTransfer(const Limits& limits, const Progress& progress)
    : progress_(progress),
      deadline_(SystemClockInstance().SinceBoot() + limits.timeout),
      code_(InitialiseOnce()) {
  if (code_ != CURLE_OK) return;
  easy_.reset(curl_easy_init());
  if (easy_ == nullptr) {
    code_ = CURLE_FAILED_INIT;
    return;
  }
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_PROXY, "");
  Set(CURLOPT_NOPROXY, "*");
  Set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  Set(CURLOPT_FRESH_CONNECT, 1L);
  Set(CURLOPT_FORBID_REUSE, 1L);
  Set(CURLOPT_SSL_VERIFYPEER, 1L);
  Set(CURLOPT_SSL_VERIFYHOST, 2L);
  Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!limits.ca_file.empty()) {
    Set(CURLOPT_CAINFO, limits.ca_file.c_str());
    Set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
  Set(CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(limits.connect_timeout));
  Set(CURLOPT_TIMEOUT_MS, Milliseconds(limits.timeout));
  Set(CURLOPT_NOPROGRESS, 0L);
  Set(CURLOPT_XFERINFOFUNCTION, &OnProgress);
  Set(CURLOPT_XFERINFODATA, this);
}

// Called about once a second; not zero ends the transfer. libcurl's own time limit does not hold
// for its farewell to an SMTP server, this one does.
int CurlTransfer::OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  CurlTransfer& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.progress_.cancelled()) return 1;
  transfer.is_late_ = SystemClockInstance().SinceBoot() > transfer.deadline_;
  return transfer.is_late_ ? 1 : 0;
}

void CurlTransfer::AddHeader(const std::string& line) {
  curl_slist* const longer = curl_slist_append(headers_.get(), line.c_str());
  if (longer == nullptr) {
    code_ = CURLE_OUT_OF_MEMORY;
    return;
  }
  (void)headers_.release();
  headers_.reset(longer);
}

CURLcode CurlTransfer::Perform() {
  Set(CURLOPT_HTTPHEADER, headers_.get());
  if (code_ == CURLE_OK) code_ = curl_easy_perform(easy_.get());
  if (code_ == CURLE_ABORTED_BY_CALLBACK && is_late_) code_ = CURLE_OPERATION_TIMEDOUT;
  return code_;
}

long CurlTransfer::response_code() const {
  long code = 0;
  if (easy_ != nullptr) curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &code);
  return code;
}

curl_off_t CurlTransfer::uploaded_bytes() const {
  curl_off_t bytes = 0;
  if (easy_ != nullptr) curl_easy_getinfo(easy_.get(), CURLINFO_SIZE_UPLOAD_T, &bytes);
  return bytes;
}

}  // namespace outlive::internal
