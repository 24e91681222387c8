// CommitWatch follows a connection between a client and a PostgreSQL server message by message, and
// knows where a transaction commits: by COMMIT, alone or in a pipeline, or at the end of a batch
// without BEGIN. So a commit can be lost there on purpose.
//
// It knows just enough of the protocol, version 3: a batch is what ends with a Sync or a simple
// query, and is answered up to ReadyForQuery. Not known: the COPY protocol, Flush in a transaction
// that is to be lost, and whatever is encrypted.
//
// Thread-safety: none.
#ifndef OUTLIVE_TESTS_POSTGRES_COMMIT_WATCH_H_
#define OUTLIVE_TESTS_POSTGRES_COMMIT_WATCH_H_

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace outlive::testing {

// Which commit is to be lost, and how much of it.
struct LostCommit {
  enum class What {
    kRequest,  // The server never hears of it, and undoes the transaction.
    kReply,    // The server has committed, and its client is never told.
  };
  What what = What::kReply;

  // Only of a transaction with a statement that contains this text. Empty: of any, but then one
  // that ends with COMMIT: nothing tells a batch that has written from one that has read.
  std::string having = {};

  // The connection ends. Else nothing more comes through it.
  bool cut = true;
};

class CommitWatch {
 public:
  // What is to be passed on, and whether this is where the commit is lost. `lost`: null for none.
  struct Verdict {
    std::string forward = {};
    bool lost = false;
  };
  Verdict FromClient(std::string_view bytes, const LostCommit* lost);
  Verdict FromServer(std::string_view bytes, const LostCommit* lost);

 private:
  // What a client has sent up to a Sync.
  struct Batch {
    bool matched = false;
    bool begins = false;
  };

  std::optional<std::string> TakeClientMessage();
  std::optional<std::string> TakeServerMessage();
  void Note(const std::string& statement, const LostCommit* lost);
  bool Requests(char type, std::string_view body, const LostCommit* lost);
  bool HasMatched() const;
  bool IsReplyLost(char status, const LostCommit* lost);

  std::string from_client_;
  std::string from_server_;
  std::string withheld_;
  bool is_starting_ = true;      // Messages of the client have no type yet.
  bool is_negotiating_ = false;  // The server's next byte says whether it encrypts.
  bool is_opaque_ = false;
  std::map<std::string, std::string> prepared_;

  Batch open_;                  // Not ended by its client yet.
  std::deque<Batch> answered_;  // Ended, and not answered to the end.
  bool is_idle_ = true;         // Outside a transaction, by the last ReadyForQuery.
  bool has_matched_ = false;    // In a batch of this transaction that has been answered.
  bool committed_ = false;      // Since the last ReadyForQuery.
  bool failed_ = false;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_COMMIT_WATCH_H_
