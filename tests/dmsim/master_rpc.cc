// The gRPC of the client port: etcd's own calls here, DM's by the leader.
#include <thread>

#include "master.h"
#include "messages.h"
#include "process.h"

namespace dmsim {
namespace {

constexpr char kMasterService[] = "/pb.Master/";
constexpr char kKvService[] = "/etcdserverpb.KV/";
constexpr char kForwardPath[] = "/dmsim/rpc/";
constexpr char kJsonPath[] = "/dmsim/call/";
constexpr milliseconds kForwardWait(100);
constexpr milliseconds kForwardedTime(60'000);
constexpr milliseconds kLeaderPoll(20);
constexpr milliseconds kTakingOffice(3000);

}  // namespace

RpcAnswer Master::HandleCall(const std::string& method, const std::string& request) {
  if (method.starts_with(kKvService)) {
    return kv_->Answer(method.substr(sizeof(kKvService) - 1), request);
  }
  const std::string name =
      method.starts_with(kMasterService) ? method.substr(sizeof(kMasterService) - 1) : "";
  if (!HasMethod(name)) return {RpcCode::kUnimplemented, "unknown method " + method, ""};
  return CallMaster(name, request);
}

// As the real one: the leader answers, another one waits a moment and asks it. Without a majority
// nothing comes for as long as the client waits.
RpcAnswer Master::CallMaster(const std::string& method, const std::string& request) {
  const auto deadline = Clock::now() + kForwardedTime;
  while (Clock::now() < deadline) {
    if (IsLeader()) return AnswerAsLeader(method, request);
    const Json leader = LeaderOf(*consensus_->Local());
    const bool reachable = consensus_->KnowsRaftLeader() || consensus_->IsRemoved();
    if (reachable && leader["name"] != "" && leader["name"] != config_.name) {
      std::this_thread::sleep_for(kForwardWait);
      const HttpResult result =
          HttpCall(leader["addr"], "POST", kForwardPath + method, request, kForwardedTime);
      if (result.status == 200) return {RpcCode::kOk, "", result.body};
      return {RpcCode::kUnavailable, result.status == 0 ? result.error : result.body, ""};
    }
    if (reachable && leader["name"] == "") {
      return {RpcCode::kUnknown,
              DmError(38043, "master is not leader, and can't forward request to leader"), ""};
    }
    std::this_thread::sleep_for(kLeaderPoll);
  }
  return {RpcCode::kUnavailable, "context deadline exceeded", ""};
}

RpcAnswer Master::AnswerAsLeader(const std::string& method, const std::string& request) {
  try {
    Json decoded;
    if (!DecodeRequest(method, request, &decoded)) {
      return {RpcCode::kInternal, "grpc: failed to unmarshal the received message", ""};
    }
    return {RpcCode::kOk, "", EncodeResponse(method, calls_->Answer(method, decoded))};
  } catch (const std::exception& error) {
    return {RpcCode::kUnknown, error.what(), ""};
  }
}

HttpResponse Master::HandleForwardedCall(const HttpRequest& request) {
  HttpResponse response;
  response.content_type = "application/grpc";
  const std::string method = request.path.substr(sizeof(kForwardPath) - 1);
  // The others know a new leader before it has taken office.
  for (const auto end = Clock::now() + kTakingOffice; !IsLeader() && Clock::now() < end;) {
    std::this_thread::sleep_for(kLeaderPoll);
  }
  const RpcAnswer answer = IsLeader() && HasMethod(method)
                               ? AnswerAsLeader(method, request.body)
                               : RpcAnswer{RpcCode::kUnavailable, "not the leader", ""};
  if (answer.code != RpcCode::kOk) response.status = 503;
  response.body = answer.code == RpcCode::kOk ? answer.body : answer.message;
  return response;
}

// For those who do not speak gRPC: dmctl, and tests by curl.
HttpResponse Master::HandleJsonCall(const HttpRequest& request) {
  HttpResponse response;
  response.content_type = "application/json";
  const std::string method = request.path.substr(sizeof(kJsonPath) - 1);
  const Json body = Json::parse(request.body, nullptr, false);
  if (!HasMethod(method) || !body.is_object()) return NotFoundResponse();
  const RpcAnswer answer = CallMaster(method, EncodeRequest(method, body));
  Json shown = {{"result", false}, {"msg", answer.message}};
  if (answer.code == RpcCode::kOk) DecodeResponse(method, answer.body, &shown);
  response.body = shown.dump();
  return response;
}

}  // namespace dmsim
