// Roles for everything and for some clusters, of a user and of a token.
#include "server/auth/rights.h"

#include <catch2/catch.hpp>

namespace dmgr::auth {
namespace {

v1::Grant GrantFor(v1::Role role, const std::string& cluster) {
  v1::Grant grant;
  grant.set_role(role);
  if (!cluster.empty()) grant.add_cluster_names(cluster);
  return grant;
}

TEST_CASE("a role for some clusters is none for others, and a viewer's for what is of none") {
  v1::Grant by_label = GrantFor(v1::ROLE_VIEWER, "");
  (*by_label.mutable_labels())["env"] = "test";
  (*by_label.mutable_labels())["team"] = "orders";
  const Rights rights(Roles{.grants = {GrantFor(v1::ROLE_OPERATOR, "mine"), by_label}});
  Labels labels;
  CHECK(rights.ForCluster("mine", labels) == v1::ROLE_OPERATOR);
  CHECK(rights.ForCluster("other", labels) == v1::ROLE_UNSPECIFIED);
  labels["env"] = "test";
  CHECK(rights.ForCluster("other", labels) == v1::ROLE_UNSPECIFIED);
  labels["team"] = "orders";
  CHECK(rights.ForCluster("other", labels) == v1::ROLE_VIEWER);
  CHECK(rights.ForCluster("mine", labels) == v1::ROLE_OPERATOR);
  CHECK(rights.WithoutCluster() == v1::ROLE_VIEWER);
  CHECK(rights.Highest() == v1::ROLE_OPERATOR);
  CHECK_FALSE(rights.SeesAll());
  // A role for everything and a higher one for some.
  const Rights both(
      Roles{.everywhere = v1::ROLE_VIEWER, .grants = {GrantFor(v1::ROLE_ADMIN, "mine")}});
  CHECK(both.ForCluster("mine", {}) == v1::ROLE_ADMIN);
  CHECK(both.ForCluster("other", {}) == v1::ROLE_VIEWER);
  CHECK(both.WithoutCluster() == v1::ROLE_VIEWER);
  CHECK(both.SeesAll());
  // Nothing is no right.
  CHECK(Rights().WithoutCluster() == v1::ROLE_UNSPECIFIED);
  CHECK(Rights().ForCluster("", {}) == v1::ROLE_UNSPECIFIED);
}

TEST_CASE("a token does what both it and its user may") {
  const Roles admin = {.everywhere = v1::ROLE_ADMIN};
  const Roles of_mine = {.grants = {GrantFor(v1::ROLE_OPERATOR, "mine")}};
  const Rights narrow(admin, of_mine);
  CHECK(narrow.ForCluster("mine", {}) == v1::ROLE_OPERATOR);
  CHECK(narrow.ForCluster("other", {}) == v1::ROLE_UNSPECIFIED);
  CHECK(narrow.WithoutCluster() == v1::ROLE_VIEWER);
  CHECK(narrow.Everywhere() == v1::ROLE_UNSPECIFIED);
  // The user was an admin when it was made.
  const Rights demoted(of_mine, admin);
  CHECK(demoted.ForCluster("mine", {}) == v1::ROLE_OPERATOR);
  CHECK(demoted.ForCluster("other", {}) == v1::ROLE_UNSPECIFIED);
  CHECK(demoted.Highest() == v1::ROLE_OPERATOR);
  const Rights apart(of_mine, Roles{.grants = {GrantFor(v1::ROLE_ADMIN, "other")}});
  CHECK(apart.ForCluster("mine", {}) == v1::ROLE_UNSPECIFIED);
  CHECK(apart.ForCluster("other", {}) == v1::ROLE_UNSPECIFIED);
}

}  // namespace
}  // namespace dmgr::auth
