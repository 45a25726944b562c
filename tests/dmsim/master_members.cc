// Changes of the member list under etcd's strict rules, and what workers and joiners call.
#include <thread>

#include "master.h"

namespace dmsim {
namespace {

constexpr milliseconds kHealthInterval(5000);
constexpr milliseconds kProbe(1000);
constexpr char kUnhealthy[] = "etcdserver: unhealthy cluster";
constexpr char kNotStarted[] =
    "etcdserver: re-configuration failed due to not enough started members";

std::size_t CountStarted(const Json& document, std::uint64_t except) {
  std::size_t started = 0;
  for (const Json& member : document["members"]) {
    started += member["id"] != except && member["name"] != "" ? 1 : 0;
  }
  return started;
}

HttpResponse JsonAnswer(const Json& body) {
  HttpResponse response;
  response.content_type = "application/json";
  response.body = body.dump();
  return response;
}

}  // namespace

std::vector<MemberHealth> ProbeMembers(const Json& document) {
  std::vector<MemberHealth> result;
  for (const Json& member : document["members"]) result.push_back({member, false});
  std::vector<std::thread> probes;
  for (MemberHealth& item : result) {
    if (item.member["client_urls"].empty()) continue;
    probes.emplace_back([&item] {
      const std::string address = item.member["client_urls"].front();
      item.alive = HttpCall(address, "GET", "/health", "", kProbe).status != 0;
    });
  }
  for (std::thread& probe : probes) probe.join();
  return result;
}

std::string Master::CheckRemoval(const Json& document, std::uint64_t id) const {
  const std::size_t members = document["members"].size();
  const std::size_t rest = members - 1;
  if (rest == 0 || CountStarted(document, id) < rest / 2 + 1) return kNotStarted;
  // A member that is down is no part of the active majority.
  const std::size_t connected = consensus_->ConnectedFor(milliseconds(0)).size();
  if (id != consensus_->self_id() && !consensus_->ConnectedFor(milliseconds(0)).contains(id)) {
    return "";
  }
  // etcd counts the active members; with four or more it would let one young connection pass. The
  // stand-in never does: who waits long enough for it has waited long enough for the real one.
  const std::size_t active = consensus_->ConnectedFor(kHealthInterval).size();
  return active < connected || active < 1 + (members - 1) / 2 ? kUnhealthy : "";
}

std::string Master::CheckAddition(const Json& document, const std::string& name) const {
  if (FindMemberByName(document, "") != nullptr) {
    return "there is a member that has not joined successfully, continue the join or remove it";
  }
  if (FindMemberByName(document, name) != nullptr) {
    return "missing data or joining a duplicate member " + name;
  }
  const std::size_t members = document["members"].size();
  if (CountStarted(document, 0) < (members + 1) / 2 + 1 && members != 1) return kNotStarted;
  if (consensus_->ConnectedFor(kHealthInterval).size() + 1 < members) return kUnhealthy;
  return "";
}

std::string Master::RemoveMaster(const std::string& name) {
  const DocumentPtr document = consensus_->Read(kRequestTimeout);
  if (!document) return "context deadline exceeded";
  const Json* member = FindMemberByName(*document, name);
  if (member == nullptr) {
    return DmError(38048, "dm-master with name " + name +
                              " not exists, Workaround: Please use list-member command to see "
                              "masters.");
  }
  // As the real one: leadership is taken first, even when the removal is then refused.
  if (!name.empty()) consensus_->Execute({{"op", "resign"}, {"name", name}}, kRequestTimeout);
  const std::uint64_t id = (*member)["id"];
  if (std::string reason = CheckRemoval(*document, id); !reason.empty()) return reason;
  return consensus_->Execute({{"op", "remove_member"}, {"id", id}}, kRequestTimeout)
      .value("error", "");
}

// What the stand-in's other programs ask for over the client port.
HttpResponse Master::HandleInternal(const HttpRequest& request) {
  if (request.path.starts_with("/dmsim/rpc/")) return HandleForwardedCall(request);
  if (request.path.starts_with("/dmsim/call/")) return HandleJsonCall(request);
  if (request.path == "/dmsim/document") {
    const DocumentPtr document = consensus_->Read(kRequestTimeout);
    return document ? JsonAnswer(*document) : JsonAnswer({{"error", "no majority"}});
  }
  const Json body = Json::parse(request.body, nullptr, false);
  if (request.path.starts_with("/dmsim/openapi/")) {
    return HandleOpenApi(request, request.path.substr(std::string("/dmsim/openapi").size()));
  }
  if (!body.is_object()) return JsonAnswer({{"error", "bad request"}});
  if (IsKnob(request.path)) return JsonAnswer(HandleKnob(request.path, body));
  if (request.path == "/dmsim/join") return JsonAnswer(AcceptJoin(body));
  if (request.path == "/dmsim/worker/keep") return JsonAnswer(KeepWorker(body));
  if (request.path == "/dmsim/worker/revoke") {
    return JsonAnswer(
        consensus_->Execute({{"op", "revoke"}, {"lease", body["lease"]}}, kRequestTimeout));
  }
  if (request.path != "/dmsim/worker/register") return JsonAnswer({{"error", "not found"}});
  HttpResponse response;
  if (Forwarded(request, &response)) return response;
  return JsonAnswer(consensus_->Execute(
      {{"op", "register_worker"}, {"name", body["name"]}, {"addr", body["addr"]}},
      kRequestTimeout));
}

Json Master::AcceptJoin(const Json& body) {
  const DocumentPtr document = consensus_->Read(kRequestTimeout);
  if (!document) return {{"error", "fail to list member, context deadline exceeded"}};
  if (const std::string reason = CheckAddition(*document, body["name"]); !reason.empty()) {
    return {{"error", reason}};
  }
  const Json answer = consensus_->Execute(
      {{"op", "add_member"}, {"id", body["id"]}, {"peer_urls", {body["peer_url"]}}},
      kRequestTimeout);
  if (answer.contains("error")) return answer;
  std::string cluster = body["name"].get<std::string>() + "=" + body["peer_url"].get<std::string>();
  for (const Json& member : (*document)["members"]) {
    cluster += "," + member["name"].get<std::string>() + "=" +
               member["peer_urls"].front().get<std::string>();
  }
  return {{"cluster", cluster}};
}

// Starts a worker's lease or renews it; tells the worker who the masters are now.
Json Master::KeepWorker(const Json& body) {
  Json command = {{"op", "keep_alive"}, {"lease", body["lease"]}};
  if (body.value("begin", false)) {
    command["op"] = "worker_online";
    command["name"] = body["name"];
    command["ttl"] = body["ttl"];
  }
  Json answer = consensus_->Execute(command, milliseconds(3000));
  answer["masters"] = Json::array();
  const DocumentPtr document = consensus_->Local();
  for (const Json& member : (*document)["members"]) {
    for (const Json& url : member["client_urls"]) answer["masters"].push_back(url);
  }
  return answer;
}

}  // namespace dmsim
