#include "outlive/testing/enqueued.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "outlive/core/limits.h"
#include "outlive/core/log.h"

namespace outlive::testing {
namespace {

// Jobs and bytes of each that a failure shows.
constexpr std::size_t kShownCountMax = 20;
constexpr std::size_t kShownBytesMax = 200;

std::string Shown(const std::vector<Job>& jobs) {
  if (jobs.empty()) return "none";
  std::string text;
  for (std::size_t i = 0; i < std::min(jobs.size(), kShownCountMax); ++i) {
    const std::string args = EscapeForLog(jobs[i].args.substr(0, kShownBytesMax));
    text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", args, JobStateName(jobs[i].state));
  }
  if (jobs.size() > kShownCountMax) {
    text += fmt::format(", and {} more", jobs.size() - kShownCountMax);
  }
  return text;
}

absl::Status Expect(Client& client, std::string_view kind, std::optional<std::string_view> args,
                    int job_count) {
  const absl::StatusOr<std::vector<Job>> jobs = EnqueuedJobs(client, kind);
  if (!jobs.ok()) return jobs.status();
  const auto matches = [&](const Job& job) { return !args || job.args == *args; };
  const auto found = std::count_if(jobs->begin(), jobs->end(), matches);
  if (found == job_count) return absl::OkStatus();
  const std::string with =
      args ? fmt::format(" with {}", EscapeForLog(args->substr(0, kShownBytesMax))) : "";
  return absl::FailedPreconditionError(
      fmt::format("expected {} of {}{} to be enqueued, and found {}; of this kind there are: {}",
                  job_count, kind, with, found, Shown(*jobs)));
}

}  // namespace

absl::StatusOr<std::vector<Job>> EnqueuedJobs(Client& client, std::string_view kind) {
  JobFilter filter;
  filter.kind = std::string(kind);
  JobPage page;
  page.row_count_max = limits::kPageRowCountMax;
  std::vector<Job> jobs;
  while (true) {
    const absl::StatusOr<std::vector<Job>> rows = client.List(filter, page);
    if (!rows.ok()) return rows.status();
    for (const Job& row : *rows) {
      absl::StatusOr<Job> job = client.Get(row.id);
      if (!job.ok()) return job.status();
      jobs.push_back(*std::move(job));
    }
    if (rows->size() < static_cast<std::size_t>(page.row_count_max)) break;
    page.before = rows->back().id;
  }
  std::reverse(jobs.begin(), jobs.end());
  return jobs;
}

absl::Status ExpectEnqueued(Client& client, std::string_view kind, int job_count) {
  return Expect(client, kind, std::nullopt, job_count);
}

absl::Status ExpectEnqueued(Client& client, std::string_view kind, std::string_view args,
                            int job_count) {
  return Expect(client, kind, args, job_count);
}

}  // namespace outlive::testing
