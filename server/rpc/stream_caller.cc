#include "server/rpc/stream_caller.h"

namespace dmgr::rpc {

StreamCaller::StreamCaller(grpc::ServerContext* context, SessionWatch* sessions,
                           const store::CallerKey& caller, bool cancels)
    : context_(context), sessions_(sessions), is_cancelled_then_(cancels) {
  watched_ = sessions_->Add(caller, [this](const absl::Status& why) {
    const std::lock_guard lock(mutex_);
    ended_ = why;
    // Who takes nothing would hold the write for ever.
    if (is_cancelled_then_) context_->TryCancel();
  });
}

bool StreamCaller::BeginWrite() {
  const std::lock_guard lock(mutex_);
  is_cancelled_then_ = ended_.ok();
  return is_cancelled_then_;
}

bool StreamCaller::EndWrite() {
  const std::lock_guard lock(mutex_);
  is_cancelled_then_ = false;
  return ended_.ok();
}

bool StreamCaller::HasGone() {
  const std::lock_guard lock(mutex_);
  return !ended_.ok() || context_->IsCancelled();
}

absl::Status StreamCaller::End(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  return ended_.ok() ? status : ended_;
}

}  // namespace dmgr::rpc
