#include "common/grpc_status.h"

#include <string>

#include "common/error.h"
#include "common/short_status.h"

namespace dmgr {
namespace {

// A status travels in trailers, of which a client takes 8 KiB unless it was told otherwise: of a
// larger one nothing arrives. The message is there twice, once with each odd byte as three, and the
// details are in base64, four bytes for three.
constexpr std::size_t kMaxWireMessage = 1500;
constexpr std::size_t kMaxWirePayloads = 2800;

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& full) {
  if (full.ok()) return grpc::Status::OK;
  const absl::Status status = ShortStatus(full, kMaxWireMessage, kMaxWirePayloads);
  return {static_cast<grpc::StatusCode>(status.code()), std::string(Message(status)),
          ToProto(status).SerializeAsString()};
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status proto;
  // Details of somebody else, or none: code and message are all there is.
  if (!proto.ParseFromString(status.error_details()) || proto.code() != status.error_code()) {
    proto.Clear();
  }
  proto.set_code(status.error_code());
  proto.set_message(status.error_message());
  return FromProto(proto);
}

}  // namespace dmgr
