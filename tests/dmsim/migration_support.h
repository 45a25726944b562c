// A cluster of the stand-in with a gRPC client.
#pragma once

#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "dm/etcd.grpc.pb.h"
#include "dm/master.grpc.pb.h"
#include "test_support.h"

namespace dmsim {

std::string SourceYaml(const std::string& name, int port = 3306);
std::string TaskYaml(const std::string& name, const std::vector<std::string>& sources,
                     const std::string& mode = "all");

class MigrationCluster {
 public:
  // Throws when there is no leader soon, or a worker is not free.
  MigrationCluster(int masters, int workers);

  TestCluster& cluster() { return cluster_; }
  std::string leader() { return cluster_.Leader("m1"); }

  // Asks the master of that name; m1 without one. Throws what is not OK on the wire.
  template <typename Response, typename Method, typename Request>
  Response Call(Method method, const Request& request, const std::string& master = "m1") {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(15));
    Response response;
    const grpc::Status status = (MasterStub(master).get()->*method)(&context, request, &response);
    if (!status.ok()) throw std::runtime_error(status.error_message());
    return response;
  }

  pb::OperateSourceResponse Source(pb::SourceOp op, const std::string& master = "m1");
  pb::OperateSourceResponse StartSource(const std::string& yaml);
  pb::OperateSourceResponse StopSource(const std::string& name);
  // The text of a refusal; empty: done.
  std::string Transfer(const std::string& source, const std::string& worker);
  std::string Relay(const std::string& source, pb::RelayOp op);
  pb::CheckTaskResponse Check(const std::string& yaml);
  pb::StartTaskResponse StartTask(const std::string& yaml);
  pb::OperateTaskResponse Operate(const std::string& task, pb::TaskOp op);
  pb::QueryStatusListResponse Query(const std::string& task);
  // Empty when it is not there.
  pb::SubTaskStatus Subtask(const std::string& task, const std::string& source);
  pb::HandleErrorResponse Skip(const std::string& task);
  // POST /dmsim/{name}; throws when it was not done.
  void Knob(const std::string& name, const nlohmann::json& body);

  etcdserverpb::RangeResponse Range(const etcdserverpb::RangeRequest& request);
  grpc::StatusCode RangeError(const etcdserverpb::RangeRequest& request);
  std::map<std::string, std::string> Keys(const std::string& prefix);
  void Restore(const std::map<std::string, std::string>& keys);
  // Kills all masters and starts them with empty data.
  void LoseMasters();

 private:
  std::unique_ptr<pb::Master::Stub> MasterStub(const std::string& master);
  std::unique_ptr<etcdserverpb::KV::Stub> KvStub();
  std::shared_ptr<grpc::Channel> Channel(const std::string& master);

  TestCluster cluster_;
  const int masters_;
};

}  // namespace dmsim
