#include "outlive/artifact/file_artifact_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "artifact/artifact_text.h"
#include "artifact/folder.h"
#include "artifact/sha256.h"
#include "artifact/usage.h"
#include "core/faults.h"
#include "outlive/core/mutex.h"

namespace outlive {
namespace {

using internal::File;
using internal::Folder;
using internal::Usage;

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr std::string_view kTemporary = ".tmp";
constexpr char kMarker[] = "STORE";

std::string TemporaryName(const std::string& id) { return id + std::string(kTemporary); }
std::string ShardName(std::size_t shard) { return fmt::format("{:02x}", shard); }

std::size_t ShardOf(const std::string& id) {
  return static_cast<std::size_t>(std::stoul(id.substr(0, 2), nullptr, 16));
}

// A read of the whole, or kNotFound and so on.
absl::StatusOr<std::string> HashFile(const File& file) {
  internal::Sha256 hash;
  std::vector<char> buffer(kBufferBytes);
  std::int64_t offset = 0;
  for (;;) {
    absl::StatusOr<std::size_t> count = file.ReadAt(offset, absl::MakeSpan(buffer));
    if (!count.ok()) return count.status();
    if (*count == 0) return hash.Final();
    hash.Update({buffer.data(), *count});
    offset += static_cast<std::int64_t>(*count);
  }
}

absl::Status NeedsPerson(const std::string& root, const absl::Status& why) {
  // A missing folder has to be looked at by a person, too: it may be a disk that is not mounted.
  const absl::StatusCode code = absl::IsUnavailable(why) ? absl::StatusCode::kUnavailable
                                                         : absl::StatusCode::kFailedPrecondition;
  return absl::Status(code,
                      fmt::format("the artifacts' folder \"{}\" cannot be used: {}", root,
                                  std::string_view(why.message().data(), why.message().size())));
}

// To whoever puts, a name that is missing or taken is nothing but trouble with the disk.
absl::Status PutStatus(const absl::Status& status) {
  if (!absl::IsNotFound(status) && !absl::IsAlreadyExists(status)) return status;
  return absl::UnavailableError(status.message());
}

absl::Status ValidateOptions(const FileArtifactStoreOptions& options) {
  internal::Faults faults("file artifact store");
  faults.Require(options.artifact_bytes_max > 0, "artifact_bytes_max must be positive");
  faults.Require(options.job_bytes_max > 0, "job_bytes_max must be positive");
  faults.Require(options.store_bytes_max > 0, "store_bytes_max must be positive");
  faults.Require(options.grace >= absl::ZeroDuration(), "grace must not be negative");
  faults.Require(options.garbage_file_count_max > 0, "garbage_file_count_max must be positive");
  return faults.ToStatus();
}

// Bytes on their way into a file: counted against the quotas, hashed, and written in large pieces.
class FileSink final : public ByteSink {
 public:
  FileSink(File& file, JobContext& job, Usage& usage) : file_(file), job_(job), usage_(usage) {
    buffer_.reserve(kBufferBytes);
  }

  absl::Status Write(std::string_view bytes) override {
    if (!status_.ok()) return status_;
    if (buffer_.size() + bytes.size() > kBufferBytes) {
      status_ = Flush();
      if (status_.ok() && bytes.size() >= kBufferBytes) {
        status_ = WriteThrough(bytes);
        return status_;
      }
    }
    if (status_.ok()) buffer_.append(bytes);
    return status_;
  }

  // Writes the rest and gives the SHA-256; the sink's error where it had one.
  absl::StatusOr<std::string> Finish() {
    if (status_.ok()) status_ = Flush();
    if (!status_.ok()) return status_;
    return hash_.Final();
  }

  const absl::Status& status() const { return status_; }
  std::int64_t size() const { return size_; }

 private:
  absl::Status Flush() {
    const absl::Status status = WriteThrough(buffer_);
    buffer_.clear();
    return status;
  }

  absl::Status WriteThrough(std::string_view bytes) {
    if (bytes.empty()) return absl::OkStatus();
    if (job_.stop_reason() == StopReason::kLeaseLost) {
      return absl::AbortedError("the lease is lost: nothing more is written");
    }
    const auto count = static_cast<std::int64_t>(bytes.size());
    if (absl::Status taken = usage_.Take(job_.id(), size_, count); !taken.ok()) return taken;
    size_ += count;
    hash_.Update(bytes);
    return file_.Write(bytes);
  }

