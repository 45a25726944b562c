// The caller of a synchronous stream: whether it is still there, and may be.
#ifndef DMGR_SERVER_RPC_STREAM_CALLER_H_
#define DMGR_SERVER_RPC_STREAM_CALLER_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <cstdint>
#include <mutex>

#include "absl/status/status.h"
#include "server/rpc/session_watch.h"

namespace dmgr::rpc {

// It has gone when its connection is, or it is not welcome any more. One thread serves it.
class StreamCaller {
 public:
  // cancels: the call is cancelled then, whatever it waits for; else it ends by itself.
  StreamCaller(grpc::ServerContext* context, SessionWatch* sessions, const store::CallerKey& caller,
               bool cancels = false);
  ~StreamCaller() { sessions_->Forget(watched_); }
  StreamCaller(const StreamCaller&) = delete;
  StreamCaller& operator=(const StreamCaller&) = delete;

  // Waits until there is room for it; false when the caller has gone.
  template <typename Response>
  bool Write(grpc::ServerWriter<Response>* writer, const Response& response) {
    if (!BeginWrite()) return false;
    const bool written = writer->Write(response);
    return EndWrite() && written;
  }
  bool HasGone();
  // How a call of it ends: with why the session did, if it did.
  absl::Status End(const absl::Status& status);

 private:
  bool BeginWrite();
  bool EndWrite();

  grpc::ServerContext* const context_;
  SessionWatch* const sessions_;
  std::mutex mutex_;  // Guards all below.
  // Not OK: why it is not welcome.
  absl::Status ended_;
  // Its wait is cancelled when it is not welcome any more.
  bool is_cancelled_then_;
  std::uint64_t watched_ = 0;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_STREAM_CALLER_H_
