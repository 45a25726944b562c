// dm-master: membership, leadership, and the HTTP faces of both.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "calls.h"
#include "config.h"
#include "consensus.h"
#include "grpc_port.h"
#include "http.h"
#include "kv.h"

namespace dmsim {

struct MasterConfig {
  std::string name;
  std::string data_dir;
  std::string listen_address;     // where the client port is bound
  std::string advertise_address;  // host:port for others
  std::string peer_listen;        // the first of --peer-urls
  std::string peer_url;           // the first of --advertise-peer-urls
  std::string initial_cluster;
  std::string join;
  bool openapi = false;
};

// Reads flags and file, opens the log; exits on every error as the real one does.
MasterConfig LoadMasterConfig(const std::vector<std::string>& arguments);

class Master {
 public:
  explicit Master(MasterConfig config) : config_(std::move(config)) {}

  // Returns when the member is ready to serve. Exits with code 2 when it cannot be.
  void Start();
  void Stop();

 private:
  // master_join.cc
  Json FirstDocument();
  std::string JoinCluster();
  void MakeDataDir();

  // master.cc
  void PublishSelf();
  void RunSession();
  void Campaign();
  void KeepSession();
  void RunLeadership();
  void TakeOffice(const Json& document);
  void DialWorkers(const Json& document);
  bool IsLeader() const;

  // master_api.cc
  HttpResponse Handle(const HttpRequest& request);
  HttpResponse HandlePeer(const HttpRequest& request);
  HttpResponse HandleGateway(const HttpRequest& request);
  HttpResponse Health();
  HttpResponse ListMembers(const HttpRequest& request);
  HttpResponse DeleteMember(const std::string& type, const std::string& name);
  HttpResponse OperateLeader(const std::string& op);
  // True when the request is not for this member: the answer is in *response.
  bool Forwarded(const HttpRequest& request, HttpResponse* response);
  // Waits for a majority as long as the client does; nullptr when it has gone.
  DocumentPtr ReadForClient(const HttpRequest& request);

  // master_members.cc
  // An empty text: the member is gone.
  std::string RemoveMaster(const std::string& name);
  std::string CheckRemoval(const Json& document, std::uint64_t id) const;
  std::string CheckAddition(const Json& document, const std::string& name) const;
  HttpResponse HandleInternal(const HttpRequest& request);
  Json AcceptJoin(const Json& body);
  Json KeepWorker(const Json& body);

  // master_rpc.cc
  RpcAnswer HandleCall(const std::string& method, const std::string& request);
  RpcAnswer CallMaster(const std::string& method, const std::string& request);
  RpcAnswer AnswerAsLeader(const std::string& method, const std::string& request);
  HttpResponse HandleForwardedCall(const HttpRequest& request);
  HttpResponse HandleJsonCall(const HttpRequest& request);

  // master_knobs.cc
  bool IsKnob(const std::string& path) const;
  Json HandleKnob(const std::string& path, const Json& body);

  // master_openapi.cc
  HttpResponse HandleOpenApi(const HttpRequest& request, const std::string& path);
  HttpResponse HandleSources(const HttpRequest& request, const std::vector<std::string>& parts);
  HttpResponse HandleSource(const HttpRequest& request, const std::vector<std::string>& parts);
  HttpResponse HandleTasks(const HttpRequest& request, const std::vector<std::string>& parts);
  HttpResponse HandleCluster(const HttpRequest& request, const std::vector<std::string>& parts);
  HttpResponse AnswerOf(const Json& result, int status, const Json& body);

  const MasterConfig config_;
  std::unique_ptr<Consensus> consensus_;
  std::unique_ptr<Calls> calls_;
  std::unique_ptr<EtcdKv> kv_;
  std::unique_ptr<GrpcPort> grpc_;
  HttpServer client_server_;
  HttpServer peer_server_;
  Clock::time_point gateway_ready_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool evicted_ = false;
  std::string lease_;   // of this process
  std::string office_;  // of the campaign entry by which this process leads
  Clock::time_point session_end_{};
  std::vector<Socket> dialled_;  // one to each worker, kept since this process took office
};

// The document's members as the API shows them; asks every member for its health.
struct MemberHealth {
  Json member;
  bool alive = false;
};
std::vector<MemberHealth> ProbeMembers(const Json& document);

}  // namespace dmsim
