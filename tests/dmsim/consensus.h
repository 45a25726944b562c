// How the masters agree: the whole document is one register, replaced by majority vote.
//
// A raft leader is elected for a term by a majority of those whose document is not newer than its
// own; it alone proposes the next document, which is committed when a majority has stored it.
// Every document contains all before it, so there is no log to compact. The member list in use is
// always that of the committed document, and one change is in flight at a time.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "http.h"
#include "state.h"

namespace dmsim {

using DocumentPtr = std::shared_ptr<const Json>;

// For a command or a read of a request.
inline constexpr milliseconds kRequestTimeout(10'000);

class Consensus {
 public:
  struct Options {
    std::string data_dir;
    std::string peer_url;  // the advertised one: by it a joining member finds its own id
    Json first_document;   // used when the data dir holds none; EmptyDocument() waits for a leader
  };

  explicit Consensus(Options options);

  static bool HasState(const std::string& data_dir);
  void Start();
  // Gives raft leadership to another member, if there is one. The DM leader is another matter.
  void StepDown();
  Json HandleMessage(const Json& message);

  // Carries out a command of state.h on the raft leader, wherever it is. Without a majority the
  // answer is {"error": "context deadline exceeded"}.
  Json Execute(const Json& command, milliseconds timeout);
  // A read that a majority confirms. nullptr without one.
  DocumentPtr Read(milliseconds timeout);
  // The last committed document that this member knows of.
  DocumentPtr Local() const;
  // Waits until Local() is another one than `seen`.
  DocumentPtr WaitForChange(const DocumentPtr& seen, milliseconds timeout) const;

  std::uint64_t self_id() const;
  bool IsRemoved() const;
  bool KnowsRaftLeader() const;
  // Members but self that have been connected for `age`.
  std::set<std::uint64_t> ConnectedFor(milliseconds age) const;
  // Tells the others that this member is about to stop.
  void AnnounceStop();
  // Whether a majority is about to stop and this is the one that the others leave behind.
  bool StopsLast() const;

 private:
  enum class Role { kFollower, kPreCandidate, kCandidate, kLeader };
  struct Peer {
    std::uint64_t id = 0;
    std::string address;
    bool leaving = false;  // removed: gets the last document, then its link ends
    Clock::time_point leaving_since;
    Position acknowledged{0, 0};
    Position told_commit{0, 0};
    std::uint64_t asked_round = 0;
    bool stopping = false;  // as it says
    Clock::time_point last_sent{};
    Clock::time_point last_answer{};      // the time of sending of the last answered message
    Clock::time_point connected_since{};  // zero: not connected
  };
  using PeerPtr = std::shared_ptr<Peer>;
  using Lock = std::unique_lock<std::mutex>;

  // consensus.cc: what is kept, and messages from others.
  void Load();
  void Persist();
  void AdoptConfig();
  void Commit(DocumentPtr document);
  void FollowTerm(std::uint64_t term);
  Json OnAppend(const Json& message);
  Json OnVote(const Json& message);
  const DocumentPtr& Latest() const { return pending_ ? pending_ : committed_; }
  std::size_t Majority() const { return (*committed_)["members"].size() / 2 + 1; }
  bool Removed() const;
  bool IsMember(std::uint64_t id) const { return FindMember(*committed_, id) != nullptr; }
  void Changed();

  // consensus_links.cc: threads, elections, messages to others.
  void RunLink(const PeerPtr& peer);
  bool NextMessage(const PeerPtr& peer, Json* message);
  void OnReply(const PeerPtr& peer, const Json& message, const Json& reply, Clock::time_point sent);
  void OnSilence(const PeerPtr& peer);
  void RunTicker();
  void Tick();
  void StartRound(Role role);
  void CountVotes();
  void BecomeLeader();
  void CommitIfStored();
  void Retire();
  bool HeardLeaderLately() const;

  // consensus_execute.cc: commands and leases.
  Json ExecuteHere(const Json& command, Clock::time_point deadline);
  Json ConfirmedPosition(Clock::time_point deadline);
  bool ConfirmLeadership(Lock* lock, Clock::time_point deadline);
  Json KeepAlive(const Json& command);
  void RunLessor();
  std::vector<std::string> ExpiredLeases();

  const Options options_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::timed_mutex proposal_mutex_;  // one proposal at a time; taken before mutex_

  std::uint64_t self_id_ = 0;
  std::uint64_t term_ = 0;
  std::uint64_t voted_for_ = 0;
  DocumentPtr committed_;
  DocumentPtr pending_;
  Role role_ = Role::kFollower;
  std::uint64_t raft_leader_ = 0;
  std::uint64_t round_ = 0;
  bool forced_round_ = false;  // a leader that steps down asked for this election
  std::set<std::uint64_t> votes_;
  Clock::time_point last_heard_{};
  milliseconds election_timeout_{0};
  bool stopping_ = false;
  Clock::time_point heartbeat_now_{};  // peers that were not sent to since then are due
  std::map<std::uint64_t, PeerPtr> peers_;
  std::map<std::string, Clock::time_point> lease_ends_;
};

}  // namespace dmsim
