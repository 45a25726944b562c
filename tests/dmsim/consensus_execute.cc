// Commands travel to the raft leader, which alone changes the document and ends leases.
#include <thread>

#include "consensus.h"
#include "process.h"
#include "subtask.h"

namespace dmsim {
namespace {

constexpr milliseconds kRetry(30);
constexpr milliseconds kLessorTick(100);
constexpr milliseconds kProposal(5000);

Json DeadlineExceeded() { return {{"error", "context deadline exceeded"}, {"code", 0}}; }
Json NotLeader() { return {{"error", "not raft leader"}, {"retry", true}}; }

milliseconds Left(Clock::time_point deadline) {
  return std::chrono::ceil<milliseconds>(deadline - Clock::now());
}

}  // namespace

Json Consensus::Execute(const Json& command, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (Clock::now() < deadline) {
    std::string address;
    bool is_leader = false;
    {
      const Lock lock(mutex_);
      if (Removed()) return {{"error", "etcdserver: server stopped"}, {"code", 0}};
      is_leader = role_ == Role::kLeader;
      const auto it = peers_.find(raft_leader_);
      if (it != peers_.end()) address = it->second->address;
    }
    Json answer = NotLeader();
    if (is_leader) {
      answer = ExecuteHere(command, deadline);
    } else if (!address.empty()) {
      const milliseconds left = Left(deadline);
      const Json message = {
          {"type", "execute"}, {"command", command}, {"timeout_ms", left.count()}};
      const HttpResult result = HttpCall(address, "POST", "/dmsim/peer", message.dump(), left);
      answer = Json::parse(result.body, nullptr, false);
      if (!answer.is_object()) answer = NotLeader();
    }
    if (!answer.value("retry", false)) return answer;
    Lock lock(mutex_);
    changed_.wait_for(lock, std::min(kRetry, std::max(Left(deadline), milliseconds(1))));
  }
  return DeadlineExceeded();
}

Json Consensus::ExecuteHere(const Json& command, Clock::time_point deadline) {
  if (command["op"] == "keep_alive") return KeepAlive(command);
  if (command["op"] == "read") return ConfirmedPosition(deadline);
  const std::unique_lock one_at_a_time(proposal_mutex_, deadline);
  if (!one_at_a_time.owns_lock()) return DeadlineExceeded();
  Lock lock(mutex_);
  // What an earlier proposal or an election left must be settled first.
  changed_.wait_until(lock, deadline, [&] { return role_ != Role::kLeader || !pending_; });
  if (role_ != Role::kLeader) return NotLeader();
  if (pending_) return DeadlineExceeded();
  Json document = *committed_;
  Json stamped = command;
  stamped["now"] = NowMs();
  Json answer = Apply(stamped, &document);
  if (document != *committed_) CountDone(stamped, &document);
  SettleSubtasks(NowMs(), &document);
  if (document == *committed_) {
    return ConfirmLeadership(&lock, deadline) ? answer : NotLeader();
  }
  const std::uint64_t term = term_;
  document["version"] = document["version"].get<std::uint64_t>() + 1;
  document["term"] = term;
  const Position position = PositionOf(document);
  pending_ = std::make_shared<const Json>(std::move(document));
  Persist();
  Changed();
  CommitIfStored();
  const auto lost = [&] { return role_ != Role::kLeader || term_ != term; };
  const auto stored = [&] { return PositionOf(*committed_) >= position; };
  changed_.wait_until(lock, deadline, [&] { return lost() || stored(); });
  if (!lost() && !stored()) return DeadlineExceeded();
  return stored() && term_ == term ? answer : NotLeader();
}

// Waits until a majority has answered a message that was sent after the call.
bool Consensus::ConfirmLeadership(Lock* lock, Clock::time_point deadline) {
  const auto start = Clock::now();
  const std::uint64_t term = term_;
  heartbeat_now_ = start;
  Changed();
  const auto confirmed = [&] {
    std::size_t heard = IsMember(self_id_) ? 1 : 0;
    for (const auto& [id, peer] : peers_) heard += peer->last_answer >= start ? 1 : 0;
    return heard >= Majority();
  };
  changed_.wait_until(*lock, deadline,
                      [&] { return role_ != Role::kLeader || term_ != term || confirmed(); });
  return role_ == Role::kLeader && term_ == term && confirmed();
}

// What is committed in this term holds everything that was ever acknowledged.
Json Consensus::ConfirmedPosition(Clock::time_point deadline) {
  Lock lock(mutex_);
  const auto settled = [&] { return committed_->at("term") == term_; };
  changed_.wait_until(lock, deadline, [&] { return role_ != Role::kLeader || settled(); });
  if (role_ != Role::kLeader || !settled()) return NotLeader();
  const Position position = PositionOf(*committed_);
  if (!ConfirmLeadership(&lock, deadline)) return NotLeader();
  return {{"ok", true}, {"position", position}};
}

DocumentPtr Consensus::Read(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const Json answer = Execute({{"op", "read"}}, timeout);
  if (!answer.contains("position")) return nullptr;
  const Position position = answer["position"];
  DocumentPtr document = Local();
  while (PositionOf(*document) < position) {
    if (Clock::now() >= deadline) return nullptr;
    document = WaitForChange(document, std::max(Left(deadline), milliseconds(1)));
  }
  return document;
}

Json Consensus::KeepAlive(const Json& command) {
  const Lock lock(mutex_);
  if (role_ != Role::kLeader) return NotLeader();
  const std::string lease = command["lease"];
  const Json& leases = (*committed_)["leases"];
  if (!leases.contains(lease)) return {{"error", "etcdserver: requested lease not found"}};
  lease_ends_[lease] = Clock::now() + std::chrono::seconds(leases[lease].get<int>());
  return {{"ok", true}};
}

void Consensus::RunLessor() {
  while (true) {
    for (const std::string& lease : ExpiredLeases()) {
      Warn("lease expired: " + lease);
      Execute({{"op", "revoke"}, {"lease", lease}}, kProposal);
    }
    std::this_thread::sleep_for(kLessorTick);
  }
}

std::vector<std::string> Consensus::ExpiredLeases() {
  const Lock lock(mutex_);
  std::vector<std::string> expired;
  if (role_ != Role::kLeader || pending_) return expired;
  const Json& leases = (*committed_)["leases"];
  std::erase_if(lease_ends_, [&](const auto& item) { return !leases.contains(item.first); });
  for (const auto& [lease, seconds] : leases.items()) {
    const auto full = Clock::now() + std::chrono::seconds(seconds.get<int>());
    const auto end = lease_ends_.try_emplace(lease, full).first->second;
    if (end <= Clock::now()) expired.push_back(lease);
  }
  return expired;
}

}  // namespace dmsim
