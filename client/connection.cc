#include "client/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "common/error.h"

namespace dmgr::client {

Connection::Connection(std::string address, std::string token)
    : address_(std::move(address)), token_(std::move(token)) {
  grpc::ChannelArguments arguments;
  // A proxy of the environment is not for a control plane on loopback.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A watch finds a restarted dmgrd quickly.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  channel_ = grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  auth_ = v1::AuthService::NewStub(channel_);
  machines_ = v1::MachineService::NewStub(channel_);
  packages_ = v1::WarehouseService::NewStub(channel_);
  clusters_ = v1::ClusterService::NewStub(channel_);
  operations_ = v1::OperationService::NewStub(channel_);
}

void Connection::Prepare(grpc::ClientContext* context, absl::Duration timeout) const {
  if (!token_.empty()) context->AddMetadata("authorization", "Bearer " + token_);
  if (timeout != absl::InfiniteDuration()) {
    context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  }
}

absl::Status Connection::Explain(const grpc::Status& status) const {
  const absl::Status explained = FromGrpcStatus(status);
  // With a reason it is dmgrd that speaks; without, nobody answered.
  if (!absl::IsUnavailable(explained) || !Reason(explained).empty()) return explained;
  return Error(absl::StatusCode::kUnavailable, "SERVER_UNREACHABLE", "no dmgrd answers at {}",
               address_)
      .With("address", address_)
      .Remedy("start dmgrd there, or name another one: --server HOST:PORT (or DMGR_SERVER)");
}

}  // namespace dmgr::client
