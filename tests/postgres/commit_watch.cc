#include "tests/postgres/commit_watch.h"

#include <cctype>
#include <cstdint>

namespace outlive::testing {
namespace {

constexpr std::uint32_t kCancelRequest = 80877102;
constexpr std::uint32_t kEncryptByTls = 80877103;
constexpr std::uint32_t kEncryptByGss = 80877104;

std::uint32_t Number(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char byte : bytes.substr(0, 4)) {
    number = number << 8 | static_cast<std::uint8_t>(byte);
  }
  return number;
}

// Takes a text that ends with a zero byte off the beginning.
std::string TakeText(std::string_view& body) {
  const std::size_t end = body.find('\0');
  std::string text(body.substr(0, end));
  body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
  return text;
}

// In capitals, without blanks and semicolons around it.
std::string Trimmed(std::string_view statement) {
  const auto is_edge = [](char letter) { return letter == ';' || std::isspace(letter) != 0; };
  while (!statement.empty() && is_edge(statement.front())) statement.remove_prefix(1);
  while (!statement.empty() && is_edge(statement.back())) statement.remove_suffix(1);
  std::string text;
  for (const char letter : statement) text += static_cast<char>(std::toupper(letter));
  return text;
}

bool IsCommit(const std::string& statement) {
  const std::string text = Trimmed(statement);
  return text == "END" || text.ends_with("COMMIT");
}

bool IsBegin(const std::string& statement) {
  const std::string text = Trimmed(statement);
  return text.starts_with("BEGIN") || text.starts_with("START TRANSACTION");
}

}  // namespace

std::optional<std::string> CommitWatch::TakeClientMessage() {
  const std::size_t type_size = is_starting_ ? 0 : 1;
  if (from_client_.size() < type_size + 4) return std::nullopt;
  const std::size_t size = type_size + Number(std::string_view(from_client_).substr(type_size));
  if (from_client_.size() < size || size < type_size + 4) return std::nullopt;
  std::string message = from_client_.substr(0, size);
  from_client_.erase(0, size);
  return message;
}

std::optional<std::string> CommitWatch::TakeServerMessage() {
  if (from_server_.size() < 5) return std::nullopt;
  const std::size_t size = 1 + Number(std::string_view(from_server_).substr(1));
  if (from_server_.size() < size) return std::nullopt;
  std::string message = from_server_.substr(0, size);
  from_server_.erase(0, size);
  return message;
}

bool CommitWatch::HasMatched() const {
  if (has_matched_ || open_.matched) return true;
  for (const Batch& batch : answered_) {
    if (batch.matched) return true;
  }
  return false;
}

void CommitWatch::Note(const std::string& statement, const LostCommit* lost) {
  if (IsBegin(statement)) open_.begins = true;
  if (lost == nullptr) return;
  if (lost->having.empty() || statement.find(lost->having) != std::string::npos) {
    open_.matched = true;
  }
}

// Takes notice of a message. Whether it is the one that asks for the commit to be lost.
bool CommitWatch::Requests(char type, std::string_view body, const LostCommit* lost) {
  bool commits = false;
  if (type == 'Q' || type == 'P') {
    const std::string name = type == 'P' ? TakeText(body) : "";
    const std::string statement = TakeText(body);
    if (type == 'P') {
      prepared_[name] = statement;
      return false;
    }
    Note(statement, lost);
    commits = IsCommit(statement);
  } else if (type == 'B') {
    TakeText(body);  // The portal.
    const std::string statement = prepared_[TakeText(body)];
    Note(statement, lost);
    commits = IsCommit(statement);
  }
  // Without BEGIN the end of a batch commits it.
  const bool ends = type == 'Q' || type == 'S';
  const bool stands_alone = is_idle_ && answered_.empty() && !open_.begins && open_.matched;
  const bool is_named = lost != nullptr && !lost->having.empty();
  const bool requests =
      lost != nullptr && (commits ? HasMatched() : ends && stands_alone && is_named);
  if (ends) {
    answered_.push_back(open_);
    open_ = {};
  }
  return requests;
}

CommitWatch::Verdict CommitWatch::FromClient(std::string_view bytes, const LostCommit* lost) {
  Verdict verdict;
  from_client_.append(bytes);
  while (!is_opaque_) {
    const std::optional<std::string> message = TakeClientMessage();
    if (!message) return verdict;
    if (is_starting_) {
      const std::uint32_t code = Number(std::string_view(*message).substr(4));
      is_negotiating_ = code == kEncryptByTls || code == kEncryptByGss;
      is_opaque_ = code == kCancelRequest;
      is_starting_ = is_negotiating_;
    } else if (Requests((*message)[0], std::string_view(*message).substr(5), lost) &&
               lost->what == LostCommit::What::kRequest) {
      verdict.lost = true;
      return verdict;
    }
    verdict.forward += *message;
  }
  verdict.forward += from_client_;
  from_client_.clear();
  return verdict;
}

// At ReadyForQuery: whether the batch that it ends has committed what is to be lost.
bool CommitWatch::IsReplyLost(char status, const LostCommit* lost) {
  Batch batch;
  if (!answered_.empty()) {
    batch = answered_.front();
    answered_.pop_front();
  }
  const bool has_matched = has_matched_ || batch.matched;
  const bool stood_alone = is_idle_ && !batch.begins && status == 'I' && !failed_;
  const bool is_named = lost != nullptr && !lost->having.empty();
  const bool is_lost = committed_ ? has_matched : stood_alone && batch.matched && is_named;
  is_idle_ = status == 'I';
  has_matched_ = !is_idle_ && has_matched;
  committed_ = false;
  failed_ = false;
  return is_lost;
}

CommitWatch::Verdict CommitWatch::FromServer(std::string_view bytes, const LostCommit* lost) {
  Verdict verdict;
  from_server_.append(bytes);
  if (is_negotiating_ && !from_server_.empty()) {
    is_negotiating_ = false;
    is_opaque_ = from_server_[0] != 'N';
    is_starting_ = !is_opaque_;
    verdict.forward += from_server_[0];
    from_server_.erase(0, 1);
  }
  const bool loses = lost != nullptr && lost->what == LostCommit::What::kReply;
  while (!is_opaque_) {
    const std::optional<std::string> message = TakeServerMessage();
    if (!message) return verdict;
    const char type = (*message)[0];
    withheld_ += *message;
    if (type == 'C' && message->compare(5, std::string::npos, std::string("COMMIT\0", 7)) == 0) {
      committed_ = true;
    }
    if (type == 'E') failed_ = true;
    if (type == 'Z') {
      if (IsReplyLost((*message)[5], lost) && loses) {
        verdict.lost = true;
        return verdict;
      }
    } else if (loses && HasMatched()) {
      continue;  // Until it is known what becomes of the batch.
    }
    verdict.forward += withheld_;
    withheld_.clear();
  }
  verdict.forward += from_server_;
  from_server_.clear();
  return verdict;
}

}  // namespace outlive::testing
