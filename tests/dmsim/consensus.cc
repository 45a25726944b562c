#include "consensus.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "process.h"

namespace dmsim {
namespace {

std::string WalDir(const std::string& data_dir) { return data_dir + "/member/wal"; }

bool WriteDurably(const std::string& file, const std::string& text) {
  const std::string temporary = file + ".tmp";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool synced = written && fdatasync(fd) == 0;
  close(fd);
  return synced && rename(temporary.c_str(), file.c_str()) == 0;
}

}  // namespace

Consensus::Consensus(Options options) : options_(std::move(options)) {
  Load();
  AdoptConfig();
}

bool Consensus::HasState(const std::string& data_dir) {
  return access(WalDir(data_dir).c_str(), F_OK) == 0;
}

void Consensus::Load() {
  std::ifstream in(WalDir(options_.data_dir) + "/state.json");
  const Json kept = in ? Json::parse(in, nullptr, false) : Json();
  if (in && !kept.is_object()) ExitWith(2, "fail to start dm-master: walpb: crc mismatch");
  if (!kept.is_object()) {
    committed_ = std::make_shared<const Json>(options_.first_document);
    return;
  }
  term_ = kept["term"];
  voted_for_ = kept["voted_for"];
  self_id_ = kept["self"];
  committed_ = std::make_shared<const Json>(kept["committed"]);
  if (!kept["pending"].is_null()) pending_ = std::make_shared<const Json>(kept["pending"]);
}

// Called with the mutex held, before anyone is told of the change.
void Consensus::Persist() {
  const std::string dir = options_.data_dir + "/member";
  mkdir(dir.c_str(), 0700);
  mkdir((dir + "/snap").c_str(), 0700);
  mkdir(WalDir(options_.data_dir).c_str(), 0700);
  const Json kept = {{"term", term_},
                     {"voted_for", voted_for_},
                     {"self", self_id_},
                     {"committed", *committed_},
                     {"pending", pending_ ? *pending_ : Json()}};
  if (!WriteDurably(WalDir(options_.data_dir) + "/state.json", kept.dump())) {
    ExitWith(1, "failed to save raft state: cannot write to " + options_.data_dir);
  }
}

void Consensus::AdoptConfig() {
  for (const Json& member : (*committed_)["members"]) {
    if (self_id_ != 0) break;
    if (member["peer_urls"].front() == options_.peer_url) self_id_ = member["id"];
  }
  for (const Json& member : (*committed_)["members"]) {
    const std::uint64_t id = member["id"];
    if (id == self_id_ || peers_.contains(id)) continue;
    auto peer = std::make_shared<Peer>();
    peer->id = id;
    peer->address = member["peer_urls"].front();
    peers_[id] = peer;
    std::thread([this, peer] { RunLink(peer); }).detach();
  }
  for (auto it = peers_.begin(); it != peers_.end();) {
    if (IsMember(it->first)) {
      ++it;
      continue;
    }
    it->second->leaving = true;
    it->second->leaving_since = Clock::now();
    it = peers_.erase(it);
  }
}

void Consensus::Commit(DocumentPtr document) {
  committed_ = std::move(document);
  pending_ = nullptr;
  AdoptConfig();
  Persist();
  Changed();
}

void Consensus::Changed() { changed_.notify_all(); }

void Consensus::FollowTerm(std::uint64_t term) {
  if (term <= term_) return;
  term_ = term;
  voted_for_ = 0;
  role_ = Role::kFollower;
  raft_leader_ = 0;
  Persist();
  Changed();
}

Json Consensus::HandleMessage(const Json& message) {
  const std::string type = message.value("type", "");
  if (type == "execute") {
    const milliseconds timeout(message["timeout_ms"].get<int>());
    return ExecuteHere(message["command"], Clock::now() + timeout);
  }
  const Lock lock(mutex_);
  const std::string cluster = (*committed_)["cluster"];
  if (!cluster.empty() && message["cluster"] != cluster) {
    return {{"ok", false}, {"error", "cluster ID mismatch"}, {"term", 0}};
  }
  if (const auto peer = peers_.find(message["from"]); peer != peers_.end()) {
    peer->second->stopping = message.value("stopping", false);
  }
  if (type == "append") return OnAppend(message);
  if (type == "vote") return OnVote(message);
  const bool is_member = IsMember(message["from"]);
  if (type == "elect_now" && is_member && !Removed()) {
    forced_round_ = true;
    StartRound(Role::kCandidate);
  }
  return {{"ok", is_member}, {"term", term_}};
}

Json Consensus::OnAppend(const Json& message) {
  const std::uint64_t term = message["term"];
  if (term < term_ || (committed_->at("version") != 0 && !IsMember(self_id_))) {
    return {{"ok", false}, {"term", term_}};
  }
  FollowTerm(term);
  role_ = Role::kFollower;
  raft_leader_ = message["from"];
  last_heard_ = Clock::now();
  if (message.contains("document") && PositionOf(message["document"]) != PositionOf(*Latest())) {
    pending_ = std::make_shared<const Json>(message["document"]);
    Persist();
  }
  const Position commit = message["commit"];
  if (pending_ && PositionOf(*pending_) == commit) Commit(pending_);
  Changed();
  return {{"ok", true}, {"term", term_}, {"position", PositionOf(*Latest())}};
}

Json Consensus::OnVote(const Json& message) {
  const std::uint64_t from = message["from"];
  const std::uint64_t term = message["term"];
  const bool pre = message["pre"];
  const bool knows_no_one = committed_->at("version") == 0;
  const Json no = {{"ok", true}, {"granted", false}, {"term", term_}};
  // A removed member must not disturb those that stay; a live leader is not voted away.
  if (!knows_no_one && (!IsMember(from) || !IsMember(self_id_)))
    return {{"ok", false}, {"term", 0}};
  if (HeardLeaderLately() && !message["force"]) return no;
  if (term < term_ || (pre && term == term_)) return no;
  if (message["position"].get<Position>() < PositionOf(*Latest())) {
    if (!pre) FollowTerm(term);
    return {{"ok", true}, {"granted", false}, {"term", term_}};
  }
  if (pre) return {{"ok", true}, {"granted", true}, {"term", term_}};
  FollowTerm(term);
  if (voted_for_ != 0 && voted_for_ != from) return no;
  voted_for_ = from;
  last_heard_ = Clock::now();
  Persist();
  return {{"ok", true}, {"granted", true}, {"term", term_}};
}

DocumentPtr Consensus::Local() const {
  const Lock lock(mutex_);
  return committed_;
}

DocumentPtr Consensus::WaitForChange(const DocumentPtr& seen, milliseconds timeout) const {
  Lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return committed_ != seen; });
  return committed_;
}

std::uint64_t Consensus::self_id() const {
  const Lock lock(mutex_);
  return self_id_;
}

std::set<std::uint64_t> Consensus::ConnectedFor(milliseconds age) const {
  const Lock lock(mutex_);
  std::set<std::uint64_t> ids;
  for (const auto& [id, peer] : peers_) {
    const bool connected = peer->connected_since != Clock::time_point{};
    if (connected && Clock::now() - peer->connected_since >= age) ids.insert(id);
  }
  return ids;
}

void Consensus::AnnounceStop() {
  const Lock lock(mutex_);
  stopping_ = true;
}

bool Consensus::StopsLast() const {
  const Lock lock(mutex_);
  std::size_t staying = 0;
  bool is_first = true;
  for (const auto& [id, peer] : peers_) {
    if (peer->connected_since == Clock::time_point{}) continue;
    if (!peer->stopping) ++staying;
    if (peer->stopping && id < self_id_) is_first = false;
  }
  return staying < Majority() && is_first && Majority() > 1;
}

}  // namespace dmsim
