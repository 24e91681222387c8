// One transfer by libcurl, with what all of ours have in common: no signals, no proxies of the
// environment, no connections kept, certificates checked, and an eye on Progress::cancelled().
#ifndef OUTLIVE_SRC_NOTIFY_CURL_TRANSFER_H_
#define OUTLIVE_SRC_NOTIFY_CURL_TRANSFER_H_

#include <absl/time/time.h>
#include <curl/curl.h>

#include <memory>
#include <string>

#include "outlive/core/progress.h"

namespace outlive::internal {

// Calls a function of libcurl to free what a unique_ptr holds.
template <auto kFree>
struct CurlFree {
  template <class T>
  void operator()(T* each) const {
    kFree(each);
  }
};
using CurlUrl = std::unique_ptr<CURLU, CurlFree<curl_url_cleanup>>;
using CurlMime = std::unique_ptr<curl_mime, CurlFree<curl_mime_free>>;

class CurlTransfer {
 public:
  struct Limits {
    absl::Duration connect_timeout;
    absl::Duration timeout;
    std::string ca_file;  // Empty: the system's.
  };

  CurlTransfer(const Limits& limits, const Progress& progress);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // The first option that libcurl refuses is what Perform() fails with.
  template <class T>
  void Set(CURLoption option, T value) {
    if (code_ == CURLE_OK) code_ = curl_easy_setopt(easy_.get(), option, value);
  }

  // A line of the header, without its end.
  void AddHeader(const std::string& line);

  // CURLE_ABORTED_BY_CALLBACK: cancelled. Takes at most a second more than the limits allow.
  CURLcode Perform();

  // The status of HTTP, the last reply of SMTP; 0: none came.
  long response_code() const;
  curl_off_t uploaded_bytes() const;

  CURL* easy() const { return easy_.get(); }

 private:
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  const Progress& progress_;
  const absl::Duration deadline_;  // Since boot.
  bool is_late_ = false;
  std::unique_ptr<CURL, CurlFree<curl_easy_cleanup>> easy_;
  std::unique_ptr<curl_slist, CurlFree<curl_slist_free_all>> headers_;
  CURLcode code_ = CURLE_OK;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_NOTIFY_CURL_TRANSFER_H_
