// One process of the crash tests.
//
//   outlive_crash_process FOLDER NAME SEED [OPTION…] live|settle|serve|open
//
// live: a whole life, then exit 0. settle: run what is due, then exit 0. open: open the store, say
// its id, exit 0. serve: says "ready", then does what each line on standard input asks for, and
// answers each with a line: load N, fill N, hammer N, poison, beat, quiet, stop. After stop, or at
// the end of its input, it exits with 0. Exit 3: something did not work that has to.
//
//   --failpoint=NAME:HIT:kill|stop         end or stop itself there (failpoints.h)
//   --vfs=CALL:HIT:before|half|after       end itself at a call of SQLite (vfs_layer.h)
//   --keep=SECONDS  --pages=N  --busy=MS  --concurrency=N  --flow
//                                          CrashWorkerOptions: keep, checkpoint_page_count,
//                                          busy_timeout, concurrency, clock_flows
#include <sys/resource.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/processes/crash_worker.h"
#include "tests/processes/vfs_layer.h"

namespace outlive::testing {
namespace {

// "a:2:b" as {"a", "2", "b"}.
std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(':');
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool TakeValue(std::string_view argument, std::string_view name, std::string& value) {
  if (argument.substr(0, name.size()) != name) return false;
  value = argument.substr(name.size());
  return true;
}

// False where the argument is none.
bool TakeOption(std::string_view argument, CrashWorkerOptions& options) {
  std::string value;
  if (TakeValue(argument, "--failpoint=", value)) {
    const std::vector<std::string> parts = Split(value);
    options.failpoint = {
        parts.at(0), std::stoi(parts.at(1)),
        parts.at(2) == "stop" ? Failpoints::Action::kStop : Failpoints::Action::kKill};
  } else if (TakeValue(argument, "--vfs=", value)) {
    const std::vector<std::string> parts = Split(value);
    InstallKiller({parts.at(0), std::stoi(parts.at(1)),
                   parts.at(2) == "half"    ? VfsPlan::When::kHalf
                   : parts.at(2) == "after" ? VfsPlan::When::kAfter
                                            : VfsPlan::When::kBefore});
  } else if (TakeValue(argument, "--keep=", value)) {
    options.keep = absl::Seconds(std::stoi(value));
  } else if (TakeValue(argument, "--pages=", value)) {
    options.checkpoint_page_count = std::stoi(value);
  } else if (TakeValue(argument, "--concurrency=", value)) {
    options.concurrency = std::stoi(value);
  } else if (TakeValue(argument, "--busy=", value)) {
    options.busy_timeout = absl::Milliseconds(std::stoi(value));
  } else if (argument == "--flow") {
    options.clock_flows = true;
  } else {
    return false;
  }
  return true;
}

void Say(const std::string& line) { std::cout << line << '\n' << std::flush; }

int Serve(CrashWorker& worker) {
  if (const absl::Status started = worker.Start(); !started.ok()) {
    std::cerr << started << '\n';
    return 3;
  }
  Say("ready");
  std::string command;
  while (std::cin >> command) {
    int count = 0;
    if (command == "load" && std::cin >> count) {
      worker.Load(count);
    } else if (command == "fill" && std::cin >> count) {
      worker.Fill(count);
    } else if (command == "hammer" && std::cin >> count) {
      worker.Hammer(count);
    } else if (command == "poison") {
      worker.Poison();
    } else if (command == "beat") {
      worker.Beat();
    } else if (command == "quiet") {
      worker.BeQuiet();
    } else if (command == "stop") {
      break;
    } else {
      std::cerr << "no such command: " << command << '\n';
      return 3;
    }
    Say("done");
  }
  worker.Stop();
  Say("done");
  return 0;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() < 5) return 2;
  // Poison aborts: nobody needs the cores.
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  CrashWorkerOptions options;
  options.folder = arguments[1];
  options.name = arguments[2];
  options.seed = std::stoull(arguments[3]);
  for (std::size_t i = 4; i + 1 < arguments.size(); ++i) {
    if (!TakeOption(arguments[i], options)) return 2;
  }
  if (arguments.back() == "open") {
    const auto store = SqliteStore::Open(CrashPaths(options.folder).store(), {.watch = false});
    if (!store.ok()) {
      std::cerr << store.status() << '\n';
      return 3;
    }
    Say((*store)->info().store_id);
    return 0;
  }
  CrashWorker worker(options);
  if (arguments.back() == "serve") return Serve(worker);
  const bool settles = arguments.back() == "settle";
  if (!settles && arguments.back() != "live") return 2;
  const absl::Status status = settles ? worker.Settle() : worker.LiveOnce();
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 3;
}

}  // namespace
}  // namespace outlive::testing

int main(int count, char** arguments) {
  return outlive::testing::Main(std::vector<std::string>(arguments, arguments + count));
}
