#include "client/progress/watch_list.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "client/output/format.h"
#include "client/output/prefixed.h"
#include "client/progress/outage.h"
#include "dmgr/v1/operation_service.grpc.pb.h"

namespace dmgr::client {
namespace {

void PrintLine(Environment& environment, const v1::Operation& operation) {
  environment.terminal->out()
      << fmt::format("{}  {}  {:<10}  {:<16}  {:<12}  {:3.0f} %\n",
                     LocalTime(operation.end_time().seconds() != 0 ? operation.end_time()
                                                                   : operation.create_time()),
                     operation.operation_id(),
                     Word(v1::OperationKind_Name(operation.kind()), "OPERATION_KIND_"),
                     operation.cluster_name(),
                     Word(v1::OperationState_Name(operation.state()), "OPERATION_STATE_"),
                     operation.progress_percent())
      << std::flush;
}

// One stream, until it ends. seen: whether dmgrd answered.
absl::Status ReadStream(Environment& environment, const std::string& cluster, bool* seen) {
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  v1::WatchOperationsRequest request;
  request.set_cluster_name(cluster);
  v1::OperationService::Stub stub(connection.channel());
  auto reader = stub.WatchOperations(&context, request);
  v1::WatchOperationsResponse message;
  while (reader->Read(&message)) {
    MakeHarmless(&message);
    *seen = true;
    if (environment.structured()) {
      environment.PrintEvent(message);
    } else {
      PrintLine(environment, message.operation());
    }
  }
  return connection.Explain(reader->Finish());
}

}  // namespace

absl::StatusOr<ExitCode> WatchList(Environment& environment, const std::string& cluster) {
  Outage outage(environment.terminal);
  while (true) {
    bool seen = false;
    const absl::Status status = ReadStream(environment, cluster, &seen);
    if (seen) outage.Over();
    if (absl::IsUnavailable(status) && outage.Wait(status, "operations are safe")) continue;
    RETURN_IF_ERROR(status);
    return kDone;
  }
}

}  // namespace dmgr::client
