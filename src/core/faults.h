// Collects what is wrong with an input, so that the caller learns all of it at once.
#ifndef OUTLIVE_SRC_CORE_FAULTS_H_
#define OUTLIVE_SRC_CORE_FAULTS_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>

namespace outlive::internal {

class Faults {
 public:
  // `subject` is what is being checked: "retry policy".
  explicit Faults(std::string_view subject) : text_(subject) {}

  void Require(bool holds, std::string_view otherwise) {
    if (!holds) Add(otherwise);
  }

  void Add(std::string_view fault) {
    text_.append(ok_ ? ": " : "; ").append(fault);
    ok_ = false;
  }

  void AddIfError(const absl::Status& status) {
    if (!status.ok()) Add({status.message().data(), status.message().size()});
  }

  absl::Status ToStatus() const {
    return ok_ ? absl::OkStatus() : absl::InvalidArgumentError(text_);
  }

 private:
  std::string text_;
  bool ok_ = true;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_CORE_FAULTS_H_
