#include "server/rpc/instance_service.h"

#include <memory>

#include "common/error.h"
#include "server/instances/diagnose.h"
#include "server/instances/dmctl.h"
#include "server/instances/exec.h"
#include "server/instances/logs.h"
#include "server/instances/pull.h"
#include "server/instances/push.h"
#include "server/rpc/stream_caller.h"

namespace dmgr::rpc {

template <typename Request, typename Response, typename Work>
grpc::Status InstanceServiceImpl::Stream(grpc::ServerContext* context, const Request& request,
                                         grpc::ServerWriter<Response>* writer, const Work& work) {
  return guard_->Run(*context, request, [&](const Session& session, Audit* audit) {
    audit->target = request.cluster_name();
    StreamCaller caller(context, sessions_, session.key);
    const instances::Gone gone = [&] { return caller.HasGone(); };
    const instances::Write<Response> write = [&](const Response& response) {
      return caller.Write(writer, response);
    };
    return caller.End(work(audit, gone, write));
  });
}

grpc::Status InstanceServiceImpl::ReadLogs(grpc::ServerContext* context,
                                           const v1::ReadLogsRequest* request,
                                           grpc::ServerWriter<v1::ReadLogsResponse>* writer) {
  return Stream(context, *request, writer, [&](Audit*, const auto& gone, const auto& write) {
    return instances::ReadLogs(*services_, places_, *request, gone, write);
  });
}

grpc::Status InstanceServiceImpl::Exec(grpc::ServerContext* context, const v1::ExecRequest* request,
                                       grpc::ServerWriter<v1::ExecResponse>* writer) {
  return Stream(context, *request, writer, [&](Audit* audit, const auto& gone, const auto& write) {
    return instances::Exec(*services_, places_, *request, &audit->target, gone, write);
  });
}

grpc::Status InstanceServiceImpl::PushFile(grpc::ServerContext* context,
                                           grpc::ServerReader<v1::PushFileRequest>* reader,
                                           v1::PushFileResponse* response) {
  using Requests = Incoming<v1::PushFileRequest>;
  const auto push_file = [&](const Session&, Audit* audit, Requests* incoming) -> absl::Status {
    v1::PushFileRequest message;
    if (!incoming->Read(&message) || !message.has_header()) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                   "the first message must be the header of the file")
          .Field("header", "must come first");
    }
    ASSIGN_OR_RETURN(const auto push,
                     instances::Push::Begin(*services_, message.header(), &audit->target));
    while (incoming->Read(&message)) RETURN_IF_ERROR(push->Append(message.data()));
    RETURN_IF_ERROR(incoming->status());
    auto pushed = push->Finish([&] { return context->IsCancelled(); });
    if (pushed.ok()) *response = *std::move(pushed);
    return pushed.status();
  };
  return guard_->RunStream(context, reader, push_file);
}

grpc::Status InstanceServiceImpl::PullFile(grpc::ServerContext* context,
                                           const v1::PullFileRequest* request,
                                           grpc::ServerWriter<v1::PullFileResponse>* writer) {
  return Stream(context, *request, writer, [&](Audit* audit, const auto& gone, const auto& write) {
    return instances::PullFile(*services_, places_, *request, &audit->target, gone, write);
  });
}

grpc::Status InstanceServiceImpl::RunDmctl(grpc::ServerContext* context,
                                           const v1::RunDmctlRequest* request,
                                           grpc::ServerWriter<v1::RunDmctlResponse>* writer) {
  return Stream(context, *request, writer, [&](Audit* audit, const auto& gone, const auto& write) {
    return instances::RunDmctl(*services_, *request, &audit->target, gone, write);
  });
}

grpc::Status InstanceServiceImpl::DiagnoseCluster(
    grpc::ServerContext* context, const v1::DiagnoseClusterRequest* request,
    grpc::ServerWriter<v1::DiagnoseClusterResponse>* writer) {
  return Stream(context, *request, writer, [&](Audit*, const auto& gone, const auto& write) {
    return instances::Diagnose(*services_, places_, *request, gone, write);
  });
}

}  // namespace dmgr::rpc
