#include <signal.h>

#include <atomic>

#include "tests/host/near_test_support.h"

namespace dmgr::testing {
namespace {

TEST_CASE("a request has its answer") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  CHECK((*far_end)->begin_reply().arch() == "x86_64");
  for (const std::string text : {"one", "two"}) {
    auto answer = (*far_end)->Call(Do({"echo", text}), Within(absl::Seconds(5)));
    REQUIRE(answer.ok());
    CHECK(answer->log_text().text() == text);
  }
}

TEST_CASE("what a login prints before the hello is skipped") {
  auto far_end = StartStandIn("noise");
  REQUIRE(far_end.ok());
  CHECK((*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).ok());
}

TEST_CASE("a far end that does not start is lost, with the reason") {
  CHECK(Reason(StartStandIn("endless-noise").status()) == "FAR_END_LOST");
  const absl::Status status = StartStandIn("exit").status();
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "FAR_END_LOST");
  CHECK(Metadata(status, "host") == "h1");
  CHECK_THAT(std::string(Message(status)),
             Catch::Contains("exit status 4") && Catch::Contains("no such luck"));
}

TEST_CASE("a start ends at its deadline") {
  const std::string how = GENERATE("silent", "mute");
  const absl::Time begin = absl::Now();
  auto far_end = host::FarEnd::StartOverLink(
      std::make_unique<ProcessLink>(std::vector<std::string>{StandInPath(), how}), "h1", ReadOnly(),
      begin + absl::Milliseconds(300));
  CHECK_FALSE(far_end.ok());
  CHECK(absl::Now() - begin < absl::Seconds(4));
}

TEST_CASE("a host that sends nonsense is lost, and stays so") {
  const std::string what =
      GENERATE("garbage", "huge", "empty", "not-utf8", "wrong-id", "exit", "crash");
  INFO(what);
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  const absl::Status status = (*far_end)->Call(Do({what}), Within(absl::Seconds(5))).status();
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "FAR_END_LOST");
  CHECK((*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).status() == status);
  CHECK((*far_end)->KeepAlive() == status);
}

TEST_CASE("an answer that was not asked for makes a far end lost") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  REQUIRE((*far_end)->Call(Do({"twice"}), Within(absl::Seconds(5))).ok());
  absl::Status status;
  const absl::Time until = absl::Now() + absl::Seconds(5);
  while (status.ok() && absl::Now() < until) status = (*far_end)->KeepAlive();
  CHECK(Reason(status) == "FAR_END_LOST");
}

TEST_CASE("an answer of the wrong shape never reaches the caller") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  host::hv1::ToHost request;
  SECTION("fewer replies than requests") {
    request.mutable_batch()->add_requests()->mutable_make_dirs();
    CHECK((*far_end)->Call(request, Within(absl::Seconds(5))).ok());
    request.mutable_batch()->add_requests()->mutable_make_dirs();
  }
  SECTION("fewer values than paths") {
    request.mutable_get_facts()->add_paths("/a");
    CHECK((*far_end)->Call(request, Within(absl::Seconds(5))).ok());
    request.mutable_get_facts()->add_paths("/b");
  }
  SECTION("another kind of answer") { request.mutable_inspect()->add_paths("/a"); }
  CHECK(Reason((*far_end)->Call(request, Within(absl::Seconds(5))).status()) == "FAR_END_LOST");
}

TEST_CASE("a cancelled call ends, and the far end stays of use when it obeys") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  std::atomic<int> polls = 0;
  host::CallOptions options;
  options.cancelled = [&] { return ++polls > 3; };
  const absl::Status status = (*far_end)->Call(Do({"obey"}), options).status();
  CHECK(absl::IsCancelled(status));
  CHECK((*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).ok());
}

TEST_CASE("a call that is done when it is cancelled has its answer") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  int polls = 0;
  host::CallOptions options;
  options.cancelled = [&] { return ++polls > 1; };
  auto answer = (*far_end)->Call(Do({"finish"}), options);
  REQUIRE(answer.ok());
  CHECK(answer->log_text().text() == "finished");
}

TEST_CASE("nothing is begun that is cancelled already") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  host::CallOptions options;
  options.cancelled = [] { return true; };
  CHECK(absl::IsCancelled((*far_end)->Call(Do({"exit"}), options).status()));
  CHECK((*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).ok());
}

TEST_CASE("a call ends at its deadline, whatever the far end does") {
  const std::string what = GENERATE("obey", "ignore", "freeze");
  INFO(what);
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  const absl::Time begin = absl::Now();
  const absl::Status status =
      (*far_end)->Call(Do({what}), Within(absl::Milliseconds(200))).status();
  CHECK(absl::IsDeadlineExceeded(status));
  CHECK(absl::Now() - begin < absl::Seconds(5));
  // What did not give up is of no use any more.
  const absl::Status next = (*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).status();
  CHECK(Reason(next) == (what == "obey" ? "" : "FAR_END_LOST"));
}

TEST_CASE("a frozen far end does not hold up the end of a big request") {
  pid_t pid = -1;
  auto far_end = StartStandIn("serve", &pid);
  REQUIRE(far_end.ok());
  REQUIRE(kill(pid, SIGSTOP) == 0);
  // More than a pipe holds.
  const absl::Time begin = absl::Now();
  host::CallOptions options;
  options.cancelled = [&] { return absl::Now() > begin + absl::Milliseconds(300); };
  const absl::Status status =
      (*far_end)->Call(Do({"echo", std::string(1 << 20, 'x')}), options).status();
  CHECK(absl::IsCancelled(status));
  CHECK(absl::Now() - begin < absl::Seconds(5));
  CHECK(Reason((*far_end)->KeepAlive()) == "FAR_END_LOST");
}

TEST_CASE("a far end that says nothing any more is lost long before the deadline") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  host::CallOptions options = Within(absl::Seconds(60));
  options.silence = absl::Milliseconds(300);
  const absl::Status status = (*far_end)->Call(Do({"freeze"}), options).status();
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "FAR_END_LOST");
  CHECK_THAT(std::string(Message(status)), Catch::Contains("said nothing"));
  CHECK(Reason((*far_end)->KeepAlive()) == "FAR_END_LOST");
}

TEST_CASE("a far end is pinged while it works") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  auto answer = (*far_end)->Call(Do({"await-ping"}), Within(absl::Seconds(20)));
  REQUIRE(answer.ok());
  CHECK(answer->log_text().text() == "pinged");
}

TEST_CASE("notes are passed on, but not without end") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  int notes = 0;
  std::size_t longest = 0;
  host::CallOptions options = Within(absl::Seconds(20));
  options.on_note = [&](const std::string& text) {
    ++notes;
    longest = std::max(longest, text.size());
  };
  CHECK((*far_end)->Call(Do({"flood"}), options).ok());
  CHECK(notes == 1000);
  CHECK(longest == 4096);
}

TEST_CASE("a request that no frame holds is refused here") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  const std::string big(20 << 20, 'x');
  const absl::Status status =
      (*far_end)->Call(Do({"echo", big}), Within(absl::Seconds(5))).status();
  CHECK(Reason(status) == "REQUEST_TOO_BIG");
  CHECK((*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).ok());
}

}  // namespace
}  // namespace dmgr::testing
