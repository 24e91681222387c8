#include "tests/artifact/rig.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "outlive/core/random.h"

namespace outlive::testing {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder()
    : path_(fs::temp_directory_path() /
            ("outlive-artifact-" + RandomHex(SystemRandomInstance(), 8))) {
  REQUIRE(fs::create_directory(path_));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<std::string> FilesUnder(const fs::path& root) {
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = fs::relative(entry.path(), root).string();
    if (entry.is_regular_file() && name != "STORE") files.push_back(name);
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  REQUIRE(file.good());
}

RunningJob::RunningJob(JobStore& store, absl::Duration lease) : store_(store) {
  auto transaction = store_.Begin();
  REQUIRE(transaction.ok());
  NewJob job;
  job.kind = "report";
  job.args = "{}";
  const auto inserted = (*transaction)->Insert(absl::MakeConstSpan(&job, 1));
  REQUIRE(inserted.ok());
  REQUIRE(inserted->at(0).ok());
  REQUIRE((*transaction)->Commit().ok());
  Claim(lease);
  REQUIRE(lease_.job == inserted->at(0)->id);
}

RunningJob::RunningJob(JobStore& store, const RunningJob& lost) : store_(store) {
  auto transaction = store_.Begin();
  REQUIRE(transaction.ok());
  const auto rescued =
      (*transaction)->Rescue({.job_count_max = 10, .crash_count_max = 3, .delay = {}});
  REQUIRE(rescued.ok());
  REQUIRE(rescued->size() == 1);
  REQUIRE((*transaction)->Commit().ok());
  Claim(absl::Hours(1));
  REQUIRE(lease_.job == lost.lease_.job);
  REQUIRE(lease_.fence > lost.lease_.fence);
}

void RunningJob::Claim(absl::Duration lease) {
  const std::string session = RandomHex(SystemRandomInstance(), 16);
  auto transaction = store_.Begin();
  REQUIRE(transaction.ok());
  REQUIRE((*transaction)->OpenSession(session, lease).ok());
  ClaimRequest request;
  request.session = session;
  request.queues = {{"default", 1}};
  request.kinds = {"report"};
  const auto claimed = (*transaction)->Claim(request);
  REQUIRE(claimed.ok());
  REQUIRE(claimed->jobs.size() == 1);
  REQUIRE((*transaction)->Commit().ok());
  lease_ = claimed->jobs.front().lease;
}

void RunningJob::CompleteAndPrune() {
  auto transaction = store_.Begin();
  REQUIRE(transaction.ok());
  Finished finished;
  finished.lease = lease_;
  const auto ended = (*transaction)->Finish(absl::MakeConstSpan(&finished, 1));
  REQUIRE(ended.ok());
  REQUIRE(ended->at(0).ok());
  REQUIRE((*transaction)->Commit().ok());
  transaction = store_.Begin();
  REQUIRE(transaction.ok());
  PruneRequest prune;
  prune.keep_completed = absl::ZeroDuration();
  REQUIRE((*transaction)->Prune(prune).ok());
  REQUIRE((*transaction)->Commit().ok());
}

absl::Status RunningJob::SaveCheckpoint(std::string_view) {
  return absl::UnimplementedError("not needed here");
}

absl::Status RunningJob::CompleteIn(HostTransaction, std::string_view) {
  return absl::UnimplementedError("not needed here");
}

absl::Status RunningJob::PublishArtifact(const Artifact& artifact) {
  if (before_publish) {
    if (absl::Status status = before_publish(artifact); !status.ok()) return status;
  }
  auto transaction = store_.Begin();
  if (!transaction.ok()) return transaction.status();
  WorkerWrite write;
  write.lease = lease_;
  write.artifact = artifact;
  const auto written = (*transaction)->Write(absl::MakeConstSpan(&write, 1));
  if (!written.ok()) return written.status();
  if (!written->at(0).ok()) return written->at(0);
  if (absl::Status status = (*transaction)->Commit(); !status.ok()) return status;
  return publish_result;
}

}  // namespace outlive::testing