  File& file_;
  JobContext& job_;
  Usage& usage_;
  std::string buffer_;
  internal::Sha256 hash_;
  std::int64_t size_ = 0;  // Taken from the quotas.
  absl::Status status_;
};

class FileSource final : public ByteSource {
 public:
  FileSource(File file, std::int64_t size) : file_(std::move(file)), size_(size) {}

  absl::StatusOr<std::size_t> Read(absl::Span<char> into) override {
    const auto rest = static_cast<std::size_t>(size_ - offset_);
    absl::StatusOr<std::size_t> count =
        file_.ReadAt(offset_, into.subspan(0, std::min(into.size(), rest)));
    if (count.ok()) offset_ += static_cast<std::int64_t>(*count);
    return count;
  }

  absl::Status Seek(std::int64_t offset) override {
    if (offset < 0 || offset > size_) return absl::OutOfRangeError("beyond the artifact's end");
    offset_ = offset;
    return absl::OkStatus();
  }

 private:
  File file_;
  std::int64_t size_ = 0;
  std::int64_t offset_ = 0;
};

}  // namespace

class FileArtifactStore::Impl {
 public:
  Impl(Folder root, std::string root_path, JobStore& jobs, const FileArtifactStoreOptions& options)
      : root_(std::move(root)),
        root_path_(std::move(root_path)),
        jobs_(jobs),
        options_(options),
        clock_(options.clock != nullptr ? *options.clock : SystemClockInstance()),
        random_(options.random != nullptr ? *options.random : SystemRandomInstance()),
        usage_({options.artifact_bytes_max, options.job_bytes_max, options.store_bytes_max}) {}

  absl::Status Start();
  absl::Status Check();
  absl::StatusOr<Artifact> Put(JobContext& job, std::string_view name, std::string_view media_type,
                               absl::FunctionRef<absl::Status(ByteSink&)> write);
  absl::StatusOr<OpenArtifact> Open(const std::string& id);
  absl::StatusOr<int> CollectGarbage();

 private:
  class Writing;

  absl::Status ClaimRoot();
  absl::StatusOr<std::string> ReadMarker() const;
  absl::StatusOr<Folder> OpenShard(std::size_t shard);
  absl::StatusOr<File> OpenBytes(const Artifact& artifact);
  absl::StatusOr<int> CollectShard(int& budget) ABSL_EXCLUSIVE_LOCKS_REQUIRED(garbage_mutex_);
  absl::StatusOr<bool> RemoveIfGarbage(const Folder& folder, const Folder::Entry& entry);

  const Folder root_;
  const std::string root_path_;
  JobStore& jobs_;
  const FileArtifactStoreOptions options_;
  const Clock& clock_;
  RandomSource& random_;
  Usage usage_;

  Mutex shards_mutex_;
  std::array<bool, internal::kShardCount> shard_durable_ ABSL_GUARDED_BY(shards_mutex_) = {};

