#include "server/dm/check_result.h"

#include <catch2/catch.hpp>

namespace dmgr::dm {
namespace {

// As a dm-master v7.5 writes it for MariaDB.
const std::string kWarned =
    "fail to check synchronization configuration with type: no errors but some warnings\n detail: "
    R"({
	"results": [
		{
			"id": 0,
			"name": "mysql_version",
			"desc": "check whether mysql version is satisfied",
			"state": "warn",
			"errors": [
				{
					"severity": "warn",
					"short_error": "Migrating from MariaDB is still experimental."
				}
			],
			"instruction": "It is recommended that you upgrade MariaDB to 10.1.2 or a later version.",
			"extra": "address of db instance - 127.0.0.1:3306"
		}
	],
	"summary": {
		"passed": true,
		"total": 13,
		"successful": 12,
		"failed": 0,
		"warning": 1
	}
})";

TEST_CASE("a precheck's warnings become rows") {
  const auto result = ParseCheckResult(kWarned);
  REQUIRE(result.has_value());
  CHECK(result->passed);
  CHECK(result->sentence ==
        "fail to check synchronization configuration with type: no errors but some warnings");
  CHECK(result->total == 13);
  CHECK(result->successful == 12);
  CHECK(result->failed == 0);
  CHECK(result->warning == 1);
  REQUIRE(result->rows.size() == 1);
  const CheckRow& row = result->rows.front();
  CHECK(row.name == "mysql_version");
  CHECK(row.description == "check whether mysql version is satisfied");
  CHECK(row.state == CheckState::kWarn);
  REQUIRE(row.problems.size() == 1);
  CHECK(row.problems.front().severity == "warn");
  CHECK(row.problems.front().short_error == "Migrating from MariaDB is still experimental.");
  CHECK(row.instruction ==
        "It is recommended that you upgrade MariaDB to 10.1.2 or a later version.");
  CHECK(row.extra == "address of db instance - 127.0.0.1:3306");
}

TEST_CASE("a precheck that failed is read out of DM's error, advice after it or not") {
  const auto result = ParseCheckResult(
      "[code=26005:class=dm-master:scope=internal:level=medium], Message: fail to check "
      "synchronization configuration with type: check was failed, please see detail\n detail: "
      R"({"results":[{"id":3,"name":"source db dump privilege checker","desc":"d","state":"fail",)"
      R"("errors":[{"severity":"fail","short_error":"lack of Select {\"global\"} privilege"}]}],)"
      R"("summary":{"passed":false,"total":2,"successful":1,"failed":1,"warning":0}})"
      ", Workaround: Please check the {detail}");
  REQUIRE(result.has_value());
  CHECK_FALSE(result->passed);
  CHECK(result->sentence ==
        "fail to check synchronization configuration with type: check was failed, please see "
        "detail");
  REQUIRE(result->rows.size() == 1);
  CHECK(result->rows.front().id == 3);
  CHECK(result->rows.front().state == CheckState::kFail);
  CHECK(result->rows.front().problems.front().short_error ==
        "lack of Select {\"global\"} privilege");
}

TEST_CASE("a precheck without anything to tell has a sentence only") {
  const auto result = ParseCheckResult("pre-check is passed. ");
  REQUIRE(result.has_value());
  CHECK(result->passed);
  CHECK(result->rows.empty());
  CHECK(result->sentence == "pre-check is passed.");
}

TEST_CASE("a row that failed outdoes a summary that says it passed") {
  const auto result = ParseCheckResult(
      R"(x detail: {"results":[{"name":"n","state":"fail"}],"summary":{"passed":true}})");
  REQUIRE(result.has_value());
  CHECK_FALSE(result->passed);
}

TEST_CASE("hostile results of a precheck are refused or cleaned") {
  for (const std::string& text :
       {std::string("detail:"), std::string("detail: {"), std::string("detail: []"),
        std::string("detail: }{"), std::string("detail: {\"results\":{}}"),
        std::string("detail: {\"results\":[1],\"summary\":{}}"),
        std::string("detail: {\"results\":[{\"name\":1}],\"summary\":{}}"),
        std::string("detail: {\"results\":[{\"id\":1.5}],\"summary\":{}}"),
        std::string("detail: {\"results\":[{\"errors\":[null]}],\"summary\":{}}"),
        std::string("detail: {\"summary\":{\"passed\":\"yes\"}}"),
        "detail: " + std::string(1 << 20, '{'), "detail: {\"x\":" + std::string(100'000, '[') + "}",
        "detail: {\"results\":\"" + std::string(9 << 20, 'x') + "\"}"}) {
    INFO(text.substr(0, 100));
    CHECK_FALSE(ParseCheckResult(text).has_value());
  }
  const auto result = ParseCheckResult(
      R"(detail: {"results":[{"name":"\u001b[31mred","instruction":"a\nb\u0007",)"
      R"("extra":"mysql://u:s3cret@h","state":"odd"}],"summary":{"total":9999999999999}})");
  REQUIRE(result.has_value());
  CHECK(result->rows.front().name == "[31mred");
  CHECK(result->rows.front().instruction == "a\nb");
  CHECK(result->rows.front().extra.find("s3cret") == std::string::npos);
}

}  // namespace
}  // namespace dmgr::dm
