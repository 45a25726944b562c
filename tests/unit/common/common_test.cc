// Errors, identifiers and versions.
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "common/version.h"

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

TEST_CASE("UUIDs are random, of version 4 and lower case") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = NewUuid();
    REQUIRE(IsUuid(uuid));
    CHECK(uuid[14] == '4');
    CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
    CHECK(uuid.find_first_of("ABCDEF") == std::string::npos);
    seen.insert(uuid);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("what is a UUID") {
  CHECK(IsUuid("123e4567-e89b-42d3-a456-426614174000"));
  CHECK(IsUuid("123E4567-E89B-42D3-A456-426614174000"));
  for (const std::string text :
       {"", "123e4567e89b42d3a456426614174000", "123e4567-e89b-42d3-a456-42661417400",
        "123e4567-e89b-42d3-a456-4266141740000", "123e4567-e89b-42d3-a456_426614174000",
        "123e4567-e89b-42d3-a456-42661417400g", "{23e4567-e89b-42d3-a456-42661417400}",
        "123e4567-e89b-42d3-a456-42661417400\n"}) {
    CAPTURE(text);
    CHECK_FALSE(IsUuid(text));
  }
}

TEST_CASE("random bytes have the size asked for and differ") {
  CHECK(RandomBytes(0).empty());
  CHECK(RandomBytes(32).size() == 32);
  CHECK(RandomBytes(32) != RandomBytes(32));
}

TEST_CASE("hex") {
  CHECK(HexEncode("").empty());
  CHECK(HexEncode(std::string("\x00\x7f\x80\xff", 4)) == "007f80ff");
}

TEST_CASE("base64 of URLs, as RFC 4648 has it") {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
  for (const auto& [bytes, text] : pairs) {
    CHECK(Base64UrlEncode(bytes) == text);
    CHECK(Base64UrlDecode(text) == bytes);
  }
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string bytes = RandomBytes(size);
    CHECK(Base64UrlDecode(Base64UrlEncode(bytes)) == bytes);
  }
  for (const std::string text :
       {"Zg==", "Zm9v ", " Zm9v", "Zm9v\n", "+//+", "Z", "Zm9vY", "Zm\0v"}) {
    CAPTURE(text);
    CHECK_FALSE(Base64UrlDecode(text).has_value());
  }
}

TEST_CASE("versions of DM") {
  struct Row {
    std::string text;
    int major, minor, patch;
    std::string pre;
  };
  for (const Row& row :
       std::vector<Row>{{"v7.5.1", 7, 5, 1, ""},
                        {"v0.0.0", 0, 0, 0, ""},
                        {"v2.0.10", 2, 0, 10, ""},
                        {"v8.0.0-beta.1", 8, 0, 0, "beta.1"},
                        {"v99999.0.1-nightly-20240101", 99999, 0, 1, "nightly-20240101"}}) {
    CAPTURE(row.text);
    const auto version = DmVersion::Parse(row.text);
    REQUIRE(version.has_value());
    CHECK(version->major == row.major);
    CHECK(version->minor == row.minor);
    CHECK(version->patch == row.patch);
    CHECK(version->pre == row.pre);
  }
  for (const std::string text : {"",        "v",           "7.5.1",
                                 "v7.5",    "v7.5.1.2",    "v7.5.x",
                                 "v07.5.1", "v7.05.1",     "v7.5.1-",
                                 "v7.5.1 ", " v7.5.1",     "v7.5.1\n",
                                 "V7.5.1",  "v7.5.1-a/b",  "v7.5.1-../x",
                                 "v-7.5.1", "v123456.0.0", "v99999999999999999999.0.0",
                                 "latest",  "nightly"}) {
    CAPTURE(text);
    CHECK_FALSE(DmVersion::Parse(text).has_value());
  }
  CHECK_FALSE(DmVersion::Parse("v7.5.1-" + std::string(10000, 'a')).has_value());
}

TEST_CASE("versions are ordered as numbers, pre-releases first") {
  const std::vector<std::string> ascending = {"v2.0.1", "v2.0.9",       "v2.0.10",       "v2.1.0",
                                              "v7.5.1", "v8.0.0-alpha", "v8.0.0-beta.1", "v8.0.0",
                                              "v8.0.1", "v10.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const auto a = DmVersion::Parse(ascending[i]);
      const auto b = DmVersion::Parse(ascending[j]);
      CAPTURE(ascending[i], ascending[j]);
      CHECK((*a < *b) == (i < j));
      CHECK((*a == *b) == (i == j));
    }
  }
}

TEST_CASE("this build has a version") {
  CHECK(DmVersion::Parse("v" + std::string(BuildVersion())).has_value());
}

}  // namespace
}  // namespace dmgr
