// The requests of a call that sends a stream of them.
#ifndef DMGR_SERVER_RPC_INCOMING_H_
#define DMGR_SERVER_RPC_INCOMING_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "server/rpc/field_limits.h"
#include "server/rpc/pace.h"

namespace dmgr::rpc {

// For one thread, while the call runs.
template <typename Request>
class Incoming {
 public:
  // check: whether the caller may send this.
  Incoming(Pace* pace, grpc::ServerContextBase* context, grpc::ServerReader<Request>* reader,
           std::function<absl::Status(const Request&)> check)
      : runner_(pace, [context] { context->TryCancel(); }),
        reader_(reader),
        check_(std::move(check)) {}

  // False at the end, and when one is not to be taken or is late: see status.
  bool Read(Request* request) {
    runner_.BeginWait();
    const bool read = reader_->Read(request);
    runner_.EndWait(read ? request->ByteSizeLong() : 0);
    if (read) status_ = CheckLengths(*request);
    if (read && status_.ok()) status_ = check_(*request);
    return read && status_.ok();
  }
  // Why no more is read, unless it is the end.
  absl::Status status() const { return status_.ok() ? runner_.status() : status_; }

 private:
  Pace::Runner runner_;
  grpc::ServerReader<Request>* const reader_;
  const std::function<absl::Status(const Request&)> check_;
  absl::Status status_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_INCOMING_H_
