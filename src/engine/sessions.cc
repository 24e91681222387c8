#include "engine/sessions.h"

#include <algorithm>
#include <utility>

namespace outlive::internal {

absl::Status Sessions::Open() {
  if (current() != nullptr) return absl::OkStatus();
  const absl::Duration sent = services_.clock.SinceBoot();
  auto session = std::make_shared<Session>(
      Session{RandomHex(services_.random, 16), sent + services_.options.lease});
  const absl::Status opened = services_.leases.Run(1, [&](StoreTransaction& transaction) {
    return transaction.OpenSession(session->name, services_.options.lease);
  });
  // In doubt: the name is not used again, and what nobody renews expires.
  if (!opened.ok()) return opened;
  MutexLock lock(mutex_);
  if (current_ == nullptr) current_ = std::move(session);
  return absl::OkStatus();
}

std::shared_ptr<const Session> Sessions::current() const {
  MutexLock lock(mutex_);
  return current_;
}

void Sessions::Retire() {
  MutexLock lock(mutex_);
  if (current_ != nullptr) retired_.push_back(std::move(current_));
  current_ = nullptr;
}

Sessions::Renewal Sessions::Renew() {
  std::vector<std::shared_ptr<Session>> all;
  {
    MutexLock lock(mutex_);
    all = retired_;
    if (current_ != nullptr) all.push_back(current_);
  }
  Renewal renewal;
  for (std::shared_ptr<Session>& session : all) {
    if (CloseIfIdle(session)) continue;
    const absl::Status status = RenewOne(session);
    const bool expired = services_.clock.SinceBoot() >= session->trusted_until;
    if (absl::IsAborted(status) || expired) {
      renewal.lost.push_back(session->name);
      Forget(session);
    }
    if (!status.ok() && !absl::IsAborted(status)) renewal.status = status;
  }
  return renewal;
}

absl::Status Sessions::RenewOne(const std::shared_ptr<Session>& session) {
  const absl::Duration sent = services_.clock.SinceBoot();
  absl::Status renewed = services_.leases.Run(1, [&](StoreTransaction& transaction) {
    return transaction.RenewSession(session->name, services_.options.lease);
  });
  if (renewed.ok()) session->trusted_until = sent + services_.options.lease;
  return renewed;
}

// A retired session is given to nobody new, so that once only this object (and the caller's copy)
// holds it, no job of this runner is under it any more.
bool Sessions::CloseIfIdle(const std::shared_ptr<Session>& session) {
  {
    MutexLock lock(mutex_);
    if (session == current_ || session.use_count() > 2) return false;
  }
  const absl::Status closed = services_.leases.Run(
      1, [&](StoreTransaction& transaction) { return transaction.CloseSession(session->name); });
  if (closed.ok()) Forget(session);
  return true;  // Not closed: it expires when nobody renews it.
}

void Sessions::Forget(const std::shared_ptr<Session>& session) {
  MutexLock lock(mutex_);
  if (current_ == session) current_ = nullptr;
  retired_.erase(std::remove(retired_.begin(), retired_.end(), session), retired_.end());
}

std::vector<std::string> Sessions::Names() const {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& session : retired_) names.push_back(session->name);
  if (current_ != nullptr) names.push_back(current_->name);
  return names;
}

void Sessions::Close() {
  for (const std::string& name : Names()) {
    // An error changes nothing: a session that is not closed expires.
    services_.leases
        .Run(1, [&](StoreTransaction& transaction) { return transaction.CloseSession(name); })
        .IgnoreError();
  }
  MutexLock lock(mutex_);
  current_ = nullptr;
  retired_.clear();
}

}  // namespace outlive::internal
