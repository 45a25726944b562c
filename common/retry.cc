#include "common/retry.h"

#include <string>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace dmgr {
namespace {

constexpr char kUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

}  // namespace

absl::Status RetryAfter(absl::Status error, absl::Duration delay) {
  google::rpc::RetryInfo info;
  absl::Duration rest;
  info.mutable_retry_delay()->set_seconds(absl::IDivDuration(delay, absl::Seconds(1), &rest));
  info.mutable_retry_delay()->set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(rest)));
  error.SetPayload(kUrl, absl::Cord(info.SerializeAsString()));
  return error;
}

absl::Duration RetryDelay(const absl::Status& error) {
  google::rpc::RetryInfo info;
  const auto payload = error.GetPayload(kUrl);
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(info.retry_delay().seconds()) +
         absl::Nanoseconds(info.retry_delay().nanos());
}

}  // namespace dmgr
