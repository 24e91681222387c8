#include "isolate/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace outlive::isolate {
namespace {

// The beginning of a file of /proc; empty where it cannot be read.
std::string ReadStart(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> buffer;
  const ssize_t count = file.get() < 0 ? -1 : read(file.get(), buffer.data(), buffer.size());
  return count < 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(count));
}

// Takes a number off the front of `text`, after blanks.
template <class Number>
bool TakeNumber(std::string_view& text, Number& number) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc();
}

// "1234 (name) S parent group session …": the name may hold anything, parentheses too. False: it is
// no child of this process.
bool ReadChild(const std::string& stat, ChildProcess& child) {
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos || end + 3 > stat.size()) return false;
  std::string_view rest = std::string_view(stat).substr(end + 3);  // After ") S".
  pid_t parent = -1;
  return TakeNumber(rest, parent) && parent == getpid() && TakeNumber(rest, child.group) &&
         TakeNumber(rest, child.session);
}

}  // namespace

Descriptor OpenProcess(pid_t pid) {
  return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

bool WaitForEnd(const Descriptor& process, absl::Duration timeout) {
  pollfd until = {process.get(), POLLIN, 0};
  const timespec longest = absl::ToTimespec(std::max(timeout, absl::ZeroDuration()));
  int count = 0;
  do {
    count = ppoll(&until, 1, &longest, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  // With SIGCHLD ignored, or a host that waits for all of its children, there is nothing to wait
  // for any more: ECHILD.
  siginfo_t info;
  waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process.get()), &info,
         WEXITED | WNOHANG);
  return true;
}

bool Kill(const Descriptor& process) {
  return syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == 0;
}

std::optional<absl::Duration> CpuTime(pid_t pid) {
  clockid_t clock;
  timespec used;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return std::nullopt;
  }
  return absl::DurationFromTimespec(used);
}

std::optional<std::vector<ChildProcess>> Children() {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), &closedir);
  if (proc == nullptr) return std::nullopt;
  std::vector<ChildProcess> children;
  bool any = false;  // A /proc without processes is none.
  while (const dirent* entry = readdir(proc.get())) {
    std::string_view name = entry->d_name;
    ChildProcess child;
    if (!TakeNumber(name, child.pid) || !name.empty()) continue;
    any = true;
    if (ReadChild(ReadStart("/proc/" + std::string(entry->d_name) + "/stat"), child)) {
      children.push_back(child);
    }
  }
  if (!any) return std::nullopt;
  return children;
}

std::uint64_t AddressSpaceBytes() {
  const std::string statm = ReadStart("/proc/self/statm");
  std::string_view text = statm;
  std::uint64_t pages = 0;
  if (!TakeNumber(text, pages)) return 0;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace outlive::isolate