  Mutex garbage_mutex_;
  std::size_t garbage_shard_ ABSL_GUARDED_BY(garbage_mutex_) = 0;
  std::string garbage_after_ ABSL_GUARDED_BY(garbage_mutex_);  // Looked at already, in that shard.
};

// -- The root -----------------------------------------------------------------------------------

absl::Status FileArtifactStore::Impl::Start() {
  if (absl::Status usable = Check(); !usable.ok()) return usable;
  if (absl::Status claimed = ClaimRoot(); !claimed.ok()) return claimed;
  if (options_.store_bytes_max == std::numeric_limits<std::int64_t>::max()) return absl::OkStatus();
  for (std::size_t shard = 0; shard < internal::kShardCount; ++shard) {
    absl::StatusOr<Folder> folder = root_.OpenFolder(ShardName(shard));
    if (absl::IsNotFound(folder.status())) continue;
    if (!folder.ok()) return NeedsPerson(root_path_, folder.status());
    const auto counted = usage_.Recount(shard, [&] { return folder->List(); });
    if (!counted.ok()) return NeedsPerson(root_path_, counted.status());
  }
  return absl::OkStatus();
}

// Creating a file tells more than looking at permissions does.
absl::Status FileArtifactStore::Impl::Check() {
  const std::string probe = TemporaryName("probe-" + RandomHex(random_, 8));
  absl::Status status = root_.CreateFile(probe).status();
  if (status.ok()) status = root_.Remove(probe);
  return status.ok() ? status : NeedsPerson(root_path_, status);
}

absl::StatusOr<std::string> FileArtifactStore::Impl::ReadMarker() const {
  absl::StatusOr<File> file = root_.OpenFile(kMarker);
  if (!file.ok()) return file.status();
  std::string text(256, '\0');
  absl::StatusOr<std::size_t> count = file->ReadAt(0, absl::MakeSpan(text.data(), text.size()));
  if (!count.ok()) return count.status();
  return text.substr(0, *count);
}

absl::Status FileArtifactStore::Impl::ClaimRoot() {
  const std::string wanted = jobs_.info().store_id + "\n";
  absl::StatusOr<std::string> found = ReadMarker();
  if (absl::IsNotFound(found.status())) {
    // By rename, so that nobody ever reads half of it.
    const std::string temporary = TemporaryName("marker-" + RandomHex(random_, 8));
    absl::StatusOr<File> file = root_.CreateFile(temporary);
    absl::Status status = file.status();
    if (status.ok()) status = file->Write(wanted);
    if (status.ok()) status = file->Sync();
    if (status.ok()) status = root_.Rename(temporary, kMarker);
    if (status.ok()) status = root_.Sync();
    if (!status.ok()) return NeedsPerson(root_path_, status);
    found = ReadMarker();
  }
  if (!found.ok()) return NeedsPerson(root_path_, found.status());
  if (*found == wanted) return absl::OkStatus();
  return NeedsPerson(root_path_, absl::FailedPreconditionError(
                                     "its file STORE says that it belongs to another job store"));
}

// -- Putting ------------------------------------------------------------------------------------

// The folder of a shard, created and durable.
absl::StatusOr<Folder> FileArtifactStore::Impl::OpenShard(std::size_t shard) {
  const std::string name = ShardName(shard);
  {
    const MutexLock lock(shards_mutex_);
    if (!shard_durable_[shard]) {
      // Another process may have created it and died before it was durable: so always once.
      absl::Status status = root_.CreateFolder(name);
      if (status.ok()) status = root_.Sync();
      if (!status.ok()) return status;
      shard_durable_[shard] = true;
    }
  }
  return root_.OpenFolder(name);
}

// One artifact on its way. Destroying it before Keep() removes every trace.
class FileArtifactStore::Impl::Writing {
 public:
  Writing(Impl& store, JobContext& job)
      : store_(store), job_(job), id_(RandomHex(store.random_, 16)), shard_(ShardOf(id_)) {
    store_.usage_.Begin(id_, job_.id());
  }

  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

  ~Writing() {
    // A file that cannot be removed now is garbage later.
    if (!kept_ && folder_ && !name_.empty()) (void)folder_->Remove(name_);
    store_.usage_.End(id_, job_.id(), shard_, size_, kept_);
  }

  const std::string& id() const { return id_; }
  std::int64_t size() const { return size_; }
  void Keep() { kept_ = true; }

  // Creates the temporary file, in the folder it will stay in. It stays locked to the end, so that
  // no process takes it for garbage, however slow this one is.
  absl::Status Create() {
    absl::StatusOr<Folder> folder = store_.OpenShard(shard_);
    if (!folder.ok()) return folder.status();
    folder_ = *std::move(folder);
    absl::StatusOr<bool> taken = folder_->Has(id_);
    if (!taken.ok()) return taken.status();
    if (*taken) return absl::UnavailableError("the random id is in use: the random source repeats");
    absl::StatusOr<File> file = folder_->CreateFile(TemporaryName(id_));
    if (!file.ok()) return file.status();
    name_ = TemporaryName(id_);
    file_ = *std::move(file);
    return file_->TryLock().status();
  }

  // Has the bytes written; their SHA-256.
  absl::StatusOr<std::string> Fill(absl::FunctionRef<absl::Status(ByteSink&)> write) {
    FileSink sink(*file_, job_, store_.usage_);
    // Whatever happens in `write`, what it has taken is given back.
    const SizeKeeper keeper{sink, size_};
    const absl::Status written = write(sink);
    if (!sink.status().ok()) return sink.status();
    if (!written.ok()) return written;
    return sink.Finish();
  }

