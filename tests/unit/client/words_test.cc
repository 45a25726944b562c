// Times, spans and labels as people type them.
#include "client/commands/labels.h"
#include "client/commands/when.h"
#include "common/error.h"
#include "dmgr/v1/types.pb.h"
#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST_CASE("a span of time has a unit, and is positive", "[words]") {
  CHECK(*ParseSpan("90s") == absl::Seconds(90));
  CHECK(*ParseSpan("2h30m") == absl::Minutes(150));
  CHECK(*ParseSpan("7d") == absl::Hours(168));
  for (const char* text : {"", "7", "d", "-1h", "0s", "inf", "1x", "99999999d", "1d2h", "h"}) {
    INFO(text);
    const auto span = ParseSpan(text);
    CHECK(absl::IsInvalidArgument(span.status()));
    CHECK_FALSE(Metadata(span.status(), "remedy").empty());
  }
}

TEST_CASE("a time is a date, a time of a day, or so long ago", "[words]") {
  const absl::TimeZone zone = absl::LocalTimeZone();
  const auto local = [&](int hour, int minute, int second) {
    return absl::FromCivil(absl::CivilSecond(2026, 11, 22, hour, minute, second), zone);
  };
  CHECK(*ParseWhen("2026-11-22T21:30:05Z", kNow) ==
        absl::FromCivil(absl::CivilSecond(2026, 11, 22, 21, 30, 5), absl::UTCTimeZone()));
  CHECK(*ParseWhen("2026-11-22T21:30:05+02:00", kNow) ==
        absl::FromCivil(absl::CivilSecond(2026, 11, 22, 19, 30, 5), absl::UTCTimeZone()));
  CHECK(*ParseWhen("2026-11-22T21:30:05", kNow) == local(21, 30, 5));
  CHECK(*ParseWhen("2026-11-22 21:30:05", kNow) == local(21, 30, 5));
  CHECK(*ParseWhen("2026-11-22 21:30", kNow) == local(21, 30, 0));
  CHECK(*ParseWhen("2026-11-22", kNow) == local(0, 0, 0));
  CHECK(*ParseWhen("2h", kNow) == kNow - absl::Hours(2));
  for (const char* text : {"", "yesterday", "2026-13-01", "21:30", "2026-11-22 25:00"}) {
    INFO(text);
    CHECK(absl::IsInvalidArgument(ParseWhen(text, kNow).status()));
  }
}

TEST_CASE("a range is limited by what was said only", "[words]") {
  v1::TimeRange range;
  CHECK(ParseRange("", "", &range).ok());
  CHECK_FALSE(range.has_start_time());
  CHECK_FALSE(range.has_end_time());
  CHECK(ParseRange("2026-11-22T00:00:00Z", "2026-11-22T00:00:01Z", &range).ok());
  CHECK(range.end_time().seconds() == range.start_time().seconds() + 1);
  CHECK_FALSE(ParseRange("soon", "", &range).ok());
}

TEST_CASE("labels are set and taken off", "[words]") {
  google::protobuf::Map<std::string, std::string> labels;
  labels["team"] = "data";
  CHECK(ChangeLabels({"env=prod", "team-", "note=a=b", "empty="}, &labels).ok());
  CHECK(labels.size() == 3);
  CHECK(labels["env"] == "prod");
  CHECK(labels["note"] == "a=b");
  CHECK(labels["empty"].empty());
  for (const char* text : {"", "env", "=prod", "-"}) {
    INFO(text);
    CHECK(absl::IsInvalidArgument(ChangeLabels({text}, &labels)));
  }
}

}  // namespace
}  // namespace dmgr::client
