// The client port: /status, /health, /metrics and the v1alpha1 gateway.
#include <nlohmann/json.hpp>
#include <thread>

#include "master.h"
#include "process.h"

namespace dmsim {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr milliseconds kHealthTimeout(7000);
constexpr milliseconds kForwardTimeout(30'000);
constexpr milliseconds kForwardDelay(100);  // followers of the real one wait so on purpose
constexpr milliseconds kPoll(50);
constexpr milliseconds kReadRound(1000);
constexpr int kMaxHops = 3;

HttpResponse Pretty(const Ordered& body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = body.dump(2);
  return response;
}

HttpResponse GatewayError(int status, int code, const std::string& message) {
  return Pretty({{"code", code}, {"message", message}, {"details", Ordered::array()}}, status);
}

HttpResponse ResultOf(const std::string& error) {
  return Pretty({{"result", error.empty()}, {"msg", error}});
}

bool Wants(const HttpRequest& request, const std::string& kind) {
  const std::string value = request.Query(kind);
  return value == "true" || value == "1" || value == "t" || value == "T" || value == "TRUE";
}

bool IsNamed(const HttpRequest& request, const std::string& name) {
  const auto [begin, end] = request.query.equal_range("names");
  for (auto it = begin; it != end; ++it) {
    if (it->second == name) return true;
  }
  return begin == end;
}

Ordered ListMasters(const HttpRequest& request, const Json& document) {
  Ordered masters = Ordered::array();
  for (const MemberHealth& item : ProbeMembers(document)) {
    if (!IsNamed(request, item.member["name"])) continue;
    masters.push_back({{"name", item.member["name"]},
                       {"memberID", std::to_string(item.member["id"].get<std::uint64_t>())},
                       {"alive", item.alive},
                       {"peerURLs", item.member["peer_urls"]},
                       {"clientURLs", item.member["client_urls"]}});
  }
  return masters;
}

Ordered ListWorkers(const HttpRequest& request, const Json& document) {
  Ordered workers = Ordered::array();
  for (const auto& [name, worker] : document["workers"].items()) {
    if (!IsNamed(request, name)) continue;
    workers.push_back({{"name", name},
                       {"addr", worker["addr"]},
                       {"stage", StageOf(document, name)},
                       {"source", SourceOf(document, name)}});
  }
  return workers;
}

}  // namespace

HttpResponse Master::HandlePeer(const HttpRequest& request) {
  const Json message = Json::parse(request.body, nullptr, false);
  if (request.path != "/dmsim/peer" || !message.is_object()) return NotFoundResponse();
  HttpResponse response;
  response.body = consensus_->HandleMessage(message).dump();
  return response;
}

HttpResponse Master::Handle(const HttpRequest& request) {
  const std::string& path = request.path;
  HttpResponse response;
  if (path == "/status") {
    response.body = VersionText();
    return response;
  }
  if (path == "/health") return Health();
  if (path == "/version") {
    response.content_type = "application/json";
    response.body = R"({"etcdserver":"3.5.2","etcdcluster":"3.5.0"})";
    return response;
  }
  if (path == "/metrics") {
    return MetricsResponse(
        "# HELP dm_master_start_leader_counter leadership of this process\n"
        "# TYPE dm_master_start_leader_counter gauge\n"
        "dm_master_start_leader_counter " +
        std::string(IsLeader() ? "1\n" : "0\n"));
  }
  if (path.starts_with("/dmsim/")) return HandleInternal(request);
  if (path.starts_with("/apis/v1alpha1/")) return HandleGateway(request);
  if (path.starts_with("/api/v1/") && config_.openapi) {
    if (Forwarded(request, &response)) return response;
    return HandleOpenApi(request, path.substr(std::string("/api/v1").size()));
  }
  return NotFoundResponse();
}

HttpResponse Master::Health() {
  HttpResponse response;
  response.content_type = "application/json";
  if (consensus_->Read(kHealthTimeout)) {
    response.body = R"({"health":"true","reason":""})";
  } else {
    response.status = 503;
    response.body = R"({"health":"false","reason":"RANGE ERROR:context deadline exceeded"})";
  }
  return response;
}

HttpResponse Master::HandleGateway(const HttpRequest& request) {
  const std::vector<std::string> parts = Split(request.path.substr(1), '/');
  const bool slash = request.path.back() == '/';
  std::this_thread::sleep_until(gateway_ready_);
  if (parts.size() == 4 && parts[2] == "leader" && request.method == "PUT") {
    return OperateLeader(parts[3]);
  }
  const bool list = parts.size() == 3 && parts[2] == "members" && request.method == "GET" && !slash;
  // A name may be empty: so the member of a failed join is removed.
  const bool remove = parts.size() >= 4 && parts[2] == "members" && request.method == "DELETE" &&
                      (parts.size() == 5 || (parts.size() == 4 && slash));
  if (!list && !remove) return GatewayError(501, 12, "Not Implemented");
  HttpResponse response;
  if (Forwarded(request, &response)) return response;
  if (list) return ListMembers(request);
  return DeleteMember(parts[3], parts.size() == 5 ? parts[4] : "");
}

bool Master::Forwarded(const HttpRequest& request, HttpResponse* response) {
  const bool openapi = request.path.starts_with("/api/v1/");
  while (!IsLeader()) {
    const Json leader = LeaderOf(*consensus_->Local());
    const bool reachable = consensus_->KnowsRaftLeader() || consensus_->IsRemoved();
    const int hops = std::atoi(request.Header("x-dmsim-hops").c_str());
    if (reachable && leader["name"] != "" && leader["name"] != config_.name && hops < kMaxHops) {
      if (!openapi) std::this_thread::sleep_for(kForwardDelay);
      const HttpResult result =
          HttpCall(leader["addr"], request.method, request.target, request.body, kForwardTimeout,
                   {"X-Dmsim-Hops: " + std::to_string(hops + 1)});
      *response = {result.status, result.content_type, {}, result.body};
      if (result.status == 0) {
        *response = GatewayError(503, 14,
                                 "connection error: desc = \"transport: Error while "
                                 "dialing " +
                                     result.error + "\"");
      }
      return true;
    }
    // Without a majority a GET hangs as long as its client waits; a change is refused at once.
    if (request.method != "GET" || reachable || request.ClientHasGone()) {
      const std::string text =
          DmError(38043, "master is not leader, and can't forward request to leader");
      *response = GatewayError(500, 2, text);
      if (openapi) {
        *response = AnswerOf({{"error", text}, {"code", 38043}}, 0, nullptr);
      }
      return true;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return false;
}

DocumentPtr Master::ReadForClient(const HttpRequest& request) {
  while (!request.ClientHasGone()) {
    if (DocumentPtr document = consensus_->Read(kReadRound)) return document;
  }
  return nullptr;
}

HttpResponse Master::ListMembers(const HttpRequest& request) {
  const DocumentPtr document = ReadForClient(request);
  if (!document) return GatewayError(500, 2, "context canceled");
  const bool all =
      !Wants(request, "leader") && !Wants(request, "master") && !Wants(request, "worker");
  Ordered members = Ordered::array();
  if (all || Wants(request, "leader")) {
    const Json leader = LeaderOf(*document);
    members.push_back(
        {{"leader", {{"msg", ""}, {"name", leader["name"]}, {"addr", leader["addr"]}}}});
  }
  if (all || Wants(request, "master")) {
    members.push_back({{"master", {{"msg", ""}, {"masters", ListMasters(request, *document)}}}});
  }
  if (all || Wants(request, "worker")) {
    members.push_back({{"worker", {{"msg", ""}, {"workers", ListWorkers(request, *document)}}}});
  }
  return Pretty({{"result", true}, {"msg", ""}, {"members", members}});
}

HttpResponse Master::DeleteMember(const std::string& type, const std::string& name) {
  if (type == "master") return ResultOf(RemoveMaster(name));
  if (type == "worker") {
    return ResultOf(
        consensus_->Execute({{"op", "offline_worker"}, {"name", name}}, milliseconds(10'000))
            .value("error", ""));
  }
  return ResultOf(DmError(
      38049, "offline member type " + type + " is invalid, Workaround: Please use master/worker."));
}

// Acts on this process only; the mark of an eviction is kept even by one that does not lead.
HttpResponse Master::OperateLeader(const std::string& op) {
  if (op != "1" && op != "2") {
    if (op == "0") return ResultOf("operate leader op InvalidLeaderOp is not supported");
    return GatewayError(400, 3, "type mismatch, parameter: op, error: " + op + " is not valid");
  }
  {
    const std::lock_guard lock(mutex_);
    evicted_ = op == "1";
  }
  wake_.notify_all();
  // At once: a cancellation may follow, and the campaign begins anew all the same.
  if (op == "1" && IsLeader()) {
    consensus_->Execute({{"op", "resign"}, {"name", config_.name}}, kReadRound);
    const std::lock_guard lock(mutex_);
    office_.clear();
  }
  return ResultOf("");
}

}  // namespace dmsim
