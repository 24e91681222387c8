#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/store_rules.h"
#include "testing/checks.h"

namespace outlive::testing::internal {
namespace {

// Whether an event can be what an end with this transition was turned into.
bool IsEndBy(const FoldedAttempt& attempt, Transition transition) {
  if (attempt.ended == nullptr || attempt.crashed) return false;
  // The last crash of a budget.
  if (transition == Transition::kCrash && attempt.ended->type == EventType::kDead) return true;
  return attempt.ended->type == EventOf(EndTransition(transition, false)) ||
         attempt.ended->type == EventOf(EndTransition(transition, true));
}

// An accepted end is in the log, under its fence.
void CheckFinish(const Operation& finish, const JobTrace& trace, const JobFold& fold,
                 Verdict& verdict) {
  const HistoryRecord& asked = *finish.invoke;
  if (finish.failed() && finish.result->code == absl::StatusCode::kAborted) {
    verdict.Count("fenced");
  }
  if (!finish.ok()) return;
  const FoldedAttempt* const attempt = fold.FindAttempt(asked.fence);
  if (attempt != nullptr && IsEndBy(*attempt, *asked.transition)) return;
  verdict.Add("I5",
              fmt::format("job {}: an end under fence {} was accepted and is not in the log",
                          trace.id, asked.fence),
              {attempt == nullptr ? nullptr : attempt->claimed,
               attempt == nullptr ? nullptr : attempt->ended, *finish.result});
}

// An end in the log was asked for by the holder of that very lease.
void CheckEnded(const JobTrace& trace, const FoldedAttempt& attempt, Verdict& verdict) {
  if (attempt.ended == nullptr || attempt.crashed) return;
  const Operation* refused = nullptr;
  for (const Operation* const finish : trace.finishes) {
    if (finish->invoke->fence != attempt.fence) continue;
    if (!finish->failed() && IsEndBy(attempt, *finish->invoke->transition)) return;
    refused = finish;
  }
  verdict.Add("I5",
              fmt::format("job {}: attempt {} has ended, and its holder did not end it", trace.id,
                          attempt.fence),
              {*attempt.claimed, *attempt.ended, refused == nullptr ? nullptr : refused->result});
}

// Nothing is accepted that began after a newer lease was given out, whatever the log says.
void CheckStale(const JobTrace& trace, Verdict& verdict) {
  // After each lease that was given out: the greatest fence so far.
  std::vector<std::pair<std::int64_t, const Operation*>> grants;
  for (const Operation* const claim : trace.claims) {
    if (claim->ok()) grants.emplace_back(claim->ended(), claim);
  }
  std::sort(grants.begin(), grants.end());
  for (std::size_t i = 1; i < grants.size(); ++i) {
    if (grants[i].second->invoke->fence < grants[i - 1].second->invoke->fence) {
      grants[i].second = grants[i - 1].second;
    }
  }
  const auto check = [&](const Operation& write) {
    if (!write.ok()) return;
    const auto after = std::upper_bound(
        grants.begin(), grants.end(), write.begun(),
        [](std::int64_t moment, const auto& grant) { return moment < grant.first; });
    if (after == grants.begin()) return;
    const Operation& newest = *std::prev(after)->second;
    if (newest.invoke->fence <= write.invoke->fence) return;
    verdict.Add(
        "I5",
        fmt::format("job {}: a {} under fence {} was accepted after fence {} was given out",
                    trace.id, HistoryOpName(write.op()), write.invoke->fence, newest.invoke->fence),
        {*newest.result, *write.invoke, *write.result});
  };
  for (const Operation* const write : trace.writes) check(*write);
  for (const Operation* const finish : trace.finishes) check(*finish);
}

}  // namespace

void CheckWrites(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  if (!index.port_recorded) return;
  for (const auto& [id, trace] : index.jobs) {
    CheckStale(trace, verdict);
    for (const Operation* const write : trace.writes) {
      if (write->failed() && write->result->code == absl::StatusCode::kAborted) {
        verdict.Count("fenced");
      }
    }
    const JobFold* const fold = SoundFold(folds, id);
    if (fold == nullptr) continue;
    for (const Operation* const finish : trace.finishes) {
      CheckFinish(*finish, trace, *fold, verdict);
    }
    for (const auto& [fence, attempt] : fold->attempts) CheckEnded(trace, attempt, verdict);
  }
}

// -- Rescues ------------------------------------------------------------------------------------

namespace {

// A session must not have lost a job before its lease was over.
void CheckSession(const Operations& session, const JobTrace& trace, const FoldedAttempt& attempt,
                  Verdict& verdict) {
  const Operation* longest = nullptr;
  for (const Operation* const operation : session) {
    const HistoryRecord& asked = *operation->invoke;
    if (operation->op() == HistoryOp::kCloseSession) {
      if (!operation->failed() && asked.at <= attempt.ended->at) return;
      continue;
    }
    if (!operation->ok()) continue;
    if (longest == nullptr ||
        asked.at + asked.lease > longest->invoke->at + longest->invoke->lease) {
      longest = operation;
    }
  }
  if (longest == nullptr) return;
  // Renewed is renewed, even if after the fact: then it had not expired, and was not free to take.
  if (attempt.ended->at >= longest->invoke->at + longest->invoke->lease) return;
  verdict.Add("I4",
              fmt::format("job {} was taken away from a session that had not expired", trace.id),
              {*attempt.claimed, *longest->result, *attempt.ended});
}

}  // namespace

void CheckRescues(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  std::set<std::string_view> lost;
  for (const auto& [id, trace] : index.jobs) {
    const JobFold* const fold = SoundFold(folds, id);
    if (fold == nullptr) continue;
    for (const Operation* const claim : trace.claims) {
      const FoldedAttempt* const attempt = fold->FindAttempt(claim->invoke->fence);
      if (attempt == nullptr || !attempt->crashed) continue;
      if (claim != GrantOf(trace, attempt->fence)) continue;
      lost.insert(claim->invoke->session);
      const auto session = index.sessions.find(claim->invoke->session);
      if (session != index.sessions.end()) {
        CheckSession(session->second, trace, *attempt, verdict);
      }
      const LastSeen& holder = index.processes.at(claim->invoke->process);
      if (index.options.live_processes_keep_leases && holder.at > attempt->ended->at) {
        verdict.Add("I4", fmt::format("job {} was taken away from a process that lives", id),
                    {*attempt->claimed, *claim->invoke, *attempt->ended});
      }
    }
  }
  verdict.Count("sessions", static_cast<std::int64_t>(index.sessions.size()));
  verdict.Count("lost_sessions", static_cast<std::int64_t>(lost.size()));
}

}  // namespace outlive::testing::internal
