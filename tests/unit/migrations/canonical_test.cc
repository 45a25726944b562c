// Configurations of a task that mean the same, whoever has written them.
#include <catch2/catch.hpp>
#include <string>

#include "server/migrations/config.h"

namespace dmgr::migrations {
namespace {

// As DM shows it, which gives parts names of its own and writes defaults out.
std::string Shown(const std::string& routes, const std::string& of_s1,
                  const std::string& more = "") {
  return "name: shop\ntask-mode: all\n" + more + "routes:\n" + routes +
         "filters: {}\nvalidators: {}\ntimezone: \"\"\n"
         "target-database: {host: t, port: 4000, user: r, password: '******'}\n"
         "mysql-instances:\n- source-id: s1\n  route-rules: [" +
         of_s1 + "]\n  filter-rules: []\n- source-id: s2\n";
}

constexpr char kTwoRoutes[] =
    "  route-01: {schema-pattern: a, target-schema: x}\n"
    "  route-02: {schema-pattern: b, target-schema: y}\n";

TEST_CASE("what parts of a task are called, and in which order they stand, makes no difference",
          "[migrations]") {
  const std::string shown = CanonicalTask(Shown(kTwoRoutes, "route-01, route-02"));
  REQUIRE_FALSE(shown.empty());
  const char* other_names =
      "  second: {target-schema: y, schema-pattern: b}\n"
      "  first: {schema-pattern: a, target-schema: x}\n";
  CHECK(CanonicalTask(Shown(other_names, "second, first")) == shown);
  CHECK(CanonicalTask("mysql-instances:\n- source-id: s2\n- {source-id: s1, route-rules: [p, q]}\n"
                      "routes:\n  p: {schema-pattern: a, target-schema: x}\n"
                      "  q: {schema-pattern: b, target-schema: y}\n"
                      "target-database: {host: t, port: 4000, user: r, password: '******'}\n"
                      "task-mode: all\nname: shop\n") == shown);
}

TEST_CASE("what a task does makes a difference", "[migrations]") {
  const std::string shown = CanonicalTask(Shown(kTwoRoutes, "route-01, route-02"));
  CHECK(CanonicalTask(Shown(kTwoRoutes, "route-01")) != shown);
  CHECK(CanonicalTask(Shown("  route-01: {schema-pattern: a, target-schema: z}\n"
                            "  route-02: {schema-pattern: b, target-schema: y}\n",
                            "route-01, route-02")) != shown);
  CHECK(CanonicalTask(Shown(kTwoRoutes, "route-01, route-02", "case-sensitive: true\n")) != shown);
}

TEST_CASE("a validation, and what a start says for once, make no difference", "[migrations]") {
  const std::string shown = CanonicalTask(Shown(kTwoRoutes, "route-01, route-02"));
  CHECK(CanonicalTask(Shown(kTwoRoutes, "route-01, route-02", "remove-meta: true\n")) == shown);
  std::string validated = Shown(kTwoRoutes, "route-01, route-02");
  validated.replace(validated.find("validators: {}"), 14, "validators: {v: {mode: full}}");
  validated += "  validator-config-name: v\n";
  CHECK(CanonicalTask(validated) == shown);
}

TEST_CASE("what is no configuration is like no other one", "[migrations]") {
  CHECK(CanonicalTask("").empty());
  CHECK(CanonicalTask("[1, 2]").empty());
  CHECK(CanonicalTask("name: [").empty());
  CHECK(CanonicalTask("mysql-instances: 5\n").empty());
}

}  // namespace
}  // namespace dmgr::migrations
