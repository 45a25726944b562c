#include "migration_support.h"

#include <filesystem>

namespace dmsim {
namespace {

constexpr milliseconds kStart(5000);

template <typename Condition>
void WaitUntil(const std::string& what, const Condition& condition) {
  if (!Eventually(kStart, condition)) throw std::runtime_error("not seen: " + what);
}

}  // namespace

std::string SourceYaml(const std::string& name, int port) {
  return "source-id: " + name +
         "\nenable-gtid: true\nfrom:\n  host: 127.0.0.1\n  port: " + std::to_string(port) +
         "\n  user: root\n  password: secret\n";
}

std::string TaskYaml(const std::string& name, const std::vector<std::string>& sources,
                     const std::string& mode) {
  std::string yaml = "name: " + name + "\ntask-mode: " + mode +
                     "\ntarget-database:\n  host: 127.0.0.1\n  port: 4000\n  user: root\n"
                     "  password: target-secret\nmysql-instances:\n";
  for (const std::string& source : sources) {
    yaml += "  - source-id: " + source + "\n    block-allow-list: all\n";
  }
  return yaml + "block-allow-list:\n  all:\n    do-dbs: [\"db\"]\n";
}

MigrationCluster::MigrationCluster(int masters, int workers) : masters_(masters) {
  if (cluster_.Bootstrap(masters).empty()) throw std::runtime_error("no leader");
  for (int i = 1; i <= workers; ++i) {
    const std::string name = "w" + std::to_string(i);
    cluster_.StartWorker(name);
    WaitUntil(name + " free", [&] { return cluster_.Stage("m1", name) == "free"; });
  }
}

std::shared_ptr<grpc::Channel> MigrationCluster::Channel(const std::string& master) {
  return grpc::CreateChannel(cluster_.Address(master), grpc::InsecureChannelCredentials());
}

std::unique_ptr<pb::Master::Stub> MigrationCluster::MasterStub(const std::string& master) {
  return pb::Master::NewStub(Channel(master));
}

std::unique_ptr<etcdserverpb::KV::Stub> MigrationCluster::KvStub() {
  return etcdserverpb::KV::NewStub(Channel("m1"));
}

pb::OperateSourceResponse MigrationCluster::Source(pb::SourceOp op, const std::string& master) {
  pb::OperateSourceRequest request;
  request.set_op(op);
  return Call<pb::OperateSourceResponse>(&pb::Master::Stub::OperateSource, request, master);
}

pb::OperateSourceResponse MigrationCluster::StartSource(const std::string& yaml) {
  pb::OperateSourceRequest request;
  request.set_op(pb::SOURCE_OP_START);
  request.add_config(yaml);
  return Call<pb::OperateSourceResponse>(&pb::Master::Stub::OperateSource, request);
}

pb::OperateSourceResponse MigrationCluster::StopSource(const std::string& name) {
  pb::OperateSourceRequest request;
  request.set_op(pb::SOURCE_OP_STOP);
  request.add_source_id(name);
  return Call<pb::OperateSourceResponse>(&pb::Master::Stub::OperateSource, request);
}

std::string MigrationCluster::Transfer(const std::string& source, const std::string& worker) {
  pb::TransferSourceRequest request;
  request.set_source(source);
  request.set_worker(worker);
  const auto answer = Call<pb::TransferSourceResponse>(&pb::Master::Stub::TransferSource, request);
  return answer.result() ? "" : answer.msg();
}

std::string MigrationCluster::Relay(const std::string& source, pb::RelayOp op) {
  pb::OperateRelayRequest request;
  request.set_op(op);
  request.set_source(source);
  const auto answer = Call<pb::OperateRelayResponse>(&pb::Master::Stub::OperateRelay, request);
  return answer.result() ? "" : answer.msg();
}

pb::CheckTaskResponse MigrationCluster::Check(const std::string& yaml) {
  pb::CheckTaskRequest request;
  request.set_task(yaml);
  return Call<pb::CheckTaskResponse>(&pb::Master::Stub::CheckTask, request);
}

pb::StartTaskResponse MigrationCluster::StartTask(const std::string& yaml) {
  pb::StartTaskRequest request;
  request.set_task(yaml);
  return Call<pb::StartTaskResponse>(&pb::Master::Stub::StartTask, request);
}

pb::OperateTaskResponse MigrationCluster::Operate(const std::string& task, pb::TaskOp op) {
  pb::OperateTaskRequest request;
  request.set_op(op);
  request.set_name(task);
  return Call<pb::OperateTaskResponse>(&pb::Master::Stub::OperateTask, request);
}

pb::QueryStatusListResponse MigrationCluster::Query(const std::string& task) {
  pb::QueryStatusListRequest request;
  request.set_name(task);
  return Call<pb::QueryStatusListResponse>(&pb::Master::Stub::QueryStatus, request);
}

pb::SubTaskStatus MigrationCluster::Subtask(const std::string& task, const std::string& source) {
  const auto answers = Query(task);
  for (const auto& answer : answers.sources()) {
    if (answer.source_status().source() != source) continue;
    for (const auto& subtask : answer.sub_task_status()) {
      if (subtask.name() == task) return subtask;
    }
  }
  return {};
}

pb::HandleErrorResponse MigrationCluster::Skip(const std::string& task) {
  pb::HandleErrorRequest request;
  request.set_op(pb::ERROR_OP_SKIP);
  request.set_task(task);
  return Call<pb::HandleErrorResponse>(&pb::Master::Stub::HandleError, request);
}

void MigrationCluster::Knob(const std::string& name, const nlohmann::json& body) {
  const auto answer = cluster_.Json("m1", "POST", "/dmsim/" + name, body.dump());
  if (!answer.is_object() || answer.value("ok", false) != true) {
    throw std::runtime_error("/dmsim/" + name + ": " + answer.dump());
  }
}

etcdserverpb::RangeResponse MigrationCluster::Range(const etcdserverpb::RangeRequest& request) {
  grpc::ClientContext context;
  etcdserverpb::RangeResponse response;
  const grpc::Status status = KvStub()->Range(&context, request, &response);
  if (!status.ok()) throw std::runtime_error(status.error_message());
  return response;
}

grpc::StatusCode MigrationCluster::RangeError(const etcdserverpb::RangeRequest& request) {
  grpc::ClientContext context;
  etcdserverpb::RangeResponse response;
  return KvStub()->Range(&context, request, &response).error_code();
}

std::map<std::string, std::string> MigrationCluster::Keys(const std::string& prefix) {
  etcdserverpb::RangeRequest request;
  request.set_key(prefix);
  std::string end = prefix;
  ++end.back();
  request.set_range_end(end);
  std::map<std::string, std::string> keys;
  const auto found = Range(request);
  for (const auto& item : found.kvs()) keys[item.key()] = item.value();
  return keys;
}

void MigrationCluster::Restore(const std::map<std::string, std::string>& keys) {
  grpc::ClientContext context;
  etcdserverpb::TxnRequest request;
  for (const auto& [key, value] : keys) {
    etcdserverpb::PutRequest* put = request.add_success()->mutable_request_put();
    put->set_key(key);
    put->set_value(value);
  }
  etcdserverpb::TxnResponse response;
  const grpc::Status status = KvStub()->Txn(&context, request, &response);
  if (!status.ok()) throw std::runtime_error(status.error_message());
}

void MigrationCluster::LoseMasters() {
  for (int i = 1; i <= masters_; ++i) cluster_.Stop(MasterName(i), SIGKILL);
  for (int i = 1; i <= masters_; ++i) {
    const std::string name = MasterName(i);
    std::filesystem::remove_all(cluster_.dir() + "/" + name);
    cluster_.StartMaster(name);
  }
  WaitUntil("a leader of new masters", [&] { return !leader().empty(); });
}

}  // namespace dmsim
