#include "common/grpc_status.h"

#include <string>

#include "common/error.h"

namespace dmgr {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
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
