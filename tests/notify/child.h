// A server written in Python that a test starts, talks to, and ends. It prints one line of JSON for
// each thing that happens; the first says that it is ready.
#ifndef OUTLIVE_TESTS_NOTIFY_CHILD_H_
#define OUTLIVE_TESTS_NOTIFY_CHILD_H_

#include <sys/types.h>

#include <boost/json/object.hpp>
#include <string>
#include <vector>

namespace outlive::testing {

class Child {
 public:
  // Starts tests/notify/<script> and waits until it is ready; the test fails where that does not
  // work.
  explicit Child(const std::string& script, const std::vector<std::string>& arguments = {});

  // Ends it, by its id.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next thing that happened; fails the test where nothing does.
  boost::json::object Next();

  const boost::json::object& ready() const { return ready_; }
  int port() const;
  std::string certificate() const;

 private:
  pid_t pid_ = -1;
  int to_child_ = -1;
  int from_child_ = -1;
  std::string buffer_;
  boost::json::object ready_;
};

// A text member, or a failed test.
std::string Text(const boost::json::object& object, const char* member);

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_NOTIFY_CHILD_H_
