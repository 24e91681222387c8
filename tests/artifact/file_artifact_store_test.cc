#include "outlive/artifact/file_artifact_store.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "outlive/store/memory_store.h"
#include "tests/artifact/faulty_calls.h"
#include "tests/artifact/rig.h"

namespace {

namespace fs = std::filesystem;
using outlive::Artifact;
using outlive::ByteSink;
using outlive::FileArtifactStore;
using outlive::FileArtifactStoreOptions;
using outlive::testing::FaultyCalls;
using outlive::testing::FaultyStore;
using outlive::testing::FilesUnder;
using outlive::testing::ManualClock;
using outlive::testing::RunningJob;
using outlive::testing::TemporaryFolder;

constexpr char kPdf[] = "application/pdf";

// A store of artifacts over a store of jobs in memory, and a job that is running.
struct Rig {
  explicit Rig(const FileArtifactStoreOptions& wanted = {}) : options(wanted) { OpenAgain(); }

  void OpenAgain() {
    options.clock = &clock;
    artifacts = FileArtifactStore::Open(folder.string(), jobs, options).value();
  }

  absl::StatusOr<Artifact> Put(RunningJob& to, std::string_view bytes) {
    return artifacts->Put(to, "report.pdf", kPdf,
                          [&](ByteSink& sink) { return sink.Write(bytes); });
  }
  absl::StatusOr<Artifact> Put(std::string_view bytes) { return Put(job, bytes); }

  fs::path PathOf(const Artifact& artifact) const {
    return folder.path() / artifact.id.substr(0, 2) / artifact.id;
  }