  // Makes the bytes durable under their final name.
  absl::Status Settle(absl::Time now) {
    absl::Status status = file_->SetModified(now);
    if (status.ok()) status = file_->Sync();
    if (status.ok()) status = folder_->Rename(name_, id_);
    if (!status.ok()) return status;
    name_ = id_;
    return folder_->Sync();
  }

 private:
  struct SizeKeeper {
    const FileSink& sink;
    std::int64_t& size;
    ~SizeKeeper() { size = sink.size(); }
  };

  Impl& store_;
  JobContext& job_;
  const std::string id_;
  const std::size_t shard_;
  std::optional<Folder> folder_;
  std::optional<File> file_;
  std::string name_;  // Of the file, now; empty: there is none.
  std::int64_t size_ = 0;
  bool kept_ = false;
};

absl::StatusOr<Artifact> FileArtifactStore::Impl::Put(
    JobContext& job, std::string_view name, std::string_view media_type,
    absl::FunctionRef<absl::Status(ByteSink&)> write) {
  if (absl::Status valid = internal::ValidateArtifactName(name); !valid.ok()) return valid;
  if (absl::Status valid = internal::ValidateMediaType(media_type); !valid.ok()) return valid;

  Writing writing(*this, job);
  absl::StatusOr<Job> row = jobs_.Get(job.id());
  if (!row.ok()) return row.status();
  usage_.SetPublished(job.id(), row->artifacts);

  if (absl::Status created = writing.Create(); !created.ok()) return PutStatus(created);
  absl::StatusOr<std::string> sha256 = writing.Fill(write);
  if (!sha256.ok()) return sha256.status();

  Artifact artifact;
  artifact.id = writing.id();
  artifact.job_id = job.id();
  artifact.fence = job.fence();
  artifact.name = std::string(name);
  artifact.media_type = std::string(media_type);
  artifact.size = writing.size();
  artifact.sha256 = *std::move(sha256);
  // As stores keep it, so that what is returned equals what is found later.
  artifact.created_at = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()));

  if (absl::Status settled = writing.Settle(artifact.created_at); !settled.ok()) {
    return PutStatus(settled);
  }
  const absl::Status published = job.PublishArtifact(artifact);
  if (absl::IsUnknown(published)) {
    // The commit is in doubt. Where the row is not to be seen, the file must stay all the same.
    writing.Keep();
    if (!jobs_.FindArtifact(artifact.id).ok()) return published;
  } else if (!published.ok()) {
    return published;
  }
  writing.Keep();
  return artifact;
}

// -- Opening ------------------------------------------------------------------------------------

absl::StatusOr<File> FileArtifactStore::Impl::OpenBytes(const Artifact& artifact) {
  absl::StatusOr<Folder> folder = root_.OpenFolder(ShardName(ShardOf(artifact.id)));
  if (!folder.ok()) return folder.status();
  absl::StatusOr<File> file = folder->OpenFile(artifact.id);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::int64_t> size = file->Size();
  if (!size.ok()) return size.status();
  if (*size != artifact.size) return absl::DataLossError("the artifact has another size");
  absl::StatusOr<std::string> sha256 = HashFile(*file);
  if (!sha256.ok()) return sha256.status();
  if (*sha256 != artifact.sha256) return absl::DataLossError("the artifact has another SHA-256");
  return file;
}

absl::StatusOr<OpenArtifact> FileArtifactStore::Impl::Open(const std::string& id) {
  const absl::Status not_found = absl::NotFoundError("there is no such artifact");
  if (!internal::IsArtifactId(id)) return not_found;
  absl::StatusOr<Artifact> row = jobs_.FindArtifact(id);
  if (absl::IsNotFound(row.status())) return not_found;
  if (!row.ok()) return row.status();
  absl::StatusOr<File> file = OpenBytes(*row);
  if (absl::IsNotFound(file.status())) {
    // Gone with its row since we looked, or gone without.
    if (absl::IsNotFound(jobs_.FindArtifact(id).status())) return not_found;
    return absl::DataLossError("the artifact's file is missing");
  }
  if (!file.ok()) return file.status();
  const std::int64_t size = row->size;
  return OpenArtifact{*std::move(row), std::make_unique<FileSource>(*std::move(file), size)};
}

