// Answers that are streams.
#include "tests/host/near_test_support.h"

namespace dmgr::testing {
namespace {

// Takes all that comes, and passes it on if it is asked to.
struct Taken {
  std::uint64_t bytes = 0;
  bool passes_on = true;

  host::StreamTaker taker() {
    return {
        .take =
            [this](const host::hv1::FromHost& message) { bytes += message.piece().data().size(); },
        .passed_on = [this] { return passes_on ? bytes : 0; }};
  }
};

TEST_CASE("a stream comes whole, and a far end is of use after it") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  for (const int pieces : {0, 1, 300}) {
    Taken taken;
    const auto end = (*far_end)->Stream(Do({"stream", std::to_string(pieces)}),
                                        Within(absl::Seconds(20)), taken.taker());
    REQUIRE(end.ok());
    CHECK(end->has_done());
    CHECK(taken.bytes == static_cast<std::uint64_t>(pieces) << 16);
  }
  CHECK((*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).ok());
}

TEST_CASE("who passes nothing on gets no more than fits, and can end it") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  Taken taken{.passes_on = false};
  host::CallOptions options = Within(absl::Seconds(20));
  const absl::Time until = absl::Now() + absl::Milliseconds(500);
  options.cancelled = [&] { return absl::Now() > until; };
  const auto end = (*far_end)->Stream(Do({"stream", "300"}), options, taken.taker());
  CHECK(absl::IsCancelled(end.status()));
  CHECK(taken.bytes == host::kStreamWindow);
  CHECK((*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).ok());
}

TEST_CASE("a host that streams more than it may, or nothing at all, or unasked, is lost") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  Taken taken{.passes_on = false};
  SECTION("too much") {
    CHECK(Reason((*far_end)
                     ->Stream(Do({"overflow"}), Within(absl::Seconds(20)), taken.taker())
                     .status()) == "FAR_END_LOST");
    CHECK(taken.bytes <= host::kStreamWindow);
  }
  SECTION("nothing") {
    const std::string what = GENERATE("empty-piece", "starts");
    CHECK(
        Reason((*far_end)->Stream(Do({what}), Within(absl::Seconds(20)), taken.taker()).status()) ==
        "FAR_END_LOST");
  }
  SECTION("unasked") {
    CHECK(Reason((*far_end)->Call(Do({"piece"}), Within(absl::Seconds(20))).status()) ==
          "FAR_END_LOST");
  }
}

}  // namespace
}  // namespace dmgr::testing