  FileArtifactStoreOptions options;
  TemporaryFolder folder;
  ManualClock clock;
  outlive::MemoryStore memory{{.clock = &clock}};
  FaultyStore jobs{memory};
  RunningJob job{memory};
  std::unique_ptr<FileArtifactStore> artifacts;
};

// All bytes from where the source is.
std::string ReadAll(outlive::ByteSource& source) {
  std::string bytes;
  char buffer[1000];
  for (;;) {
    const absl::StatusOr<std::size_t> count = source.Read(absl::MakeSpan(buffer));
    REQUIRE(count.ok());
    if (*count == 0) return bytes;
    bytes.append(buffer, *count);
  }
}

std::string Pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

absl::Status WriteInPieces(ByteSink& sink, std::string_view bytes, std::size_t piece) {
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (absl::Status status = sink.Write(bytes.substr(at, piece)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// A file system of `size` on a folder, until it is destroyed. False where it cannot be mounted.
class SmallDisk {
 public:
  SmallDisk(const fs::path& path, const std::string& size)
      : path_(path.string()),
        mounted_(mount("tmpfs", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0) {}
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  bool MakeReadOnly() const {
    return mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }

 private:
  const std::string path_;
  const bool mounted_;
};

}  // namespace

// -- Putting and opening ------------------------------------------------------------------------

TEST_CASE("what is put is found, with its size, SHA-256 and time") {
  Rig rig;
  const absl::StatusOr<Artifact> put =
      rig.artifacts->Put(rig.job, "Отчёт 1.pdf", "application/pdf; charset=utf-8",
                         [](ByteSink& sink) { return sink.Write("abc"); });
  REQUIRE(put.ok());
  CHECK(put->id.size() == 32);
  CHECK(put->job_id == rig.job.id());
  CHECK(put->fence == rig.job.fence());
  CHECK(put->name == "Отчёт 1.pdf");
  CHECK(put->media_type == "application/pdf; charset=utf-8");
  CHECK(put->size == 3);
  // The example of FIPS 180-2.
  CHECK(put->sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(put->created_at == rig.clock.Now());
  CHECK(rig.memory.FindArtifact(put->id).value() == *put);

  auto opened = rig.artifacts->Open(put->id);
  REQUIRE(opened.ok());
  CHECK(opened->artifact == *put);
  CHECK(ReadAll(*opened->bytes) == "abc");
}

TEST_CASE("bytes come back as they were written, whatever the pieces") {
  Rig rig;
  const std::string bytes = Pattern(200'000);
  for (const std::size_t piece : {997, 4096, 65'536, 65'537, 199'999, 200'000}) {
    CAPTURE(piece);
    const auto put = rig.artifacts->Put(
        rig.job, "x", kPdf, [&](ByteSink& sink) { return WriteInPieces(sink, bytes, piece); });
    REQUIRE(put.ok());
    CHECK(put->size == 200'000);
    auto opened = rig.artifacts->Open(put->id);
    REQUIRE(opened.ok());
    CHECK(ReadAll(*opened->bytes) == bytes);
  }
  const auto empty =
      rig.artifacts->Put(rig.job, "x", kPdf, [](ByteSink&) { return absl::OkStatus(); });
  REQUIRE(empty.ok());
  CHECK(empty->size == 0);
  CHECK(ReadAll(*rig.artifacts->Open(empty->id)->bytes).empty());
}

TEST_CASE("a source goes to any offset within the artifact (A09)") {
  Rig rig;
  auto opened = rig.artifacts->Open(rig.Put("0123456789").value().id);
  REQUIRE(opened.ok());
  outlive::ByteSource& source = *opened->bytes;
  REQUIRE(source.Seek(7).ok());
  CHECK(ReadAll(source) == "789");
  REQUIRE(source.Seek(10).ok());
  CHECK(ReadAll(source).empty());
  CHECK(absl::IsOutOfRange(source.Seek(11)));
  CHECK(absl::IsOutOfRange(source.Seek(-1)));
  REQUIRE(source.Seek(0).ok());
  char two[2];
  CHECK(source.Read(absl::MakeSpan(two)).value() == 2);
  CHECK(std::string(two, 2) == "01");
}

TEST_CASE("files and folders are for their owner alone") {
  Rig rig;
  const Artifact artifact = rig.Put("secret").value();
  struct stat info = {};
  REQUIRE(stat(rig.PathOf(artifact).c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  REQUIRE(stat(rig.PathOf(artifact).parent_path().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0700);
}

TEST_CASE("bytes are durable before their name is, and both before the row") {
  Rig rig;
  FaultyCalls kernel;
  rig.job.before_publish = [&](const Artifact&) {
    kernel.Record("row");
    return absl::OkStatus();
  };
  REQUIRE(rig.Put("abc").ok());
  const std::vector<std::string> wanted = {"mkdir", "sync",   "create", "write", "date",
                                           "sync",  "rename", "sync",   "row"};
  CHECK(kernel.calls() == wanted);
}

TEST_CASE("whichever system call fails, a typed error comes and nothing is left (A02)") {
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    bool failed = true;
    for (int n = 1; failed; ++n) {
      REQUIRE(n < 30);
      CAPTURE(n);
      Rig rig;
      absl::Status status;
      {
        FaultyCalls kernel(n, error);
        status = rig.Put(Pattern(200'000)).status();
        failed = kernel.has_failed();
      }
      if (!failed) {
        CHECK(n > 8);
        CHECK(status.ok());
        break;
      }
      CHECK(absl::IsUnavailable(status));
      CHECK(status.message().find(std::strerror(error)) != absl::string_view::npos);
      CHECK(FilesUnder(rig.folder.path()).empty());
      CHECK(rig.memory.Get(rig.job.id())->artifacts.empty());
      CHECK(rig.Put("again").ok());
    }
  }
}

TEST_CASE("a full disk is kUnavailable, and the next smaller artifact fits (A02)") {
  const TemporaryFolder place;
  const SmallDisk disk(place.path(), "200k");
  if (!disk.mounted()) {
    std::cout << "[skipped] a small file system cannot be mounted here: " << std::strerror(errno)
              << "\n";
    return;
  }
  const ManualClock clock;
  outlive::MemoryStore jobs({.clock = &clock});
  RunningJob job(jobs);
  auto artifacts = FileArtifactStore::Open(place.string(), jobs).value();
  const auto put = [&](std::size_t size) {
    return artifacts->Put(
        job, "x", kPdf, [&](ByteSink& sink) { return WriteInPieces(sink, Pattern(size), 10'000); });
  };
  const absl::Status full = put(1'000'000).status();
  CHECK(absl::IsUnavailable(full));
  CHECK(full.message().find("No space left") != absl::string_view::npos);
  CHECK(FilesUnder(place.path()).empty());
  CHECK(put(50'000).ok());
}

TEST_CASE("the system's limit on a file's size is kResourceExhausted (A02)") {
  Rig rig;
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 100'000;
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const absl::Status status = rig.Put(Pattern(300'000)).status();
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(absl::IsResourceExhausted(status));
  CHECK(FilesUnder(rig.folder.path()).empty());
}

TEST_CASE("a writer that fails after any piece leaves nothing, and its error is passed on (A01)") {
  Rig rig;
  for (int pieces = 0; pieces <= 5; ++pieces) {
    const auto put = rig.artifacts->Put(rig.job, "x", kPdf, [&](ByteSink& sink) -> absl::Status {
      for (int i = 0; i < pieces; ++i) {
        if (absl::Status status = sink.Write(std::string(65'536, 'x')); !status.ok()) return status;
      }
      CHECK(FilesUnder(rig.folder.path()).size() == 1);
      return absl::FailedPreconditionError("the upload broke off");
    });
    CHECK(put.status() == absl::FailedPreconditionError("the upload broke off"));
    CHECK(FilesUnder(rig.folder.path()).empty());
  }
  CHECK(rig.memory.Get(rig.job.id())->artifacts.empty());
}

TEST_CASE("an exception of the writer goes through, and nothing is left (A01)") {
  Rig rig;
  CHECK_THROWS_AS((void)rig.artifacts->Put(rig.job, "x", kPdf,
                                           [](ByteSink& sink) -> absl::Status {
                                             (void)sink.Write(std::string(100'000, 'x'));
                                             throw std::runtime_error("bug");
                                           }),
                  std::runtime_error);
  CHECK(FilesUnder(rig.folder.path()).empty());
}

TEST_CASE("a writer that overlooks the sink's error publishes nothing") {
  Rig rig({.artifact_bytes_max = 100'000});
  const auto put = rig.artifacts->Put(rig.job, "x", kPdf, [](ByteSink& sink) {
    CHECK(absl::IsResourceExhausted(sink.Write(std::string(200'000, 'x'))));
    CHECK(absl::IsResourceExhausted(sink.Write("y")));  // It stays failed.
    return absl::OkStatus();
  });
  CHECK(absl::IsResourceExhausted(put.status()));
  CHECK(FilesUnder(rig.folder.path()).empty());
}

TEST_CASE("a process that dies while it writes leaves what garbage collection takes (A01)") {
  Rig rig;
  std::cout.flush();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    (void)rig.artifacts->Put(rig.job, "x", kPdf, [](ByteSink& sink) -> absl::Status {
      (void)sink.Write(std::string(100'000, 'x'));
      kill(getpid(), SIGKILL);
      return absl::OkStatus();
    });
    _exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));

  REQUIRE(FilesUnder(rig.folder.path()).size() == 1);
  // The file has the kernel's time; the clock of the test goes on from far behind it.
  rig.clock.Advance(absl::Now() - rig.clock.Now() + absl::Minutes(59));
  CHECK(rig.artifacts->CollectGarbage().value() == 0);
  rig.clock.Advance(absl::Minutes(2));
  CHECK(rig.artifacts->CollectGarbage().value() == 1);
  CHECK(FilesUnder(rig.folder.path()).empty());
}

// -- Fences -------------------------------------------------------------------------------------

TEST_CASE("an attempt that has lost its lease publishes nothing over the next one (A03)") {
  Rig rig;
  RunningJob stale(rig.memory, absl::Seconds(60));
  std::optional<RunningJob> fresh;
  std::optional<Artifact> won;
  const auto put = rig.artifacts->Put(stale, "report.pdf", kPdf, [&](ByteSink& sink) {
    // It stalls; another attempt makes the same report meanwhile.
    rig.clock.Advance(absl::Seconds(61));
    fresh.emplace(rig.memory, stale);
    won = rig.Put(*fresh, "fresh").value();
    return sink.Write("stale");
  });
  CHECK(absl::IsAborted(put.status()));
  CHECK(rig.memory.Get(fresh->id())->artifacts == std::vector<Artifact>{*won});
  CHECK(ReadAll(*rig.artifacts->Open(won->id)->bytes) == "fresh");
  CHECK(FilesUnder(rig.folder.path()).size() == 1);
}

TEST_CASE("once the lease is known to be lost, nothing more is written (A03)") {
  Rig rig;
  const auto put = rig.artifacts->Put(rig.job, "x", kPdf, [&](ByteSink& sink) {
    CHECK(sink.Write(std::string(65'536, 'x')).ok());
    rig.job.reason = outlive::StopReason::kLeaseLost;
    return WriteInPieces(sink, std::string(1'000'000, 'x'), 1000);
  });
  CHECK(absl::IsAborted(put.status()));
  CHECK(FilesUnder(rig.folder.path()).empty());
}

TEST_CASE("a row in doubt keeps its file, and is believed once it can be seen") {
  Rig rig;
  SUBCASE("it was written") {
    rig.job.publish_result = absl::UnknownError("the connection broke at commit");
    const auto put = rig.Put("abc");
    REQUIRE(put.ok());
    CHECK(ReadAll(*rig.artifacts->Open(put->id)->bytes) == "abc");
  }
  SUBCASE("it was written, but cannot be read now") {
    rig.job.publish_result = absl::UnknownError("the connection broke at commit");
    rig.jobs.find_error = absl::UnavailableError("no connection");
    CHECK(absl::IsUnknown(rig.Put("abc").status()));
    rig.jobs.find_error = absl::OkStatus();
    rig.clock.Advance(absl::Hours(2));
    CHECK(rig.artifacts->CollectGarbage().value() == 0);
    const auto rows = rig.memory.Get(rig.job.id())->artifacts;
    REQUIRE(rows.size() == 1);
    CHECK(ReadAll(*rig.artifacts->Open(rows[0].id)->bytes) == "abc");
  }
  SUBCASE("it was not") {
    rig.job.before_publish = [](const Artifact&) { return absl::UnknownError("in doubt"); };
    CHECK(absl::IsUnknown(rig.Put("abc").status()));
    CHECK(FilesUnder(rig.folder.path()).size() == 1);
    CHECK(rig.artifacts->CollectGarbage().value() == 0);
    rig.clock.Advance(absl::Hours(2));
    CHECK(rig.artifacts->CollectGarbage().value() == 1);
    CHECK(FilesUnder(rig.folder.path()).empty());
  }
}

TEST_CASE("a random source that repeats itself overwrites nothing") {
  class Repeating final : public outlive::RandomSource {
    void Fill(void* bytes, std::size_t size) override { std::memset(bytes, 0xAB, size); }
  } random;
  Rig rig({.random = &random});
  const Artifact first = rig.Put("first").value();
  CHECK(absl::IsUnavailable(rig.Put("second").status()));
  CHECK(ReadAll(*rig.artifacts->Open(first.id)->bytes) == "first");
}

// -- What is refused ----------------------------------------------------------------------------

TEST_CASE("a name is never part of a path, however it looks (A05)") {
  Rig rig;
  const std::vector<std::string> names = {"../../etc/passwd",
                                          "/etc/passwd",
                                          "..",
                                          ".",
                                          "CON",
                                          "nul.txt",
                                          "a\\b",
                                          "C:\\x",
                                          "%2e%2e%2f",
                                          "~root",
                                          "$(reboot)",
                                          "a;b",
                                          "-rf",
                                          "STORE",
                                          "\u202Egnp.exe",
                                          "\u200F",
                                          "…",
                                          std::string(255, 'x')};
  for (const std::string& name : names) {
    CAPTURE(name);
    const auto put =
        rig.artifacts->Put(rig.job, name, kPdf, [](ByteSink& sink) { return sink.Write("x"); });
    REQUIRE(put.ok());
    CHECK(put->name == name);
    CHECK(fs::exists(rig.PathOf(*put)));
  }
  CHECK(FilesUnder(rig.folder.path()).size() == names.size());
}

TEST_CASE(
    "names and media types that cannot be kept are refused before anything is written (A05)") {
  Rig rig;
  const auto write = [](ByteSink&) -> absl::Status {
    FAIL("must not be called");
    return absl::OkStatus();
  };
  for (const std::string& name :
       {std::string(), std::string("a\0b", 3), std::string("a\nb"), std::string("a\rb"),
        std::string("\x1b[31m"), std::string("\x7f"), std::string("\u0085"), std::string("\xff"),
        std::string("\xc0\xaf"), std::string("\xed\xa0\x80"), std::string(256, 'x'),
        std::string(4096, 'x')}) {
    CHECK(absl::IsInvalidArgument(rig.artifacts->Put(rig.job, name, kPdf, write).status()));
  }
  for (const std::string& type :
       {std::string(), std::string("pdf"), std::string("/pdf"), std::string("application/"),
        std::string("a/b/c"), std::string("text/html\r\nX: y"), std::string("text /html"),
        std::string("text/html; x=\"\n\""), "text/" + std::string(200, 'x')}) {
    CHECK(absl::IsInvalidArgument(rig.artifacts->Put(rig.job, "x", type, write).status()));
  }
  CHECK(FilesUnder(rig.folder.path()).empty());
}

TEST_CASE("ids that no artifact can have are not found, and touch no path") {
  Rig rig;
  const std::string id = rig.Put("x").value().id;
  for (const std::string& other :
       {std::string(), std::string("../STORE"), id.substr(1), id + "0", id.substr(0, 31) + "G",
        id.substr(0, 31) + '\0', std::string("..") + id.substr(2), id + "/../" + id,
        std::string(32, '0'), std::string(1 << 20, 'a')}) {
    CHECK(absl::IsNotFound(rig.artifacts->Open(other).status()));
  }
}

TEST_CASE("symbolic links are not followed") {
  Rig rig;
  const TemporaryFolder outside;
  const Artifact artifact = rig.Put("mine").value();
  SUBCASE("in place of a file") {
    outlive::testing::WriteFile(outside.path() / "file", "mine");
    fs::remove(rig.PathOf(artifact));
    fs::create_symlink(outside.path() / "file", rig.PathOf(artifact));
    CHECK(absl::IsFailedPrecondition(rig.artifacts->Open(artifact.id).status()));
  }
  SUBCASE("in place of a folder") {
    const fs::path folder = rig.PathOf(artifact).parent_path();
    fs::rename(folder, outside.path() / "moved");
    fs::create_directory_symlink(outside.path() / "moved", folder);
    CHECK(absl::IsFailedPrecondition(rig.artifacts->Open(artifact.id).status()));
    CHECK(absl::IsFailedPrecondition(rig.artifacts->CollectGarbage().status()));
    // Whatever is put from now on lands elsewhere, or fails: never out there.
    for (int i = 0; i < 50; ++i) (void)rig.Put("more");
    CHECK(FilesUnder(outside.path()).size() == 1);
  }
  SUBCASE("in place of all folders") {
    for (int i = 0; i < 256; ++i) {
      const fs::path folder = rig.folder.path() / fmt::format("{:02x}", i);
      fs::remove_all(folder);
      fs::create_directory_symlink(outside.path(), folder);
    }
    CHECK(absl::IsFailedPrecondition(rig.Put("x").status()));
    CHECK(FilesUnder(outside.path()).empty());
  }
}

// -- Damage -------------------------------------------------------------------------------------

TEST_CASE("damaged bytes are never given out (A04)") {
  Rig rig;
  const std::string bytes = Pattern(150'000);
  const Artifact artifact = rig.Put(bytes).value();
  const auto refused_with = [&](std::string_view damaged) {
    outlive::testing::WriteFile(rig.PathOf(artifact), damaged);
    return absl::IsDataLoss(rig.artifacts->Open(artifact.id).status());
  };
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{65'535},
                               std::size_t{65'536}, bytes.size() - 1}) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      CHECK(refused_with(flipped));
    }
  }
  CHECK(refused_with(bytes.substr(1)));
  CHECK(refused_with(bytes + "x"));
  CHECK(refused_with(""));
  CHECK_FALSE(refused_with(bytes));
  fs::remove(rig.PathOf(artifact));
  CHECK(absl::IsDataLoss(rig.artifacts->Open(artifact.id).status()));
}

TEST_CASE("an artifact that is deleted while it is read is read to its end (A07)") {
  Rig rig;
  const std::string bytes = Pattern(300'000);
  auto opened = rig.artifacts->Open(rig.Put(bytes).value().id);
  REQUIRE(opened.ok());
  char first[1000];
  REQUIRE(opened->bytes->Read(absl::MakeSpan(first)).value() == 1000);
  rig.job.CompleteAndPrune();
  rig.clock.Advance(absl::Hours(2));
  REQUIRE(rig.artifacts->CollectGarbage().value() == 1);
  CHECK(absl::IsNotFound(rig.artifacts->Open(opened->artifact.id).status()));
  CHECK(ReadAll(*opened->bytes) == bytes.substr(1000));
}

TEST_CASE("an artifact of any size is written and read in constant memory (A08)") {
  Rig rig;
  const std::string piece = Pattern(100'000);
  constexpr int kPieces = 1'500;  // 150 MB.
  rlimit limits = {};
  REQUIRE(getrlimit(RLIMIT_AS, &limits) == 0);
  rusage before = {}, after = {};
  REQUIRE(getrusage(RUSAGE_SELF, &before) == 0);
  const auto put = rig.artifacts->Put(rig.job, "x", kPdf, [&](ByteSink& sink) {
    absl::Status status;
    for (int i = 0; i < kPieces && status.ok(); ++i) status = sink.Write(piece);
    return status;
  });
  REQUIRE(put.ok());
  auto opened = rig.artifacts->Open(put->id);
  REQUIRE(opened.ok());
  std::int64_t size = 0;
  std::vector<char> buffer(65'536);
  for (;;) {
    const std::size_t count = opened->bytes->Read(absl::MakeSpan(buffer)).value();
    if (count == 0) break;
    size += static_cast<std::int64_t>(count);
  }
  CHECK(size == kPieces * 100'000);
  REQUIRE(getrusage(RUSAGE_SELF, &after) == 0);
  CHECK(after.ru_maxrss - before.ru_maxrss < 20'000);  // Kilobytes.
}

// -- The root -----------------------------------------------------------------------------------

TEST_CASE("a root that cannot be used is a clear error at once (A10)") {
  const TemporaryFolder place;
  outlive::MemoryStore jobs;
  const auto open = [&](const fs::path& root) {
    return FileArtifactStore::Open(root.string(), jobs).status();
  };
  const auto clear = [&](const absl::Status& status, const std::string& why) {
    return absl::IsFailedPrecondition(status) &&
           status.message().find(place.string()) != absl::string_view::npos &&
           status.message().find(why) != absl::string_view::npos;
  };
  CHECK(clear(open(place.path() / "missing"), "No such file or directory"));
  outlive::testing::WriteFile(place.path() / "file", "");
  CHECK(clear(open(place.path() / "file"), "Not a directory"));
  CHECK(FilesUnder(place.path()).size() == 1);
}

TEST_CASE("a root that turns read-only is told, and works again after (A10)") {
  const TemporaryFolder place;
  const SmallDisk disk(place.path(), "1m");
  if (!disk.mounted()) {
    std::cout << "[skipped] a file system cannot be mounted here: " << std::strerror(errno) << "\n";
    return;
  }
  outlive::MemoryStore jobs;
  RunningJob job(jobs);
  auto artifacts = FileArtifactStore::Open(place.string(), jobs).value();
  CHECK(artifacts->Check().ok());
  REQUIRE(disk.MakeReadOnly());
  const absl::Status broken = artifacts->Check();
  CHECK(absl::IsFailedPrecondition(broken));
  CHECK(broken.message().find("Read-only file system") != absl::string_view::npos);
  CHECK(absl::IsFailedPrecondition(FileArtifactStore::Open(place.string(), jobs).status()));
  CHECK(absl::IsFailedPrecondition(
      artifacts->Put(job, "x", kPdf, [](ByteSink&) { return absl::OkStatus(); }).status()));
}

TEST_CASE("a root that was deleted is told, not made anew (A10)") {
  Rig rig;
  fs::remove_all(rig.folder.path());
  CHECK(absl::IsFailedPrecondition(rig.artifacts->Check()));
  CHECK(absl::IsUnavailable(rig.Put("x").status()));
  CHECK_FALSE(fs::exists(rig.folder.path()));
}

TEST_CASE("a root belongs to one job store") {
  Rig rig;
  const Artifact artifact = rig.Put("x").value();
  rig.OpenAgain();
  CHECK(rig.artifacts->Open(artifact.id).ok());

  outlive::MemoryStore other;
  const absl::Status refused = FileArtifactStore::Open(rig.folder.string(), other).status();
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(refused.message().find("belongs to another job store") != absl::string_view::npos);
  outlive::testing::WriteFile(rig.folder.path() / "STORE", "");
  CHECK(absl::IsFailedPrecondition(
      FileArtifactStore::Open(rig.folder.string(), rig.memory).status()));
}

TEST_CASE("all faults of the options are told at once") {
  outlive::MemoryStore jobs;
  const absl::Status status = FileArtifactStore::Open("/nowhere", jobs,
                                                      {.artifact_bytes_max = 0,
                                                       .job_bytes_max = -1,
                                                       .store_bytes_max = 0,
                                                       .grace = absl::Seconds(-1),
                                                       .garbage_file_count_max = 0})
                                  .status();
  CHECK(status ==
        absl::InvalidArgumentError(
            "file artifact store: artifact_bytes_max must be positive; job_bytes_max must be "
            "positive; store_bytes_max must be positive; grace must not be negative; "
            "garbage_file_count_max must be positive"));
}

// -- Quotas -------------------------------------------------------------------------------------

TEST_CASE("each quota is a typed error, exact to the byte (A11)") {
  SUBCASE("of one artifact") {
    Rig rig({.artifact_bytes_max = 100'000});
    CHECK(rig.Put(Pattern(100'000)).ok());
    CHECK(absl::IsResourceExhausted(rig.Put(Pattern(100'001)).status()));
  }
  SUBCASE("of one job, over all its attempts") {
    Rig rig({.job_bytes_max = 1000});
    RunningJob first(rig.memory, absl::Seconds(60));
    CHECK(rig.Put(first, Pattern(600)).ok());
    CHECK(absl::IsResourceExhausted(rig.Put(first, Pattern(401)).status()));
    rig.clock.Advance(absl::Seconds(61));
    RunningJob second(rig.memory, first);
    CHECK(absl::IsResourceExhausted(rig.Put(second, Pattern(401)).status()));
    CHECK(rig.Put(second, Pattern(400)).ok());
    CHECK(absl::IsResourceExhausted(rig.Put(second, "x").status()));
    CHECK(rig.Put(rig.job, Pattern(1000)).ok());  // Another job has its own.
  }
  SUBCASE("of the store, also after it was opened again") {
    Rig rig({.store_bytes_max = 1000});
    CHECK(rig.Put(Pattern(600)).ok());
    CHECK(absl::IsResourceExhausted(rig.Put(Pattern(401)).status()));
    rig.OpenAgain();
    CHECK(absl::IsResourceExhausted(rig.Put(Pattern(401)).status()));
    CHECK(rig.Put(Pattern(400)).ok());
    rig.job.CompleteAndPrune();
    rig.clock.Advance(absl::Hours(2));
    RunningJob next(rig.memory);
    CHECK(absl::IsResourceExhausted(rig.Put(next, "x").status()));
    CHECK(rig.artifacts->CollectGarbage().value() == 2);
    CHECK(rig.Put(next, Pattern(1000)).ok());
  }
}

TEST_CASE("what failed gives back what it had taken of every quota (A11)") {
  Rig rig({.job_bytes_max = 1000, .store_bytes_max = 1000});
  for (int i = 0; i < 5; ++i) {
    const auto put = rig.artifacts->Put(rig.job, "x", kPdf, [](ByteSink& sink) {
      CHECK(sink.Write(Pattern(900)).ok());
      return absl::AbortedError("no");
    });
    CHECK(absl::IsAborted(put.status()));
  }
  CHECK(absl::IsResourceExhausted(rig.Put(Pattern(100'000)).status()));
  CHECK(rig.Put(Pattern(1000)).ok());
}

TEST_CASE("artifacts written at once share their job's quota (A11)") {
  Rig rig({.job_bytes_max = 1'000'000});
  // One is put within another: both are in progress.
  const auto outer = rig.artifacts->Put(rig.job, "x", kPdf, [&](ByteSink& sink) {
    absl::Status status = WriteInPieces(sink, std::string(600'000, 'x'), 65'536);
    CHECK(rig.Put(Pattern(300'000)).ok());
    CHECK(absl::IsResourceExhausted(rig.Put(Pattern(300'000)).status()));
    return status;
  });
  CHECK(outer.ok());
  CHECK(absl::IsResourceExhausted(rig.Put(Pattern(200'000)).status()));
  CHECK(rig.Put(Pattern(50'000)).ok());
}

TEST_CASE("many threads put, open and collect at once") {
  Rig rig({.store_bytes_max = 100'000'000, .grace = absl::ZeroDuration()});
  std::vector<std::unique_ptr<RunningJob>> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(std::make_unique<RunningJob>(rig.memory));
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (auto& job : jobs) {
    threads.emplace_back([&rig, &good, &job] {
      for (int i = 0; i < 25; ++i) {
        const std::string bytes = Pattern(70'000 + static_cast<std::size_t>(i));
        const auto put = rig.Put(*job, bytes);
        if (!put.ok()) continue;
        auto opened = rig.artifacts->Open(put->id);
        if (opened.ok() && ReadAll(*opened->bytes) == bytes) ++good;
      }
    });
  }
  threads.emplace_back([&rig] {
    for (int i = 0; i < 20; ++i) CHECK(rig.artifacts->CollectGarbage().value() == 0);
  });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 100);
  CHECK(FilesUnder(rig.folder.path()).size() == 100);
}

// -- Garbage ------------------------------------------------------------------------------------

TEST_CASE("garbage is what no row names, once it is old enough, and nothing else") {
  Rig rig;
  const Artifact published = rig.Put("published").value();
  const auto leave = [&](const std::string& name) {
    fs::create_directories(rig.folder.path() / name.substr(0, 2));
    const fs::path path = rig.folder.path() / name.substr(0, 2) / name;
    outlive::testing::WriteFile(path, "x");
    const timespec now = absl::ToTimespec(rig.clock.Now());
    const timespec times[2] = {now, now};
    REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  };
  leave(std::string(32, 'a'));
  leave(std::string(32, 'b') + ".tmp");
  leave(std::string(32, 'c') + ".old");
  leave("cc-notes.txt");
  rig.clock.Advance(absl::Hours(1) - absl::Seconds(1));
  CHECK(rig.artifacts->CollectGarbage().value() == 0);
  rig.clock.Advance(absl::Seconds(2));

  SUBCASE("a store that cannot be asked keeps everything that might have a row") {
    rig.jobs.find_error = absl::UnavailableError("no connection");
    CHECK(absl::IsUnavailable(rig.artifacts->CollectGarbage().status()));
    CHECK(fs::exists(rig.folder.path() / "aa" / std::string(32, 'a')));
    CHECK(fs::exists(rig.PathOf(published)));
  }
  SUBCASE("else it goes") {
    CHECK(rig.artifacts->CollectGarbage().value() == 2);
    CHECK(rig.artifacts->CollectGarbage().value() == 0);
    std::vector<std::string> kept = {"cc/" + std::string(32, 'c') + ".old", "cc/cc-notes.txt",
                                     published.id.substr(0, 2) + "/" + published.id};
    std::sort(kept.begin(), kept.end());
    CHECK(FilesUnder(rig.folder.path()) == kept);
    CHECK(rig.artifacts->Open(published.id).ok());
  }
}

TEST_CASE("one collection looks at a bounded number of files, and the next goes on from there") {
  Rig rig({.garbage_file_count_max = 10});
  for (int i = 0; i < 25; ++i) REQUIRE(rig.Put("x").ok());
  rig.job.CompleteAndPrune();
  rig.clock.Advance(absl::Hours(2));
  CHECK(rig.artifacts->CollectGarbage().value() == 10);
  CHECK(rig.artifacts->CollectGarbage().value() == 10);
  CHECK(rig.artifacts->CollectGarbage().value() == 5);
  CHECK(FilesUnder(rig.folder.path()).empty());
}

TEST_CASE("what another process is still writing is no garbage, however old") {
  Rig rig({.grace = absl::ZeroDuration()});
  // A second store on the same folder knows nothing of what the first one is doing.
  auto other = FileArtifactStore::Open(rig.folder.string(), rig.jobs, rig.options).value();
  rig.clock.Advance(absl::Now() - rig.clock.Now() + absl::Hours(24));
  const auto put = rig.artifacts->Put(rig.job, "x", kPdf, [&](ByteSink& sink) {
    CHECK(sink.Write(std::string(70'000, 'x')).ok());
    CHECK(other->CollectGarbage().value() == 0);
    return absl::OkStatus();
  });
  REQUIRE(put.ok());
  rig.job.before_publish = [&](const Artifact&) {
    // Renamed, but without a row yet.
    CHECK(other->CollectGarbage().value() == 0);
    return absl::OkStatus();
  };
  CHECK(rig.Put("y").ok());
  CHECK(rig.artifacts->Open(put->id).ok());
}
