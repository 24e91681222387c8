#include "isolate/spawn.h"

#include <absl/cleanup/cleanup.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "isolate/descriptor.h"
#include "isolate/system_error.h"

namespace outlive::isolate {
namespace {

// Above every number that a child is to have, so that none is overwritten before it is copied.
constexpr int kNumberMin = 16;

absl::StatusOr<std::vector<Descriptor>> Copies(const std::vector<int>& descriptors) {
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  std::vector<Descriptor> copies;
  for (const int descriptor : descriptors) {
    const int source = descriptor < 0 ? null.get() : descriptor;
    Descriptor copy(fcntl(source, F_DUPFD_CLOEXEC, kNumberMin));
    if (copy.get() < 0) return SystemError("cannot copy a descriptor");
    copies.push_back(std::move(copy));
  }
  return copies;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  // posix_spawn() takes them as they always were, and leaves them as they are.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Every signal that can be set to its default.
sigset_t AllSignals() {
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  return all;
}

int SetAttributes(posix_spawnattr_t& attributes) {
  const sigset_t all = AllSignals();
  sigset_t none;
  sigemptyset(&none);
  int error = posix_spawnattr_setsigdefault(&attributes, &all);
  if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (error == 0) error = posix_spawnattr_setpgroup(&attributes, 0);
  if (error != 0) return error;
  return posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
}

int SetActions(posix_spawn_file_actions_t& actions, const std::vector<Descriptor>& copies) {
  int error = 0;
  for (std::size_t i = 0; i < copies.size() && error == 0; ++i) {
    error = posix_spawn_file_actions_adddup2(&actions, copies[i].get(), static_cast<int>(i));
  }
  if (error != 0) return error;
  // Whatever the host has opened without close-on-exec, whenever: it is none of a child's business.
  return posix_spawn_file_actions_addclosefrom_np(&actions, static_cast<int>(copies.size()));
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const SpawnRequest& request) {
  const absl::StatusOr<std::vector<Descriptor>> copies = Copies(request.descriptors);
  if (!copies.ok()) return copies.status();
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawnattr_init(&attributes); error != 0) {
    return SystemError("posix_spawnattr_init", error);
  }
  const absl::Cleanup destroy_attributes = [&] { posix_spawnattr_destroy(&attributes); };
  if (const int error = posix_spawn_file_actions_init(&actions); error != 0) {
    return SystemError("posix_spawn_file_actions_init", error);
  }
  const absl::Cleanup destroy_actions = [&] { posix_spawn_file_actions_destroy(&actions); };
  int error = SetAttributes(attributes);
  if (error == 0) error = SetActions(actions, *copies);
  pid_t pid = -1;
  if (error == 0) {
    error = posix_spawn(&pid, request.program.c_str(), &actions, &attributes,
                        Pointers(request.arguments).data(), Pointers(request.environment).data());
  }
  if (error != 0) return SystemError("cannot start " + request.program, error);
  return pid;
}

}  // namespace outlive::isolate
