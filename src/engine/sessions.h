// The sessions of one runner: the one it claims with, and earlier ones that still hold jobs.
//
// A session is retired when a claim's commit was in doubt: the store may have leased jobs to it
// that nobody here knows of. It is kept alive for the jobs that are known, then closed, and the
// unknown ones are rescued.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_ENGINE_SESSIONS_H_
#define OUTLIVE_SRC_ENGINE_SESSIONS_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/services.h"
#include "outlive/core/mutex.h"

namespace outlive::internal {

struct Session {
  const std::string name;
  // How long the store will keep it, by the clock's SinceBoot(): counted from the moment the
  // renewal was sent. Only Sessions touches it.
  absl::Duration trusted_until;
};

class Sessions {
 public:
  explicit Sessions(const Services& services) : services_(services) {}

  // Registers a session to claim with, where there is none.
  absl::Status Open();

  // The session to claim with; null: there is none, call Open(). Whoever works under a session
  // holds on to it.
  std::shared_ptr<const Session> current() const;

  // Claims with another one from now on.
  void Retire();

  // Renews all, and closes retired ones that nobody holds. Forgets sessions the store does not
  // know any more and returns them: their jobs are lost. Other errors are the store's; the sessions
  // whose trust has ended meanwhile are returned too, as they may have been given away.
  struct Renewal {
    absl::Status status;
    std::vector<std::string> lost;
  };
  Renewal Renew();

  // All that are alive or retired.
  std::vector<std::string> Names() const;

  // Ends all of them; their jobs, if there are any left, are rescued by others.
  void Close();

 private:
  absl::Status RenewOne(const std::shared_ptr<Session>& session);
  bool CloseIfIdle(const std::shared_ptr<Session>& session);
  void Forget(const std::shared_ptr<Session>& session);

  const Services& services_;
  mutable Mutex mutex_;
  std::shared_ptr<Session> current_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Session>> retired_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_SESSIONS_H_
