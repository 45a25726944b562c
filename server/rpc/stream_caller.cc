#include "server/rpc/stream_caller.h"

namespace dmgr::rpc {

StreamCaller::StreamCaller(grpc::ServerContext* context, SessionWatch* sessions,
                           const std::string& token_hash)
    : context_(context), sessions_(sessions) {
  watched_ = sessions_->Add(token_hash, [this](const absl::Status& why) {
    const std::lock_guard lock(mutex_);
    ended_ = why;
    // Who takes nothing would hold the write for ever.
    if (writing_) context_->TryCancel();
  });
}

bool StreamCaller::BeginWrite() {
  const std::lock_guard lock(mutex_);
  writing_ = ended_.ok();
  return writing_;
}

bool StreamCaller::EndWrite() {
  const std::lock_guard lock(mutex_);
  writing_ = false;
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
