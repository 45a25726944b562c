#include "client/commands/when.h"

#include "absl/time/clock.h"
#include "common/error.h"
#include "dmgr/v1/types.pb.h"

namespace dmgr::client {
namespace {

absl::Status Invalid(const std::string& text, const char* what, const char* example) {
  return Error(absl::StatusCode::kInvalidArgument, "TIME_INVALID", "\"{}\" is no {}", text, what)
      .Remedy(example);
}

void Set(absl::Time time, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(absl::ToUnixSeconds(time));
  timestamp->set_nanos(static_cast<int>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(timestamp->seconds()))));
}

}  // namespace

absl::StatusOr<absl::Duration> ParseSpan(const std::string& text) {
  absl::Duration span;
  // Abseil knows no days.
  const auto days = text.find_first_not_of("0123456789");
  const bool is_days =
      days != 0 && days != std::string::npos && days < 7 && text.substr(days) == "d";
  if (is_days) {
    span = absl::Hours(24) * std::stoi(text);
  } else if (!absl::ParseDuration(text, &span)) {
    return Invalid(text, "span of time", "such as 90s, 10m, 2h or 7d");
  }
  if (span > absl::ZeroDuration() && span < absl::InfiniteDuration()) return span;
  return Invalid(text, "span of time", "such as 90s, 10m, 2h or 7d");
}

absl::StatusOr<absl::Time> ParseWhen(const std::string& text, absl::Time now) {
  absl::Time time;
  std::string ignored;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &ignored)) return time;
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    if (absl::ParseTime(format, text, absl::LocalTimeZone(), &time, &ignored)) return time;
  }
  const auto span = ParseSpan(text);
  if (span.ok()) return now - *span;
  return Invalid(text, "time", "such as 2026-11-22, \"2026-11-22 21:30\", or 2h for two hours ago");
}

absl::Status ParseRange(const std::string& since, const std::string& until, v1::TimeRange* range) {
  const absl::Time now = absl::Now();
  if (!since.empty()) {
    ASSIGN_OR_RETURN(const absl::Time time, ParseWhen(since, now));
    Set(time, range->mutable_start_time());
  }
  if (!until.empty()) {
    ASSIGN_OR_RETURN(const absl::Time time, ParseWhen(until, now));
    Set(time, range->mutable_end_time());
  }
  return absl::OkStatus();
}

}  // namespace dmgr::client
