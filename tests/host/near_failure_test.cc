#include <cerrno>
#include <map>
#include <string>

#include "server/host/near/failure.h"
#include "tests/host/near_test_support.h"

namespace dmgr::testing {
namespace {

using absl::StatusCode;
using host::hv1::Failure;

TEST_CASE("a failure says what failed, bounded and readable") {
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  const absl::Status status = (*far_end)->Call(Do({"fail"}), Within(absl::Seconds(5))).status();
  CHECK(status.code() == StatusCode::kFailedPrecondition);
  CHECK(Reason(status) == "HOST_PROGRAM");
  CHECK(Message(status) == "h1: systemctl failed: /data/one");
  CHECK(Metadata(status, "host") == "h1");
  CHECK(Metadata(status, "path") == "/data/one");
  CHECK(Metadata(status, "program") == "/usr/bin/systemctl");
  CHECK(Metadata(status, "exit_status") == "5");
  const std::string output = Metadata(status, "output");
  CHECK(output.size() <= 2000);
  CHECK_THAT(output, Catch::EndsWith("x[31mlast words"));
  CHECK_FALSE(Metadata(status, "remedy").empty());
  // A failure is an answer: the far end goes on.
  CHECK((*far_end)->Call(Do({"echo", "x"}), Within(absl::Seconds(5))).ok());
}

TEST_CASE("a program's last words are in the message, once") {
  Failure failure;
  failure.set_kind(Failure::KIND_PROGRAM);
  failure.set_text("useradd dm failed with exit status 6");
  failure.set_output("useradd: group 'dm' does not exist\n");
  CHECK(Message(host::FailureStatus("h1", failure)) ==
        "h1: useradd dm failed with exit status 6: useradd: group 'dm' does not exist");
  failure.set_output("first\n\nsecond\n");
  CHECK(Message(host::FailureStatus("h1", failure)) ==
        "h1: useradd dm failed with exit status 6\n  first\n  second");
  // What a check of a file says is its text.
  failure.set_text("promtool refuses /p: line 3");
  failure.set_path("/p");
  failure.set_output("Checking /p\n FAILED: line 3\n");
  const absl::Status refused = host::FailureStatus("h1", failure);
  CHECK(Message(refused) == "h1: promtool refuses /p: line 3");
  CHECK_THAT(Metadata(refused, "remedy"), Catch::Contains("package"));
}

TEST_CASE("each kind of failure has its code and a reason") {
  const std::tuple<Failure::Kind, StatusCode, const char*> kinds[] = {
      {Failure::KIND_NO_SPACE, StatusCode::kResourceExhausted, "HOST_NO_SPACE"},
      {Failure::KIND_STALE_EPOCH, StatusCode::kAborted, "HOST_STALE_EPOCH"},
      {Failure::KIND_PREDECESSOR_STUCK, StatusCode::kFailedPrecondition, "HOST_PREDECESSOR_STUCK"},
      {Failure::KIND_CORRUPT, StatusCode::kDataLoss, "HOST_CORRUPT"},
      {Failure::KIND_CONFLICT, StatusCode::kFailedPrecondition, "HOST_CONFLICT"},
      {Failure::KIND_PROGRAM, StatusCode::kFailedPrecondition, "HOST_PROGRAM"},
      {Failure::KIND_CRASH_LOOP, StatusCode::kFailedPrecondition, "HOST_CRASH_LOOP"},
      {Failure::KIND_DEADLINE, StatusCode::kDeadlineExceeded, "HOST_DEADLINE"},
      {Failure::KIND_CANCELLED, StatusCode::kCancelled, "HOST_CANCELLED"},
      {Failure::KIND_BAD_REQUEST, StatusCode::kInternal, "HOST_BAD_REQUEST"},
      {Failure::KIND_NOT_FOUND, StatusCode::kNotFound, "HOST_NOT_FOUND"},
      {Failure::KIND_UNSPECIFIED, StatusCode::kInternal, "HOST_UNSPECIFIED"},
      {static_cast<Failure::Kind>(77), StatusCode::kInternal, "HOST_UNSPECIFIED"},
  };
  for (const auto& [kind, code, reason] : kinds) {
    Failure failure;
    failure.set_kind(kind);
    const absl::Status status = host::FailureStatus("h1", failure);
    CHECK(status.code() == code);
    CHECK(Reason(status) == reason);
    CHECK(Message(status) == "h1: failed without saying why");
  }
}

TEST_CASE("a failed system call is judged by its errno") {
  const std::map<StatusCode, std::string> reasons = {
      {StatusCode::kResourceExhausted, "HOST_SYSTEM_FULL"},
      {StatusCode::kFailedPrecondition, "HOST_SYSTEM_REFUSED"},
      {StatusCode::kInternal, "HOST_SYSTEM"}};
  const std::pair<int, StatusCode> errors[] = {
      {ENOSPC, StatusCode::kResourceExhausted},  {EDQUOT, StatusCode::kResourceExhausted},
      {EACCES, StatusCode::kFailedPrecondition}, {EPERM, StatusCode::kFailedPrecondition},
      {EROFS, StatusCode::kFailedPrecondition},  {EIO, StatusCode::kFailedPrecondition},
      {EINVAL, StatusCode::kInternal},
  };
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  for (const auto& [number, code] : errors) {
    const absl::Status status =
        (*far_end)->Call(Do({"errno", std::to_string(number)}), Within(absl::Seconds(5))).status();
    CHECK(status.code() == code);
    CHECK(Reason(status) == reasons.at(code));
    CHECK(Metadata(status, "errno") == std::to_string(number));
    CHECK(Message(status) == "h1: cannot write /data/one");
  }
}

}  // namespace
}  // namespace dmgr::testing