// -- Garbage ------------------------------------------------------------------------------------

absl::StatusOr<int> FileArtifactStore::Impl::CollectGarbage() {
  const MutexLock lock(garbage_mutex_);
  int removed = 0;
  int budget = options_.garbage_file_count_max;
  for (std::size_t i = 0; i < internal::kShardCount && budget > 0; ++i) {
    absl::StatusOr<int> more = CollectShard(budget);
    if (!more.ok()) return more.status();
    removed += *more;
  }
  return removed;
}

// Goes on in the current shard, and to the next one once it is through.
absl::StatusOr<int> FileArtifactStore::Impl::CollectShard(int& budget) {
  int removed = 0;
  const std::size_t shard = garbage_shard_;
  absl::StatusOr<Folder> folder = root_.OpenFolder(ShardName(shard));
  if (!folder.ok() && !absl::IsNotFound(folder.status())) return folder.status();
  if (folder.ok()) {
    absl::StatusOr<Usage::Entries> entries = usage_.Recount(shard, [&] { return folder->List(); });
    if (!entries.ok()) return entries.status();
    for (const Folder::Entry& entry : *entries) {
      if (entry.name <= garbage_after_) continue;
      if (budget-- == 0) return removed;
      absl::StatusOr<bool> gone = RemoveIfGarbage(*folder, entry);
      if (!gone.ok()) return gone.status();
      garbage_after_ = entry.name;
      if (!*gone) continue;
      usage_.Removed(shard, entry.size);
      ++removed;
    }
  }
  garbage_after_.clear();
  garbage_shard_ = (shard + 1) % internal::kShardCount;
  return removed;
}

absl::StatusOr<bool> FileArtifactStore::Impl::RemoveIfGarbage(const Folder& folder,
                                                              const Folder::Entry& entry) {
  const std::string id = entry.name.substr(0, entry.name.find('.'));
  const bool temporary = entry.name == TemporaryName(id);
  if (!internal::IsArtifactId(id) || (!temporary && entry.name != id)) return false;  // Not ours.
  if (clock_.Now() - entry.modified < options_.grace) return false;

  absl::StatusOr<File> file = folder.OpenFile(entry.name);
  if (absl::IsNotFound(file.status())) return false;
  if (!file.ok()) return file.status();
  absl::StatusOr<bool> locked = file->TryLock();
  if (!locked.ok()) return locked.status();
  if (!*locked) return false;  // Still being written, or published just now.
  if (!temporary) {
    // Only a clear answer counts: a store that cannot be asked keeps everything.
    const absl::Status row = jobs_.FindArtifact(id).status();
    if (row.ok()) return false;
    if (!absl::IsNotFound(row)) return row;
  }
  const absl::Status removed = folder.Remove(entry.name);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  return true;
}

// -- The interface ------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<FileArtifactStore>> FileArtifactStore::Open(
    const std::string& root, JobStore& jobs, const FileArtifactStoreOptions& options) {
  if (absl::Status valid = ValidateOptions(options); !valid.ok()) return valid;
  absl::StatusOr<Folder> folder = Folder::Open(root);
  if (!folder.ok()) return NeedsPerson(root, folder.status());
  auto impl = std::make_unique<Impl>(*std::move(folder), root, jobs, options);
  if (absl::Status started = impl->Start(); !started.ok()) return started;
  return std::unique_ptr<FileArtifactStore>(new FileArtifactStore(std::move(impl)));
}

FileArtifactStore::FileArtifactStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FileArtifactStore::~FileArtifactStore() = default;

absl::StatusOr<Artifact> FileArtifactStore::Put(JobContext& job, std::string_view name,
                                                std::string_view media_type,
                                                absl::FunctionRef<absl::Status(ByteSink&)> write) {
  return impl_->Put(job, name, media_type, write);
}

absl::StatusOr<OpenArtifact> FileArtifactStore::Open(const std::string& id) {
  return impl_->Open(id);
}

absl::StatusOr<int> FileArtifactStore::CollectGarbage() { return impl_->CollectGarbage(); }

absl::Status FileArtifactStore::Check() { return impl_->Check(); }

}  // namespace outlive
