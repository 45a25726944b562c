#include "server/rpc/admission.h"

#include "common/error.h"
#include "common/retry.h"

namespace dmgr::rpc {
namespace {

constexpr absl::Duration kLater = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::shared_ptr<const Admission::Place>> Admission::Take(const char* what,
                                                                        const std::string& caller,
                                                                        int most) {
  std::string key = fmt::format("{} of {}", what, caller);
  {
    const std::lock_guard lock(mutex_);
    int& taken = taken_[key];
    if (taken >= most) {
      return RetryAfter(
          Error(absl::StatusCode::kResourceExhausted, "TOO_BUSY",
                "{} has {} {} under way, the most that it may have", caller, most, what)
              .Remedy("wait until some have ended, or raise it in [limits]"),
          kLater);
    }
    ++taken;
  }
  return std::make_shared<const Place>(this, std::move(key));
}

void Admission::Leave(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = taken_.find(key);
  if (--found->second == 0) taken_.erase(found);
}

std::string AddressOf(const std::string& peer) {
  return peer.starts_with("ip") || peer.starts_with("page:ip") ? peer.substr(0, peer.rfind(':'))
                                                               : peer;
}

}  // namespace dmgr::rpc
