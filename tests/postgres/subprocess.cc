#include "tests/postgres/subprocess.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace outlive::testing {
namespace {

constexpr std::size_t kShownBytesMax = 4'096;
constexpr const char* kPreparations = "preparations";

// PostgreSQL refuses to run as root. Null: nothing to change.
const passwd* Identity() {
  if (geteuid() != 0) return nullptr;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = getpwnam(name)) return entry;
  }
  return nullptr;
}

// A child's side of fork(): another identity, our signals undone, and an end with its parent.
// Returns only where that failed.
void Become(const passwd* identity, const std::string& folder, const std::string& log, pid_t parent,
            int death_signal, char* const* words) {
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (out < 0 || in < 0 || dup2(in, STDIN_FILENO) < 0) return;
  if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0) return;
  if (identity != nullptr) {
    if (fchown(out, identity->pw_uid, identity->pw_gid) != 0) return;
    if (setgroups(0, nullptr) != 0 || setgid(identity->pw_gid) != 0) return;
    if (setuid(identity->pw_uid) != 0) return;
  }
  // After setuid(), which takes it back.
  if (prctl(PR_SET_PDEATHSIG, death_signal) != 0 || getppid() != parent) return;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (chdir(folder.c_str()) != 0) return;
  execv(words[0], words);
}

// Waits for the end of whoever has the other end of the pipe, and of the server, and deletes the
// folder where that was not done.
[[noreturn]] void BeJanitor(int pipe_end, const std::string& folder) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  // Others wait for the end of what was open in our parent.
  close_range(0, static_cast<unsigned>(pipe_end) - 1, 0);
  close_range(static_cast<unsigned>(pipe_end) + 1, ~0U, 0);
  char ignored = 0;
  while (read(pipe_end, &ignored, 1) > 0) {
  }
  pid_t server = 0;
  if (std::ifstream(folder + "/data/postmaster.pid") >> server && server > 0) {
    pollfd wait = {EndOf(server), POLLIN, 0};
    if (wait.fd >= 0) poll(&wait, 1, kPatienceMs);
  }
  std::error_code failed;
  std::filesystem::remove_all(folder, failed);
  _exit(0);
}

}  // namespace

WorkFolder::~WorkFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  if (janitor_ >= 0) close(janitor_);
}

std::string WorkFolder::Make() {
  std::string path = (std::filesystem::temp_directory_path() / "outlive-pg-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) return "cannot make the folder " + path;
  path_ = path;
  const passwd* identity = Identity();
  if (identity != nullptr && chown(path_.c_str(), identity->pw_uid, identity->pw_gid) != 0) {
    return "cannot give the folder " + path + " away";
  }
  LeaveJanitor();
  return "";
}

void WorkFolder::LeaveJanitor() {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return;
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() == 0) BeJanitor(ends[0], path_);
    _exit(0);
  }
  if (child > 0) waitpid(child, nullptr, 0);
  close(ends[0]);
  janitor_ = ends[1];
}

std::string WorkFolder::Write(const std::string& name, const std::string& text) const {
  const std::string path = path_ + "/" + name;
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written =
      file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const passwd* identity = Identity();
  const bool given = identity == nullptr || fchown(file, identity->pw_uid, identity->pw_gid) == 0;
  close(file);
  return written && given ? "" : "cannot write " + path;
}

pid_t WorkFolder::Spawn(const std::vector<std::string>& words, int death_signal,
                        const std::string& log) const {
  const std::string log_path = path_ + "/" + log;
  std::vector<std::string> copy = words;
  std::vector<char*> pointers;
  for (std::string& word : copy) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const passwd* identity = Identity();
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    Become(identity, path_, log_path, parent, death_signal, pointers.data());
    _exit(127);
  }
  return child < 0 ? 0 : child;
}

std::string WorkFolder::Run(const std::vector<std::string>& words) const {
  const pid_t child = Spawn(words, SIGKILL, kPreparations);
  int status = 0;
  const bool ended = child > 0 && waitpid(child, &status, 0) == child;
  const bool succeeded = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return succeeded ? "" : Failure(words[0] + " failed", kPreparations);
}

std::string WorkFolder::Failure(const std::string& what, const std::string& log) const {
  std::ifstream file(path_ + "/" + log);
  std::stringstream stream;
  stream << file.rdbuf();
  std::string text = stream.str();
  if (text.size() > kShownBytesMax) text.erase(0, text.size() - kShownBytesMax);
  return fmt::format("{}; its log ends with:\n{}", what, text);
}

bool End(pid_t process, int number) {
  kill(process, number);
  pollfd wait = {EndOf(process), POLLIN, 0};
  const bool ended = poll(&wait, 1, kPatienceMs) == 1;
  close(wait.fd);
  if (!ended) kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
  return ended;
}

int EndOf(pid_t process) { return static_cast<int>(syscall(SYS_pidfd_open, process, 0)); }

std::string RandomHex(std::size_t byte_count) {
  std::string bytes(byte_count, '\0');
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
  return hex;
}

}  // namespace outlive::testing
