#include "server/dm/dm_error.h"

#include <catch2/catch.hpp>

#include "common/error.h"
#include "common/utf8.h"

namespace dmgr::dm {
namespace {

const std::string kRefusedDatabase =
    "[code=10001:class=database:scope=upstream:level=high], Message: database driver error, "
    "RawCause: dial tcp 10.0.0.9:3306: connect: connection refused, Workaround: Please check the "
    "database connection and the database config in configuration file.";

TEST_CASE("DM's parts of an error are kept apart") {
  const DmError error = ParseDmError(kRefusedDatabase);
  CHECK(error.code == 10001);
  CHECK(error.error_class == "database");
  CHECK(error.scope == "upstream");
  CHECK(error.level == "high");
  CHECK(error.message == "database driver error");
  CHECK(error.raw_cause == "dial tcp 10.0.0.9:3306: connect: connection refused");
  CHECK(error.workaround ==
        "Please check the database connection and the database config in configuration file.");
  CHECK(WordsOf(error) ==
        "database driver error: dial tcp 10.0.0.9:3306: connect: connection refused "
        "(DM's code 10001)");
}

TEST_CASE("any part of DM's errors may be missing") {
  const DmError no_cause = ParseDmError(
      "[code=46007:class=scheduler:scope=internal:level=medium], Message: source config with ID s1 "
      "already exists, Workaround: Please use another ID.");
  CHECK(no_cause.message == "source config with ID s1 already exists");
  CHECK(no_cause.raw_cause.empty());
  CHECK(no_cause.workaround == "Please use another ID.");
  CHECK(ParseDmError("[code=46006:class=scheduler:scope=internal:level=high], RawCause: gone")
            .raw_cause == "gone");
  CHECK(ParseDmError("[code=46006]").code == 46006);
  const DmError no_code = ParseDmError("task nosuch has no source or not exist");
  CHECK(no_code.code == 0);
  CHECK(no_code.message == "task nosuch has no source or not exist");
  CHECK(WordsOf(ParseDmError("")) == "refused without a reason");
}

TEST_CASE("DM's words in a text mislead nobody") {
  // A statement that speaks of causes; what stands after the first is the cause.
  const DmError statement = ParseDmError(
      "[code=10006:class=database:scope=downstream:level=high], Message: execute statement failed: "
      "INSERT INTO t VALUES (', Message: x'), RawCause: Error 1054 (42S22): Unknown column 'v', "
      "Workaround: first, Workaround: last");
  CHECK(statement.message == "execute statement failed: INSERT INTO t VALUES (', Message: x')");
  CHECK(statement.raw_cause == "Error 1054 (42S22): Unknown column 'v', Workaround: first");
  CHECK(statement.workaround == "last");
  const DmError quoted = ParseDmError("the text [code=abc:class=x] is no error");
  CHECK(quoted.code == 0);
  CHECK(quoted.message == "the text [code=abc:class=x] is no error");
  const DmError before = ParseDmError("worker w1: [code=46004:class=scheduler], Message: gone");
  CHECK(before.code == 46004);
  CHECK(before.message == "worker w1: gone");
}

TEST_CASE("hostile texts of DM become short lines") {
  const std::string text = "[code=99999999999999999999:class=x], Message: a\x1b[31m\nb\xff\xfe" +
                           std::string(10 << 20, 'x');
  for (const std::string& hostile :
       {text, "[code=1:class=" + std::string(1 << 20, 'c') + "], Message: \x1b]0;x\x07" + text,
        "[code=-5:class=x], Message: m", std::string("[code="), std::string("[code=]"),
        std::string("\0[code=1]", 9), ", RawCause: " + text}) {
    const DmError error = ParseDmError(hostile);
    CHECK(error.code >= 0);
    for (const std::string* part : {&error.error_class, &error.scope, &error.level, &error.message,
                                    &error.raw_cause, &error.workaround}) {
      CHECK(part->size() < 2100);
      for (std::size_t at = 0; at < part->size();) {
        const std::size_t length = Utf8Length(part->substr(at));
        REQUIRE(length > 0);
        REQUIRE_FALSE(IsControl(part->substr(at, length)));
        at += length;
      }
    }
  }
}

TEST_CASE("DM's errors keep no password") {
  const DmError error = ParseDmError(
      "[code=20003:class=config], Message: yaml: password: s3cret-word, RawCause: "
      "root:s3cret-word@tcp(10.0.0.1:3306)/");
  CHECK(error.message.find("s3cret") == std::string::npos);
  CHECK(error.raw_cause.find("s3cret") == std::string::npos);
}

struct Said {
  std::string text;
  std::string reason;
  absl::StatusCode code;
};

TEST_CASE("a refusal's reason says what it means") {
  using absl::StatusCode;
  const auto said = GENERATE(values<Said>({
      {"[code=46007:class=scheduler]", "DM_SOURCE_EXISTS", StatusCode::kAlreadyExists},
      {"[code=46008:class=scheduler]", "DM_SOURCE_MISSING", StatusCode::kNotFound},
      {"[code=20031:class=config], Message: source nosrc in deployment configuration not found",
       "DM_SOURCE_MISSING", StatusCode::kNotFound},
      {"[code=46010:class=scheduler]", "DM_SOURCE_IN_USE", StatusCode::kFailedPrecondition},
      {"[code=46009:class=scheduler]", "DM_SOURCE_UNBOUND", StatusCode::kFailedPrecondition},
      {"[code=46014:class=scheduler]", "DM_TASK_EXISTS", StatusCode::kAlreadyExists},
      {"task nosuch has no source or not exist, please check the task name and status",
       "DM_TASK_MISSING", StatusCode::kNotFound},
      {"[code=46004:class=scheduler]", "DM_WORKER_MISSING", StatusCode::kNotFound},
      {"[code=46006:class=scheduler]", "DM_WORKER_BUSY", StatusCode::kFailedPrecondition},
      {"[code=38008:class=dm-master]", "DM_WORKER_UNREACHABLE", StatusCode::kUnavailable},
      {kRefusedDatabase, "DM_DATABASE_UNREACHABLE", StatusCode::kFailedPrecondition},
      {"[code=10001:class=database], Message: m, RawCause: Error 1045 (28000): Access denied for "
       "user 'dm'@'10.0.0.1'",
       "DM_DATABASE_LOGIN", StatusCode::kFailedPrecondition},
      {"[code=26005:class=dm-master]", "DM_PRECHECK_FAILED", StatusCode::kFailedPrecondition},
      {"[code=20003:class=config]", "DM_CONFIG_INVALID", StatusCode::kInvalidArgument},
      {"[code=38019:class=dm-master]", "DM_LOCK_MISSING", StatusCode::kNotFound},
      {"[code=38043:class=dm-master]", "DM_NO_LEADER", StatusCode::kUnavailable},
      {"[code=46024:class=scheduler]", "DM_BUSY", StatusCode::kUnavailable},
      {"[code=36010:class=sync-unit]", "DM_REFUSED", StatusCode::kFailedPrecondition},
      {"only support to handle ddl error currently", "DM_REFUSED", StatusCode::kFailedPrecondition},
  }));
  const absl::Status status = StatusOfDm("do it", ParseDmError(said.text));
  INFO(said.text);
  CHECK(Reason(status) == said.reason);
  CHECK(status.code() == said.code);
}

TEST_CASE("a refusal keeps what DM said where programs find it") {
  const absl::Status status = StatusOfDm("create source s1", ParseDmError(kRefusedDatabase));
  CHECK(Message(status) ==
        "create source s1: database driver error: dial tcp 10.0.0.9:3306: connect: connection "
        "refused (DM's code 10001)");
  CHECK(Metadata(status, "dm_code") == "10001");
  CHECK(Metadata(status, "dm_class") == "database");
  CHECK(Metadata(status, "dm_message") == "database driver error");
  CHECK(Metadata(status, "dm_cause") == "dial tcp 10.0.0.9:3306: connect: connection refused");
  CHECK(Metadata(status, "dm_workaround").starts_with("Please check the database"));
  CHECK_FALSE(Metadata(status, "remedy").empty());
  // DM's advice where dmgr has none.
  CHECK(Metadata(StatusOfDm("x", ParseDmError("[code=1], Message: m, Workaround: do this")),
                 "remedy") == "do this");
}

TEST_CASE("of many sources the first are told and all are named") {
  std::vector<SourceError> errors;
  for (int i = 1; i <= 5; ++i) {
    errors.push_back(
        {"s" + std::to_string(i), i == 1 ? "w1" : "",
         ParseDmError("[code=46004:class=scheduler], Message: no worker " + std::to_string(i))});
  }
  const absl::Status status = StatusOfDm("pause task t1", errors);
  CHECK(Message(status) ==
        "pause task t1: source s1 on w1: no worker 1 (DM's code 46004); source s2: no worker 2 "
        "(DM's code 46004); source s3: no worker 3 (DM's code 46004); and 2 more");
  CHECK(Metadata(status, "sources") == "s1,s2,s3,s4,s5");
  CHECK(Reason(status) == "DM_WORKER_MISSING");
}

}  // namespace
}  // namespace dmgr::dm
