// What the commands share that read or write a stream.
#ifndef DMGR_CLIENT_COMMANDS_STREAM_H_
#define DMGR_CLIENT_COMMANDS_STREAM_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <memory>
#include <string>
#include <vector>

#include "client/commands/change.h"
#include "client/environment.h"
#include "client/output/prefixed.h"
#include "common/files.h"
#include "dmgr/v1/instance_service.grpc.pb.h"

namespace dmgr::client {

// Makes the call and hands over each message of its answer. Ctrl-C ends the program and, by that,
// the call.
template <typename Stub, typename Request, typename Response, typename Take>
absl::Status ReadStream(Environment& environment,
                        std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(
                            grpc::ClientContext*, const Request&),
                        const Request& request, Take take) {
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  Stub stub(connection.channel());
  const auto reader = (stub.*method)(&context, request);
  Response message;
  while (reader->Read(&message)) {
    MakeHarmless(&message);
    take(message);
  }
  return connection.Explain(reader->Finish());
}

// Bytes of a file that go in one message.
inline constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

// Makes the call: the header, then the file in pieces.
template <typename Stub, typename Request, typename Response, typename Header>
absl::StatusOr<Response> SendFile(
    Environment& environment,
    std::unique_ptr<grpc::ClientWriter<Request>> (Stub::*method)(grpc::ClientContext*, Response*),
    const Header& header, const std::string& path) {
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  Stub stub(connection.channel());
  Response response;
  const auto writer = (stub.*method)(&context, &response);
  Request message;
  *message.mutable_header() = header;
  bool open = writer->Write(message);
  const absl::Status read = ReadChunks(path, 0, kPieceBytes, [&](std::string_view data) {
    message.set_data(std::string(data));
    open = open && writer->Write(message);
    return open ? absl::OkStatus() : absl::CancelledError();
  });
  if (open && !read.ok()) {
    context.TryCancel();
    writer->Finish();
    return read;
  }
  writer->WritesDone();
  RETURN_IF_ERROR(connection.Explain(writer->Finish()));
  return response;
}

// Which hosts.
struct WhereOptions {
  SelectionOptions selection;
  std::vector<std::string> hosts;
};
void DeclareWhere(const Syntax& syntax, WhereOptions* options);
v1::HostSelection WhereOf(const WhereOptions& options);

// Tells why hosts said nothing, and keeps that in mind.
class Problems {
 public:
  explicit Problems(Environment* environment) : environment_(*environment) {}

  void Tell(const std::string& host, const google::rpc::Status& error);
  bool none() const { return none_; }

 private:
  Environment& environment_;
  bool none_ = true;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_STREAM_H_
