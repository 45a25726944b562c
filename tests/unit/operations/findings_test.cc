// What a look at many hosts finds, as one error.
#include "server/operations/calls/findings.h"

#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"

namespace dmgr::operations {
namespace {

absl::Status Unreachable() {
  return Error(absl::StatusCode::kUnavailable, "HOST_UNREACHABLE", "cannot connect");
}

TEST_CASE("nothing that is found is no error") { CHECK(Findings().ToStatus().ok()); }

TEST_CASE("a single finding is said in one line") {
  Findings findings;
  findings.AddConflict("m1", "port 8261 is in use");
  const absl::Status status = findings.ToStatus();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(Message(status) == "machine m1: port 8261 is in use");
  CHECK(Reason(status) == "HOST_CONFLICT");
  CHECK(Metadata(status, "machine") == "m1");
}

TEST_CASE("hosts that cannot be looked at keep their error") {
  Findings findings;
  findings.AddFailure("m1", Unreachable());
  CHECK(absl::IsUnavailable(findings.ToStatus()));
  CHECK(Message(findings.ToStatus()) == "machine m1: cannot connect");
}

TEST_CASE("each finding has its line, and many are counted") {
  Findings findings;
  findings.AddFailure("m1", Unreachable());
  findings.AddConflict("m2", "port 8261 is in use");
  findings.AddUnreached("m2", "cannot reach h3:8291 (no answer in 3 s)");
  const absl::Status status = findings.ToStatus();
  CHECK(Message(status) ==
        "3 problems on 2 hosts:\n  machine m1: cannot connect\n  machine m2: port 8261 is in use\n"
        "  machine m2 cannot reach h3:8291 (no answer in 3 s)");
  CHECK(Reason(status) == "HOSTS_NOT_READY");
  for (int i = 0; i < 1000; ++i) findings.AddConflict("m3", "no");
  CHECK(Message(findings.ToStatus()).size() < 2000);
  CHECK(Message(findings.ToStatus()).ends_with("and 963 more"));
}

TEST_CASE("ways that are cut have a remedy of their own") {
  Findings findings;
  findings.AddUnreached("m1", "cannot reach h2:8291 (no answer in 3 s)");
  CHECK(Metadata(findings.ToStatus(), "remedy").find("firewalls") != std::string::npos);
  findings.AddConflict("m1", "port 8261 is in use");
  CHECK(Metadata(findings.ToStatus(), "remedy").find("ports") != std::string::npos);
}

}  // namespace
}  // namespace dmgr::operations
