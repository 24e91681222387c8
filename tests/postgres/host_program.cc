// One Host in a process of its own, which may be killed.
//
//   outlive_postgres_host CONNINFO SCHEMA FOLDER NAME SEED
//
// Says "ready", then does what each line on standard input asks for, and answers each with a line:
// load N, quiet, stop. After stop, or at the end of its input, it exits with 0. Exit 3: it could
// not begin.
#include <iostream>
#include <string>
#include <vector>

#include "tests/postgres/host.h"

namespace outlive::testing {
namespace {

void Say(const std::string& line) { std::cout << line << '\n' << std::flush; }

int Main(const std::vector<std::string>& words) {
  if (words.size() != 6) return 2;
  HostOptions options;
  options.conninfo = words[1];
  options.schema = words[2];
  options.folder = words[3];
  options.name = words[4];
  options.seed = std::stoull(words[5]);
  options.lease = absl::Seconds(1);
  // A process that is stopped keeps nobody waiting for its locks for long.
  options.store.idle_timeout = absl::Seconds(1);
  const absl::StatusOr<std::unique_ptr<Host>> host = Host::Open(options);
  const absl::Status started = host.ok() ? (*host)->Start() : host.status();
  if (!started.ok()) {
    std::cerr << started << '\n';
    return 3;
  }
  Say("ready");
  std::string command;
  while (std::cin >> command && command != "stop") {
    int count = 0;
    if (command == "load" && std::cin >> count) {
      (*host)->Load(count);
    } else if (command == "quiet") {
      (*host)->BeQuiet();
    } else {
      return 2;
    }
    Say("done");
  }
  (*host)->Stop(absl::Seconds(30));
  if (command == "stop") Say("done");
  return 0;
}

}  // namespace
}  // namespace outlive::testing

int main(int count, char** words) {
  return outlive::testing::Main(std::vector<std::string>(words, words + count));
}
