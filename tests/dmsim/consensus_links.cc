// One thread per other member sends what is due; a ticker holds elections.
#include <algorithm>
#include <random>
#include <thread>

#include "consensus.h"
#include "process.h"

namespace dmsim {
namespace {

constexpr milliseconds kHeartbeat(100);
constexpr milliseconds kPing(400);  // between followers, to know who is connected
constexpr milliseconds kTick(50);
constexpr milliseconds kReplyTimeout(1000);
constexpr milliseconds kElectionMin(500);
constexpr int kElectionSpread = 400;
constexpr milliseconds kLeadershipWithoutMajority(1500);
constexpr milliseconds kFarewell(1000);

}  // namespace

void Consensus::Start() {
  {
    const Lock lock(mutex_);
    last_heard_ = Clock::now();
    election_timeout_ = milliseconds(RandomId() % kElectionSpread);  // the first one is early
    Persist();
  }
  std::thread([this] { RunTicker(); }).detach();
  std::thread([this] { RunLessor(); }).detach();
}

void Consensus::RunLink(const PeerPtr& peer) {
  HttpConnection connection(peer->address);
  while (true) {
    Json message;
    {
      Lock lock(mutex_);
      while (!NextMessage(peer, &message)) {
        if (peer->leaving) return;  // it has been told that it is removed, or nobody leads
        changed_.wait_for(lock, kTick);
      }
      if (peer->leaving && Clock::now() - peer->leaving_since > kFarewell) return;
      peer->last_sent = Clock::now();
    }
    const auto sent = Clock::now();
    const HttpResult result = connection.Call("POST", "/dmsim/peer", message.dump(), kReplyTimeout);
    const Json reply = Json::parse(result.body, nullptr, false);
    const Lock lock(mutex_);
    if (result.ok() && reply.is_object() && reply.value("ok", false)) {
      OnReply(peer, message, reply, sent);
    } else {
      OnSilence(peer);
    }
  }
}

// Called with the mutex held. False when nothing is due for this peer.
bool Consensus::NextMessage(const PeerPtr& peer, Json* message) {
  const auto now = Clock::now();
  const bool retry = now - peer->last_sent >= kHeartbeat;
  const bool unheard = peer->connected_since == Clock::time_point{};
  *message = {{"from", self_id_},
              {"cluster", (*committed_)["cluster"]},
              {"term", term_},
              {"stopping", stopping_}};
  if (role_ == Role::kLeader) {
    const Position latest = PositionOf(*Latest());
    const Position committed = PositionOf(*committed_);
    const bool behind = peer->acknowledged != latest || peer->told_commit != committed;
    const bool asked = peer->last_sent < heartbeat_now_;
    if (peer->leaving && !behind) return false;
    if (!retry && !asked && (!behind || unheard)) return false;
    (*message)["type"] = "append";
    (*message)["commit"] = committed;
    if (peer->acknowledged != latest) (*message)["document"] = *Latest();
    return true;
  }
  if (peer->leaving || self_id_ == 0 || Removed()) return false;
  const bool candidate = role_ == Role::kPreCandidate || role_ == Role::kCandidate;
  if (candidate && peer->asked_round != round_ && (retry || !unheard)) {
    peer->asked_round = round_;
    (*message)["type"] = "vote";
    (*message)["pre"] = role_ == Role::kPreCandidate;
    (*message)["term"] = role_ == Role::kPreCandidate ? term_ + 1 : term_;
    (*message)["force"] = forced_round_;
    (*message)["position"] = PositionOf(*Latest());
    (*message)["round"] = round_;
    return true;
  }
  if (now - peer->last_sent < kPing) return false;
  (*message)["type"] = "ping";
  return true;
}

void Consensus::OnReply(const PeerPtr& peer, const Json& message, const Json& reply,
                        Clock::time_point sent) {
  if (peer->connected_since == Clock::time_point{}) {
    peer->connected_since = Clock::now();
    Info("peer " + peer->address + " became active");
  }
  peer->last_answer = sent;
  FollowTerm(reply["term"]);
  const std::string type = message["type"];
  if (type == "append" && role_ == Role::kLeader && message["term"] == term_) {
    peer->acknowledged = reply["position"];
    peer->told_commit = message["commit"];
    CommitIfStored();
    Changed();
  }
  if (type == "vote" && message["round"] == round_ && reply.value("granted", false)) {
    votes_.insert(peer->id);
    CountVotes();
  }
}

void Consensus::OnSilence(const PeerPtr& peer) {
  if (peer->connected_since != Clock::time_point{}) {
    Warn("peer " + peer->address + " became inactive");
  }
  peer->connected_since = {};
  peer->acknowledged = {0, 0};
  peer->asked_round = 0;
}

void Consensus::RunTicker() {
  while (true) {
    {
      const Lock lock(mutex_);
      Tick();
    }
    std::this_thread::sleep_for(kTick);
  }
}

void Consensus::Tick() {
  const auto now = Clock::now();
  if (role_ == Role::kLeader) {
    std::size_t heard = IsMember(self_id_) ? 1 : 0;
    for (const auto& [id, peer] : peers_) {
      heard += now - peer->last_answer < kLeadershipWithoutMajority ? 1 : 0;
    }
    if (heard >= Majority()) last_heard_ = now;
    if (!IsMember(self_id_)) return Retire();
    if (now - last_heard_ > kLeadershipWithoutMajority) {
      Warn("raft leader steps down: no majority");
      role_ = Role::kFollower;
      raft_leader_ = 0;
      Changed();
    }
    return;
  }
  if (self_id_ == 0 || !IsMember(self_id_) || now - last_heard_ < election_timeout_) return;
  forced_round_ = false;
  StartRound(Role::kPreCandidate);
}

// A raft leader that has been removed leads on until the others know, or they could not go on.
void Consensus::Retire() {
  for (const auto& [id, peer] : peers_) {
    const bool informed = peer->told_commit == PositionOf(*committed_);
    if (!informed && Clock::now() - last_heard_ < kFarewell) return;
  }
  role_ = Role::kFollower;
  raft_leader_ = 0;
  for (const auto& [id, peer] : peers_) {
    // In its own name: this member is none any more.
    const Json message = {{"type", "elect_now"},
                          {"from", id},
                          {"cluster", (*committed_)["cluster"]},
                          {"term", term_}};
    std::thread([address = peer->address, message] {
      HttpCall(address, "POST", "/dmsim/peer", message.dump(), kReplyTimeout);
    }).detach();
    break;
  }
  Changed();
}

void Consensus::StartRound(Role role) {
  role_ = role;
  raft_leader_ = 0;
  ++round_;
  last_heard_ = Clock::now();
  election_timeout_ = kElectionMin + milliseconds(RandomId() % kElectionSpread);
  votes_ = {self_id_};
  if (role == Role::kCandidate) {
    ++term_;
    voted_for_ = self_id_;
    Persist();
  }
  Changed();
  CountVotes();
}

void Consensus::CountVotes() {
  std::size_t granted = 0;
  for (const std::uint64_t id : votes_) granted += IsMember(id) ? 1 : 0;
  if (granted < Majority()) return;
  if (role_ == Role::kPreCandidate) {
    StartRound(Role::kCandidate);
  } else if (role_ == Role::kCandidate) {
    BecomeLeader();
  }
}

void Consensus::BecomeLeader() {
  Info("became raft leader at term " + std::to_string(term_));
  role_ = Role::kLeader;
  raft_leader_ = self_id_;
  last_heard_ = Clock::now();
  lease_ends_.clear();  // every lease gets its full time again, as with etcd
  Json document = *Latest();
  document["version"] = document["version"].get<std::uint64_t>() + 1;
  document["term"] = term_;
  pending_ = std::make_shared<const Json>(std::move(document));
  for (const auto& [id, peer] : peers_) peer->acknowledged = {0, 0};
  Persist();
  Changed();
  CommitIfStored();
}

void Consensus::CommitIfStored() {
  if (role_ != Role::kLeader || !pending_) return;
  std::size_t stored = IsMember(self_id_) ? 1 : 0;
  for (const auto& [id, peer] : peers_) {
    stored += peer->acknowledged == PositionOf(*pending_) ? 1 : 0;
  }
  if (stored >= Majority()) Commit(pending_);
}

bool Consensus::HeardLeaderLately() const {
  if (role_ == Role::kLeader) return true;
  return raft_leader_ != 0 && Clock::now() - last_heard_ < kElectionMin;
}

bool Consensus::KnowsRaftLeader() const {
  const Lock lock(mutex_);
  return raft_leader_ != 0;
}

bool Consensus::Removed() const {
  return self_id_ != 0 && committed_->at("version") != 0 && !IsMember(self_id_);
}

bool Consensus::IsRemoved() const {
  const Lock lock(mutex_);
  return Removed();
}

void Consensus::StepDown() {
  std::string address;
  Json message;
  {
    const Lock lock(mutex_);
    if (role_ != Role::kLeader) return;
    for (const auto& [id, peer] : peers_) {
      if (peer->connected_since == Clock::time_point{}) continue;
      if (peer->acknowledged != PositionOf(*Latest())) continue;
      address = peer->address;
      message = {{"type", "elect_now"},
                 {"from", self_id_},
                 {"cluster", (*committed_)["cluster"]},
                 {"term", term_}};
    }
  }
  if (!address.empty()) HttpCall(address, "POST", "/dmsim/peer", message.dump(), kReplyTimeout);
}

}  // namespace dmsim
