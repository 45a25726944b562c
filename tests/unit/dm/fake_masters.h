// A dm-master in this process, which answers as a test says.
#ifndef DMGR_TESTS_UNIT_DM_FAKE_MASTERS_H_
#define DMGR_TESTS_UNIT_DM_FAKE_MASTERS_H_

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dm/etcd.grpc.pb.h"
#include "dm/master.grpc.pb.h"

namespace dmgr::dm {

using FakeAnswer =
    std::function<grpc::Status(const google::protobuf::Message&, google::protobuf::Message*)>;

// Notes each call, and answers it by what is scripted for it, or with result true. All methods may
// be called by any thread.
class FakeScript {
 public:
  // Takes the place of an earlier one for the method.
  void On(const std::string& method, FakeAnswer answer) {
    const std::lock_guard lock(mutex_);
    answers_[method] = std::move(answer);
  }
  // Answers nothing until the caller goes.
  void Hang() { hangs_ = true; }
  // "Method request", in the order of arrival.
  std::vector<std::string> Calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

  grpc::Status Answer(const std::string& method, const grpc::ServerContext& context,
                      const google::protobuf::Message& request,
                      google::protobuf::Message* response) {
    FakeAnswer answer;
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back(method + " " + request.ShortDebugString());
      if (const auto it = answers_.find(method); it != answers_.end()) answer = it->second;
    }
    while (hangs_ && !context.IsCancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (answer) return answer(request, response);
    const auto* result = response->GetDescriptor()->FindFieldByName("result");
    if (result != nullptr) response->GetReflection()->SetBool(response, result, true);
    return grpc::Status::OK;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, FakeAnswer> answers_;
  std::vector<std::string> calls_;
  std::atomic<bool> hangs_ = false;
};

// A typed answer: Says<pb::StartTaskResponse>([](auto& response) { response.set_msg("no"); }).
template <typename Response, typename Fill>
FakeAnswer Says(Fill fill) {
  return [fill](const google::protobuf::Message&, google::protobuf::Message* response) {
    fill(dynamic_cast<Response&>(*response));
    return grpc::Status::OK;
  };
}

#define DMGR_FAKE_CALL(Package, Method, Request, Response)                           \
  grpc::Status Method(grpc::ServerContext* context, const Package::Request* request, \
                      Package::Response* response) override {                        \
    return script_.Answer(#Method, *context, *request, response);                    \
  }

class FakeMasterService : public pb::Master::Service {
 public:
  explicit FakeMasterService(FakeScript& script) : script_(script) {}
  DMGR_FAKE_CALL(pb, StartTask, StartTaskRequest, StartTaskResponse)
  DMGR_FAKE_CALL(pb, OperateTask, OperateTaskRequest, OperateTaskResponse)
  DMGR_FAKE_CALL(pb, QueryStatus, QueryStatusListRequest, QueryStatusListResponse)
  DMGR_FAKE_CALL(pb, ShowDDLLocks, ShowDDLLocksRequest, ShowDDLLocksResponse)
  DMGR_FAKE_CALL(pb, UnlockDDLLock, UnlockDDLLockRequest, UnlockDDLLockResponse)
  DMGR_FAKE_CALL(pb, PurgeWorkerRelay, PurgeWorkerRelayRequest, PurgeWorkerRelayResponse)
  DMGR_FAKE_CALL(pb, CheckTask, CheckTaskRequest, CheckTaskResponse)
  DMGR_FAKE_CALL(pb, OperateSource, OperateSourceRequest, OperateSourceResponse)
  DMGR_FAKE_CALL(pb, OperateSchema, OperateSchemaRequest, OperateSchemaResponse)
  DMGR_FAKE_CALL(pb, GetSubTaskCfg, GetSubTaskCfgRequest, GetSubTaskCfgResponse)
  DMGR_FAKE_CALL(pb, GetCfg, GetCfgRequest, GetCfgResponse)
  DMGR_FAKE_CALL(pb, HandleError, HandleErrorRequest, HandleErrorResponse)
  DMGR_FAKE_CALL(pb, TransferSource, TransferSourceRequest, TransferSourceResponse)
  DMGR_FAKE_CALL(pb, OperateRelay, OperateRelayRequest, OperateRelayResponse)
  DMGR_FAKE_CALL(pb, StartValidation, StartValidationRequest, StartValidationResponse)
  DMGR_FAKE_CALL(pb, StopValidation, StopValidationRequest, StopValidationResponse)
  DMGR_FAKE_CALL(pb, UpdateValidation, UpdateValidationRequest, UpdateValidationResponse)
  DMGR_FAKE_CALL(pb, GetValidationStatus, GetValidationStatusRequest, GetValidationStatusResponse)
  DMGR_FAKE_CALL(pb, GetValidationError, GetValidationErrorRequest, GetValidationErrorResponse)
  DMGR_FAKE_CALL(pb, OperateValidationError, OperateValidationErrorRequest,
                 OperateValidationErrorResponse)

 private:
  FakeScript& script_;
};

class FakeKvService : public etcdserverpb::KV::Service {
 public:
  explicit FakeKvService(FakeScript& script) : script_(script) {}
  DMGR_FAKE_CALL(etcdserverpb, Range, RangeRequest, RangeResponse)
  DMGR_FAKE_CALL(etcdserverpb, Txn, TxnRequest, TxnResponse)

 private:
  FakeScript& script_;
};
#undef DMGR_FAKE_CALL

// Serves both on a free port, until it goes.
class FakeMasters : public FakeScript {
 public:
  explicit FakeMasters(
      const std::string& host = "127.0.0.1",
      std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials())
      : host_(host) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(host + ":0", std::move(credentials), &port_);
    builder.RegisterService(&master_);
    builder.RegisterService(&kv_);
    server_ = builder.BuildAndStart();
  }
  ~FakeMasters() { server_->Shutdown(std::chrono::system_clock::now()); }
  FakeMasters(const FakeMasters&) = delete;
  FakeMasters& operator=(const FakeMasters&) = delete;

  std::string Address() const { return fmt::format("{}:{}", host_, port_); }

 private:
  FakeMasterService master_{*this};
  FakeKvService kv_{*this};
  const std::string host_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace dmgr::dm

#endif  // DMGR_TESTS_UNIT_DM_FAKE_MASTERS_H_
