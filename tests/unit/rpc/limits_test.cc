// What callers may take, without a server.
#include <google/protobuf/util/json_util.h>

#include "common/error.h"
#include "common/retry.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/rpc/admission.h"
#include "server/rpc/field_limits.h"
#include "server/rpc/pace.h"
#include "server/rpc/refusals.h"

namespace dmgr::rpc {
namespace {

using std::chrono::seconds;

TEST_CASE("a field is as long as the table says, and one that it does not know has 4 KiB") {
  v1::LoginRequest login;
  login.set_user_name(std::string(256, 'x'));
  login.set_password(std::string(1024, 'x'));
  CHECK(CheckLengths(login).ok());
  login.set_user_name(std::string(257, 'x'));
  login.set_new_password(std::string(1025, 'x'));
  const absl::Status status = CheckLengths(login);
  CHECK(Reason(status) == "FIELD_TOO_LONG");
  const auto bad = FieldViolations(status);
  REQUIRE(bad.field_violations_size() == 2);
  CHECK(bad.field_violations(0).field() == "user_name");
  CHECK(bad.field_violations(1).field() == "new_password");

  v1::DeployClusterRequest deploy;
  deploy.set_description(std::string(4096, 'x'));
  (*deploy.mutable_labels())["x"] = std::string(4096, 'x');
  CHECK(CheckLengths(deploy).ok());
  (*deploy.mutable_labels())["x"] = std::string(4097, 'x');
  CHECK(Reason(CheckLengths(deploy)) == "FIELD_TOO_LONG");
  v1::UploadPackageRequest upload;
  upload.mutable_chunk()->set_data(std::string(1 << 20, 'x'));
  CHECK(CheckLengths(upload).ok());
}

TEST_CASE("a value of a configuration lies no deeper than 32, and is no longer than 64 KiB") {
  const auto deploy = [](int depth, std::size_t length) {
    v1::DeployClusterRequest request;
    auto* value = &(*request.mutable_topology()
                         ->mutable_server_configs()
                         ->mutable_master()
                         ->mutable_fields())["x"];
    for (int i = 0; i < depth; ++i) value = value->mutable_list_value()->add_values();
    value->set_string_value(std::string(length, 'x'));
    return CheckLengths(request);
  };
  CHECK(deploy(5, 64 << 10).ok());
  CHECK(Reason(deploy(5, (64 << 10) + 1)) == "FIELD_TOO_LONG");
  CHECK(Reason(deploy(40, 1)) == "FIELD_TOO_LONG");
}

TEST_CASE("a list has 10,000 elements at most, and a small request is small") {
  v1::StartClusterRequest start;
  for (int i = 0; i < 10'001; ++i) start.mutable_selection()->add_nodes("x");
  CHECK(Reason(CheckLengths(start)) == "FIELD_TOO_LONG");
  for (int i = 0; i < 100; ++i) start.mutable_selection()->add_nodes(std::string(4096, 'x'));
  CHECK(Reason(CheckLengths(start)) == "REQUEST_TOO_LARGE");
}

TEST_CASE("a caller has so many places, and each is free again when its call has ended") {
  Admission admission;
  auto first = admission.Take("calls", "carol", 2);
  REQUIRE(first.ok());
  const auto second = admission.Take("calls", "carol", 2);
  REQUIRE(second.ok());
  const auto third = admission.Take("calls", "carol", 2);
  CHECK(Reason(third.status()) == "TOO_BUSY");
  CHECK(RetryDelay(third.status()) == absl::Seconds(1));
  CHECK(admission.Take("streams", "carol", 2).ok());
  CHECK(admission.Take("calls", "dave", 2).ok());
  first->reset();
  CHECK(admission.Take("calls", "carol", 2).ok());
}

TEST_CASE("an upload is ended when it brings too little while it is waited for") {
  Pace pace(1000, absl::Seconds(30));
  int stopped = 0;
  Pace::Runner runner(&pace, [&] { ++stopped; });
  const auto now = Pace::Clock::now();
  pace.Look(now + seconds(1000));
  CHECK(stopped == 0);  // Nobody waits for it.
  runner.BeginWait();
  pace.Look(now + seconds(29));
  CHECK(stopped == 0);
  runner.EndWait(1000);
  runner.BeginWait();
  pace.Look(now + seconds(40));
  CHECK(stopped == 0);
  CHECK(runner.status().ok());
  pace.Look(now + seconds(80));
  pace.Look(now + seconds(80));
  CHECK(stopped == 1);
  CHECK(Reason(runner.status()) == "UPLOAD_TOO_SLOW");
}

TEST_CASE("of equal refusals the first one is a record, and the others are one") {
  Refusals refusals(absl::Seconds(60));
  const auto now = Refusals::Clock::now();
  store::AuditRecord record{.user_name = "eve",
                            .peer = "ipv4:10.0.0.9:1",
                            .method = "Login",
                            .target = "eve",
                            .code = 16,
                            .operation_id = ""};
  CHECK(refusals.IsFirst(record, now));
  for (int i = 0; i < 99; ++i) {
    record.peer = fmt::format("ipv4:10.0.0.9:{}", i);
    CHECK_FALSE(refusals.IsFirst(record, now));
  }
  CHECK(refusals.Take(false, now + seconds(59)).empty());
  const auto taken = refusals.Take(false, now + seconds(60));
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].calls == 99);
  CHECK(taken[0].peer == "ipv4:10.0.0.9");
  CHECK(refusals.IsFirst(record, now + seconds(61)));
  CHECK(refusals.Take(true, now + seconds(61)).empty());
}

TEST_CASE("who invents names fills no audit log") {
  Refusals refusals(absl::Seconds(60));
  int first = 0;
  for (int i = 0; i < 10'000; ++i) {
    store::AuditRecord record;
    record.user_name = fmt::format("user-{}", i);
    record.method = "Login";
    if (refusals.IsFirst(record)) ++first;
  }
  CHECK(first < 300);
  const auto taken = refusals.Take(true);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].calls + first == 10'000);
}

}  // namespace
}  // namespace dmgr::rpc
