#include "tests/postgres/mirror_storage.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <vector>

#include "outlive/conformance/job_store_differential.h"
#include "outlive/core/follow_up.h"

namespace outlive::testing {
namespace {

using conformance::TextOf;

constexpr int kEventCountMax = 100'000;

using NameOf = std::function<std::string(JobId)>;

// Arguments of a follow-up tell of a job by its id.
std::string TextOfArgs(const std::string& args, const NameOf& name_of) {
  const auto told = DecodeFollowUpArgs(args);
  if (!told.ok() || told->end.job_id == 0) return EscapeForLog(args);
  return fmt::format("told of {} {} attempt {} generation {} '{}' '{}' '{}' at {}",
                     name_of(told->end.job_id), JobStateName(told->end.state), told->end.attempt,
                     told->end.generation, EscapeForLog(told->data), EscapeForLog(told->end.output),
                     EscapeForLog(told->end.error), TextOf(told->end.ended_at));
}

std::string TextOfJob(Job job, const NameOf& name_of) {
  const std::string name = name_of(job.id);
  job.args = TextOfArgs(job.args, name_of);
  job.id = 0;
  job.fence = 0;
  for (Artifact& artifact : job.artifacts) artifact.job_id = artifact.fence = 0;
  return name + " " + TextOf(job);
}

std::string TextOfRow(const absl::StatusOr<Job>& job, const NameOf& name_of) {
  return job.ok() ? TextOfJob(*job, name_of) : absl::StatusCodeToString(job.status().code());
}

std::string TextOfRows(const absl::StatusOr<std::vector<Job>>& jobs, const NameOf& name_of) {
  if (!jobs.ok()) return absl::StatusCodeToString(jobs.status().code());
  std::string text;
  for (const Job& job : *jobs) text += TextOfJob(job, name_of) + "\n";
  return text;
}

std::string TextOfClaimed(const ClaimedJob& job, const NameOf& name_of) {
  return fmt::format(
      "{} q{} k{} p{} attempt {}/{} crashes {} run {} started {} args '{}' checkpoint '{}' policy "
      "'{}' trace '{}' payload {}\n",
      name_of(job.lease.job), job.queue, job.kind, job.priority, job.attempt, job.attempt_count_max,
      job.crashes, TextOf(job.run_at), TextOf(job.started_at), TextOfArgs(job.args, name_of),
      EscapeForLog(job.checkpoint), job.retry_policy, job.traceparent,
      absl::StatusCodeToString(job.payload_status.code()));
}

std::string TextOfStats(const absl::StatusOr<JobStats>& stats) {
  if (!stats.ok()) return absl::StatusCodeToString(stats.status().code());
  return TextOf(stats->now) + "\n" + TextOf(*stats);
}

std::string TextOfGroups(absl::StatusOr<std::vector<DeadLetterGroup>> groups,
                         const NameOf& name_of) {
  if (!groups.ok()) return absl::StatusCodeToString(groups.status().code());
  std::string text;
  for (DeadLetterGroup& group : *groups) {
    const std::string newest = name_of(std::exchange(group.newest, 0));
    text += newest + " " + TextOf(group) + "\n";
  }
  return text;
}

template <class T>
absl::Status StatusOfResult(const absl::StatusOr<T>& result) {
  return result.status();
}
absl::Status StatusOfResult(const absl::Status& result) { return result; }

}  // namespace

// -- Mirror -----------------------------------------------------------------------------------

JobId Mirror::Tested(JobId model) const {
  const auto found = ids_.find(model);
  return found == ids_.end() ? (JobId{1} << 40) + model : found->second;
}

Lease Mirror::Tested(const Lease& model) const {
  const auto found = fences_.find({model.job, model.fence});
  return {Tested(model.job), found == fences_.end() ? (std::int64_t{1} << 40) : found->second};
}

JobId Mirror::TestedBound(JobId model) const {
  if (model == 0) return 0;  // From the newest.
  const auto above = ids_.lower_bound(model);
  return above == ids_.begin() ? 1 : std::prev(above)->second + 1;
}

std::string Mirror::NameOfModel(JobId model) const {
  return ids_.find(model) == ids_.end() ? "#new" : fmt::format("#{}", model);
}

std::string Mirror::NameOfTested(JobId tested) const {
  for (const auto& [model, other] : ids_) {
    if (other == tested) return fmt::format("#{}", model);
  }
  return "#new";
}

void Mirror::Same(const std::string& what, const std::string& model, const std::string& tested) {
  ++call_count_;
  if (model == tested || !difference_.empty()) return;
  difference_ =
      fmt::format("call {}, {}: {}", call_count_, what, conformance::Difference(tested, model));
}

void Mirror::Same(const std::string& what, const absl::Status& model, const absl::Status& tested) {
  Same(what, absl::StatusCodeToString(model.code()),
       model.code() == tested.code() ? absl::StatusCodeToString(tested.code()) : tested.ToString());
}

absl::Status Mirror::status() const {
  return difference_.empty() ? absl::OkStatus() : absl::InternalError(difference_);
}

void Mirror::ReadEvents() {
  const absl::StatusOr<std::vector<Event>> model = model_.EventsAfter(model_event_, kEventCountMax);
  const absl::StatusOr<std::vector<Event>> tested =
      tested_.EventsAfter(tested_event_, kEventCountMax);
  Same("events", model.status(), tested.status());
  if (!model.ok() || !tested.ok()) return;
  Same("number of events", std::to_string(model->size()), std::to_string(tested->size()));
  std::string model_text;
  std::string tested_text;
  for (std::size_t i = 0; i < std::min(model->size(), tested->size()); ++i) {
    const Event& expected = (*model)[i];
    const Event& event = (*tested)[i];
    if (expected.type == EventType::kEnqueued) Learn(expected.job_id, event.job_id);
    fmt::format_to(std::back_inserter(model_text), "{} {} at {}\n", NameOfModel(expected.job_id),
                   EventTypeName(expected.type), TextOf(expected.at));
    fmt::format_to(std::back_inserter(tested_text), "{} {} at {}\n", NameOfTested(event.job_id),
                   EventTypeName(event.type), TextOf(event.at));
    model_event_ = expected.seq;
    tested_event_ = event.seq;
  }
  Same("events", model_text, tested_text);
}

void Mirror::CompareAll() {
  const NameOf model_name = [this](JobId id) { return NameOfModel(id); };
  const NameOf tested_name = [this](JobId id) { return NameOfTested(id); };
  for (JobId before = 0;;) {
    const JobPage page{.before = before, .row_count_max = 200};
    const auto rows = model_.List({}, page);
    const auto tested_rows =
        tested_.List({}, {.before = TestedBound(before), .row_count_max = 200});
    Same("list", TextOfRows(rows, model_name), TextOfRows(tested_rows, tested_name));
    if (!rows.ok() || rows->empty()) break;
    for (const Job& row : *rows) {
      Same("get", TextOfRow(model_.Get(row.id), model_name),
           TextOfRow(tested_.Get(Tested(row.id)), tested_name));
    }
    before = rows->back().id;
  }
  Same("stats", TextOfStats(model_.Stats()), TextOfStats(tested_.Stats()));
  Same("dead letters", TextOfGroups(model_.DeadLetterGroups(1'000), model_name),
       TextOfGroups(tested_.DeadLetterGroups(1'000), tested_name));
}

namespace {

// -- A transaction in both stores ---------------------------------------------------------------

class MirrorTransaction final : public StoreTransaction {
 public:
  MirrorTransaction(Mirror& mirror, std::unique_ptr<StoreTransaction> model,
                    std::unique_ptr<StoreTransaction> tested)
      : mirror_(mirror), model_(std::move(model)), tested_(std::move(tested)) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    auto model = model_->Insert(jobs);
    auto tested = tested_->Insert(jobs);
    if (!BothOk("insert", model, tested)) return model;
    for (std::size_t i = 0; i < model->size(); ++i) {
      const absl::StatusOr<Inserted>& expected = (*model)[i];
      const absl::StatusOr<Inserted>& result = (*tested)[i];
      mirror_.Same("insert", expected.status(), result.status());
      if (!expected.ok() || !result.ok()) continue;
      mirror_.Same("insert", TextOf(*expected, true), TextOf(*result, false));
    }
    return model;
  }

  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    auto model = model_->Claim(request);
    const auto tested = tested_->Claim(request);
    if (!BothOk("claim", model, tested)) return model;
    std::string expected;
    std::string result;
    for (const ClaimedJob& job : model->jobs) expected += TextOfClaimed(job, model_name_);
    for (const ClaimedJob& job : tested->jobs) result += TextOfClaimed(job, tested_name_);
    // "There may be more" is allowed where a queue gave as many as were asked for.
    const bool hedged = tested->next_run_at == absl::InfinitePast() && !model->jobs.empty();
    expected += "next " + (hedged ? "" : conformance::TextOf(model->next_run_at));
    result += "next " + (hedged ? "" : conformance::TextOf(tested->next_run_at));
    mirror_.Same("claim", expected, result);
    for (std::size_t i = 0; i < std::min(model->jobs.size(), tested->jobs.size()); ++i) {
      leases_.emplace_back(model->jobs[i].lease, tested->jobs[i].lease);
    }
    return model;
  }

  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    std::vector<Finished> translated(finished.begin(), finished.end());
    for (Finished& one : translated) one.lease = Translate(one.lease);
    auto model = model_->Finish(finished);
    const auto tested = tested_->Finish(translated);
    if (BothOk("finish", model, tested)) CompareEach("finish", *model, *tested);
    return model;
  }

  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    std::vector<WorkerWrite> translated(writes.begin(), writes.end());
    for (WorkerWrite& one : translated) one.lease = Translate(one.lease);
    auto model = model_->Write(writes);
    const auto tested = tested_->Write(translated);
    if (BothOk("write", model, tested)) CompareEach("write", *model, *tested);
    return model;
  }

  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(
      absl::Span<const Change> changes) override {
    std::vector<Change> translated(changes.begin(), changes.end());
    for (Change& one : translated) one.id = mirror_.Tested(one.id);
    auto model = model_->Apply(changes);
    const auto tested = tested_->Apply(translated);
    if (!BothOk("apply", model, tested)) return model;
    CompareEach("apply", *model, *tested);
    for (std::size_t i = 0; i < model->size(); ++i) {
      if (!(*model)[i].ok() || !(*tested)[i].ok()) continue;
      mirror_.Same("apply", std::string(JobStateName(*(*model)[i])),
                   std::string(JobStateName(*(*tested)[i])));
    }
    return model;
  }

  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    absl::Status model = model_->OpenSession(session, lease);
    mirror_.Same("open session", model, tested_->OpenSession(session, lease));
    return model;
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    absl::Status model = model_->RenewSession(session, lease);
    mirror_.Same("renew session", model, tested_->RenewSession(session, lease));
    return model;
  }
  absl::Status CloseSession(const std::string& session) override {
    absl::Status model = model_->CloseSession(session);
    mirror_.Same("close session", model, tested_->CloseSession(session));
    return model;
  }

  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
    auto model = model_->Rescue(request);
    const auto tested = tested_->Rescue(request);
    if (!BothOk("rescue", model, tested)) return model;
    std::string expected;
    std::string result;
    for (const Rescued& one : *model) expected += TextOf(one, model_name_);
    for (const Rescued& one : *tested) result += TextOf(one, tested_name_);
    mirror_.Same("rescue", expected, result);
    return model;
  }

  absl::StatusOr<PruneResult> Prune(const PruneRequest& request) override {
    auto model = model_->Prune(request);
    const auto tested = tested_->Prune(request);
    if (!BothOk("prune", model, tested)) return model;
    // Not the keys: one whose window has ended may be gone before.
    mirror_.Same("prune", fmt::format("{} jobs {} events", model->job_count, model->event_count),
                 fmt::format("{} jobs {} events", tested->job_count, tested->event_count));
    return model;
  }

  absl::Status SetQueue(const QueueSettings& settings) override {
    absl::Status model = model_->SetQueue(settings);
    mirror_.Same("set queue", model, tested_->SetQueue(settings));
    return model;
  }

  absl::Status Commit() override {
    absl::Status model = model_->Commit();
    mirror_.Same("commit", model, tested_->Commit());
    if (model.ok()) {
      for (const auto& [expected, result] : leases_) mirror_.Learn(expected, result);
      mirror_.ReadEvents();
    }
    return model;
  }

 private:
  template <class Model, class Tested>
  bool BothOk(const char* what, const Model& model, const Tested& tested) {
    mirror_.Same(what, model.status(), tested.status());
    return model.ok() && tested.ok();
  }

  template <class Results>
  void CompareEach(const char* what, const Results& model, const Results& tested) {
    std::string expected;
    std::string result;
    for (const auto& one : model) {
      expected += absl::StatusCodeToString(StatusOfResult(one).code()) + "\n";
    }
    for (const auto& one : tested) {
      result += absl::StatusCodeToString(StatusOfResult(one).code()) + "\n";
    }
    mirror_.Same(what, expected, result);
  }

  // A lease of this transaction is not known to others yet.
  Lease Translate(const Lease& lease) const {
    for (const auto& [model, tested] : leases_) {
      if (model.job == lease.job && model.fence == lease.fence) return tested;
    }
    return mirror_.Tested(lease);
  }

  // What was inserted in this transaction has no name yet.
  std::string TextOf(const Inserted& inserted, bool model) const {
    if (!inserted.duplicate) return "new";
    return "duplicate of " +
           (model ? mirror_.NameOfModel(inserted.id) : mirror_.NameOfTested(inserted.id));
  }

  static std::string TextOf(const Rescued& one, const NameOf& name_of) {
    return fmt::format("{} {} {} {} {}\n", name_of(one.id), one.kind, one.queue, one.attempt,
                       JobStateName(one.state));
  }

  Mirror& mirror_;
  const NameOf model_name_ = [this](JobId id) { return mirror_.NameOfModel(id); };
  const NameOf tested_name_ = [this](JobId id) { return mirror_.NameOfTested(id); };
  const std::unique_ptr<StoreTransaction> model_;
  const std::unique_ptr<StoreTransaction> tested_;
  std::vector<std::pair<Lease, Lease>> leases_;
};

// -- Both stores ----------------------------------------------------------------------------------

class MirrorStore final : public JobStore {
 public:
  explicit MirrorStore(Mirror& mirror) : mirror_(mirror) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    auto model = mirror_.model().Begin();
    if (!model.ok()) return model;  // Somebody is in the middle of one, in both stores.
    auto tested = mirror_.tested().Begin();
    mirror_.Same("begin", absl::OkStatus(), tested.status());
    if (!tested.ok()) return model;
    return std::make_unique<MirrorTransaction>(mirror_, *std::move(model), *std::move(tested));
  }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(HostTransaction host) override {
    return mirror_.model().Join(host);
  }

