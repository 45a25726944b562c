// Errors that say what to do next.
#include "common/error.h"

#include <catch2/catch.hpp>
#include <string>

namespace dmgr {
namespace {

Error BusyError() {
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_BUSY", "{} is held by {}", "demo",
               "op-1")
      .With("cluster", "demo")
      .Remedy("wait for op-1")
      .Field("cluster_name", "is busy")
      .Field("request_id", "is missing");
}

TEST_CASE("an error carries its reason, values and remedy") {
  const absl::Status status = BusyError();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Message(status) == "demo is held by op-1");
  CHECK(Reason(status) == "CLUSTER_BUSY");
  CHECK(Metadata(status, "cluster") == "demo");
  CHECK(Metadata(status, "remedy") == "wait for op-1");
  CHECK(Metadata(status, "host").empty());
  const auto violations = FieldViolations(status);
  REQUIRE(violations.field_violations_size() == 2);
  CHECK(violations.field_violations(1).field() == "request_id");
  CHECK(violations.field_violations(1).description() == "is missing");
}

TEST_CASE("a status that Error did not make has no reason") {
  for (const absl::Status& status : {absl::OkStatus(), absl::Status(absl::InternalError("x"))}) {
    CHECK(Reason(status).empty());
    CHECK(Metadata(status, "remedy").empty());
    CHECK(FieldViolations(status).field_violations_size() == 0);
  }
}

TEST_CASE("an error without violations has none on the wire") {
  const absl::Status status = Error(absl::StatusCode::kNotFound, "PACKAGE_NOT_FOUND", "none");
  CHECK(ToProto(status).details_size() == 1);
}

TEST_CASE("a precondition travels with the error") {
  Error error(absl::StatusCode::kFailedPrecondition, "PORT_IN_USE", "in use");
  error.Precondition("PORT", "h1:8261", "a foreign process listens");
  const google::rpc::Status proto = ToProto(error);
  google::rpc::PreconditionFailure failure;
  bool found = false;
  for (const auto& any : proto.details()) {
    if (any.type_url() == "type.googleapis.com/google.rpc.PreconditionFailure") {
      found = failure.ParseFromString(any.value());
    }
  }
  REQUIRE(found);
  REQUIRE(failure.violations_size() == 1);
  CHECK(failure.violations(0).subject() == "h1:8261");
}

TEST_CASE("an error says which calls help, the most useful one first") {
  const absl::Status status = Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_BUSY", "busy")
                                  .Next(v1::ACTION_WATCH_OPERATION, {{"operation_id", "op-1"}})
                                  .Next(v1::ACTION_LIST_OPERATIONS);
  const auto next = NextActionsOf(FromProto(ToProto(status)));
  REQUIRE(next.size() == 2);
  CHECK(next[0].action() == v1::ACTION_WATCH_OPERATION);
  CHECK(next[0].arguments().at("operation_id") == "op-1");
  CHECK(next[1].action() == v1::ACTION_LIST_OPERATIONS);
  CHECK(next[1].arguments().empty());
  CHECK(NextActionsOf(absl::InternalError("x")).empty());
}

TEST_CASE("a status survives the wire") {
  const absl::Status busy = BusyError();
  CHECK(FromProto(ToProto(busy)) == busy);
  CHECK(FromProto(ToProto(absl::OkStatus())).ok());
  CHECK(ToProto(absl::OkStatus()).code() == 0);
  CHECK(ToProto(absl::NotFoundError("x")).code() == 5);
}

TEST_CASE("an annotation keeps everything else") {
  const absl::Status status = Annotate(BusyError(), "host h1");
  CHECK(Message(status) == "host h1: demo is held by op-1");
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Reason(status) == "CLUSTER_BUSY");
  CHECK(FieldViolations(status).field_violations_size() == 2);
  CHECK(Annotate(absl::OkStatus(), "host h1").ok());
}

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return Error(absl::StatusCode::kInvalidArgument, "ODD", "{} is odd", n);
  return n / 2;
}
absl::StatusOr<int> Quarter(int n) {
  ASSIGN_OR_RETURN(const int half, Half(n));
  int quarter = 0;
  ASSIGN_OR_RETURN(quarter, Half(half));
  RETURN_IF_ERROR(quarter > 100 ? absl::OutOfRangeError("large") : absl::OkStatus());
  return quarter;
}

TEST_CASE("the macros hand errors on") {
  CHECK(Quarter(8).value() == 2);
  CHECK(Reason(Quarter(7).status()) == "ODD");
  CHECK(Message(Quarter(6).status()) == "3 is odd");
  CHECK(absl::IsOutOfRange(Quarter(4000).status()));
}

}  // namespace
}  // namespace dmgr
