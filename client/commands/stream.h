// What the commands share that read a stream.
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