  absl::StatusOr<Job> Get(JobId id) override {
    auto model = mirror_.model().Get(id);
    mirror_.Same("get", TextOfRow(model, model_name_),
                 TextOfRow(mirror_.tested().Get(mirror_.Tested(id)), tested_name_));
    return model;
  }

  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) override {
    auto model = mirror_.model().List(filter, page);
    JobPage translated = page;
    translated.before = mirror_.TestedBound(page.before);
    mirror_.Same("list", TextOfRows(model, model_name_),
                 TextOfRows(mirror_.tested().List(filter, translated), tested_name_));
    return model;
  }

  absl::StatusOr<JobStats> Stats() override {
    auto model = mirror_.model().Stats();
    mirror_.Same("stats", TextOfStats(model), TextOfStats(mirror_.tested().Stats()));
    return model;
  }

  // Compared at each commit.
  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int event_count_max) override {
    return mirror_.model().EventsAfter(after, event_count_max);
  }
  absl::StatusOr<std::int64_t> LastEvent() override { return mirror_.model().LastEvent(); }

  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max) override {
    auto model = mirror_.model().DeadLetterGroups(group_count_max);
    mirror_.Same("dead letters", TextOfGroups(model, model_name_),
                 TextOfGroups(mirror_.tested().DeadLetterGroups(group_count_max), tested_name_));
    return model;
  }

  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override {
    auto model = mirror_.model().CancelRequests(session);
    const auto tested = mirror_.tested().CancelRequests(session);
    mirror_.Same("cancel requests", model.status(), tested.status());
    std::string expected;
    std::string result;
    if (model.ok()) {
      for (const JobId id : *model) expected += model_name_(id) + " ";
    }
    if (tested.ok()) {
      for (const JobId id : *tested) result += tested_name_(id) + " ";
    }
    mirror_.Same("cancel requests", expected, result);
    return model;
  }

  absl::StatusOr<Artifact> FindArtifact(const std::string& id) override {
    auto model = mirror_.model().FindArtifact(id);
    mirror_.Same("find artifact", model.status(), mirror_.tested().FindArtifact(id).status());
    return model;
  }

  absl::Status Check(absl::Duration deadline) override { return mirror_.model().Check(deadline); }
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override {
    return mirror_.model().Subscribe(std::move(on_wake));
  }
  const StoreInfo& info() const override { return mirror_.model().info(); }
  const Clock& clock() const override { return mirror_.model().clock(); }

 private:
  Mirror& mirror_;
  const NameOf model_name_ = [this](JobId id) { return mirror_.NameOfModel(id); };
  const NameOf tested_name_ = [this](JobId id) { return mirror_.NameOfTested(id); };
};

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> MirrorStorage::Open(int, const Clock& clock,
                                                              RandomSource& random) {
  if (mirror_ == nullptr) {
    absl::StatusOr<std::unique_ptr<JobStore>> tested = make_(clock, random);
    if (!tested.ok()) return tested;
    tested_ = *std::move(tested);
    model_ = MemoryStore::Create(
        {.clock = &clock, .random = &random, .begin_timeout = absl::ZeroDuration()});
    mirror_ = std::make_unique<Mirror>(*model_, *tested_);
  }
  return std::make_unique<MirrorStore>(*mirror_);
}

absl::Status MirrorStorage::Check() {
  if (mirror_ == nullptr) return absl::OkStatus();
  if (mirror_->status().ok()) mirror_->CompareAll();
  return mirror_->status();
}

}  // namespace outlive::testing
