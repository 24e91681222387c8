// Client::Reencrypt() on a file, by processes that are killed in the middle of it.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "outlive/engine/client.h"
#include "tests/encrypt/rig.h"

namespace outlive::tests {
namespace {

using conformance::MustGet;
using testing::CheckTables;
using testing::SqliteFolder;

constexpr int kJobCount = 300;
constexpr int kBatch = 3;

std::string ArgsOf(JobId id) { return std::string(2'000, 'x') + std::to_string(id); }

// What a child does: a batch for each byte that it is sent, and says so with one.
void ReencryptOnDemand(const std::string& path, int from, int to) {
  const SealedStore sealed(path, kBoth);
  Client client(*sealed.store);
  ReencryptResult result{.last = 0, .more = true};
  char byte = 'b';
  while (result.more && read(from, &byte, 1) == 1) {
    const auto done = client.Reencrypt({.after = result.last, .job_count_max = kBatch});
    if (!done.ok() || write(to, &byte, 1) != 1) return;
    result = *done;
  }
}

// Lets a child do `batch_count` batches, and kills it during the next one.
void KillAfter(const std::string& path, int batch_count) {
  std::array<int, 2> to_child{};
  std::array<int, 2> from_child{};
  REQUIRE(pipe(to_child.data()) == 0);
  REQUIRE(pipe(from_child.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(to_child[1]);
    close(from_child[0]);
    ReencryptOnDemand(path, to_child[0], from_child[1]);
    _exit(0);
  }
  close(to_child[0]);
  close(from_child[1]);
  char byte = 'b';
  for (int i = 0; i < batch_count; ++i) {
    REQUIRE(write(to_child[1], &byte, 1) == 1);
    REQUIRE(read(from_child[0], &byte, 1) == 1);
  }
  REQUIRE(write(to_child[1], &byte, 1) == 1);
  REQUIRE(kill(child, SIGKILL) == 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  close(to_child[1]);
  close(from_child[0]);
}

void CheckAllReadable(const std::string& path, const std::vector<std::string>& keys) {
  const SealedStore sealed(path, keys);
  for (JobId id = 1; id <= kJobCount; ++id) {
    const Job job = MustGet(*sealed.store, id);
    REQUIRE_MESSAGE(job.payload_status.ok(), job.payload_status.ToString());
    REQUIRE(job.args == ArgsOf(id));
  }
}

TEST_CASE("a Reencrypt that is killed leaves all readable, and is simply begun again (Z05)") {
  const SqliteFolder folder;
  {
    const SealedStore sealed(folder.File(), kOld);
    std::vector<NewJob> jobs;
    for (JobId id = 1; id <= kJobCount; ++id) {
      jobs.push_back(conformance::MakeJob(conformance::kKind, ArgsOf(id)));
    }
    conformance::InsertAll(*sealed.store, jobs);
  }
  std::int64_t renewed = 0;
  for (const int batch_count : {5, 0, 30, 60}) {
    CAPTURE(batch_count);
    KillAfter(folder.File(), batch_count);
    const std::int64_t now = CountSealedWith(folder.File(), "new");
    CHECK(now >= std::max<std::int64_t>(renewed, batch_count * kBatch));
    CHECK(now <= std::max<std::int64_t>(renewed, (batch_count + 1) * kBatch));
    renewed = now;
    CHECK(CountSealedWith(folder.File(), "old") == kJobCount - renewed);
    CheckAllReadable(folder.File(), kBoth);
    CheckTables(folder.File());
  }
  {
    const SealedStore sealed(folder.File(), kBoth);
    Client client(*sealed.store);
    const ReencryptResult rest = *client.Reencrypt({.after = 0, .job_count_max = kJobCount + 1});
    CHECK(rest.job_count == kJobCount);
    CHECK(rest.renewed_count == kJobCount - renewed);
    CHECK_FALSE(rest.more);
  }
  CHECK(CountSealedWith(folder.File(), "new") == kJobCount);
  CheckAllReadable(folder.File(), kNew);
  CheckTables(folder.File());
}

TEST_CASE("a Reencrypt of large payloads stops before others have to wait long") {
  const SqliteFolder folder;
  const SealedStore sealed(folder.File(), kOld);
  for (int i = 0; i < 10; ++i) {
    conformance::MustInsert(*sealed.store,
                            conformance::MakeJob(conformance::kKind, std::string(1 << 20, 'x')));
  }
  const SealedStore rotated(folder.File(), kBoth);
  Client client(*rotated.store);
  const ReencryptResult first = *client.Reencrypt({.after = 0, .job_count_max = 100});
  CHECK(first.job_count == 8);
  CHECK(first.more);
  const ReencryptResult second = *client.Reencrypt({.after = first.last, .job_count_max = 100});
  CHECK(second.job_count == 2);
  CHECK(CountSealedWith(folder.File(), "new") == 10);
}

}  // namespace
}  // namespace outlive::tests
