#include "server/rpc/hidden_names.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"

namespace dmgr::rpc {
namespace {

TEST_CASE("a name is taken out where it is said to be a cluster's, and nowhere else") {
  const std::set<std::string> names = {"prod", "prod.eu", "a-b"};
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"x of cluster prod, which runs", "x of another cluster, which runs"},
           {"cluster prod has it", "another cluster has it"},
           {"cluster production, cluster prod2", "cluster production, cluster prod2"},
           {"cluster prod.eu has it, cluster prod.us not",
            "another cluster has it, cluster prod.us not"},
           {"in cluster prod. Or in cluster a-b...",
            "in another cluster. Or in another cluster..."},
           {"my-cluster prod", "my-cluster prod"},
           // It may be what the caller has sent.
           {"no machine prod", "no machine prod"},
           {"", ""}}) {
    CHECK(WithoutNames(names, text) == expected);
  }
}

TEST_CASE("a name is in no part of an error that it was taken out of") {
  const absl::Status status =
      Error(absl::StatusCode::kFailedPrecondition, "PORT_TAKEN", "cluster prod has the port")
          .With("cluster", "prod")
          .Field("topology", "is of cluster prod")
          .Remedy("ask whoever has cluster prod")
          .Next(v1::ACTION_LIST_CLUSTERS, {{"cluster_name", "prod"}});
  REQUIRE(ToProto(status).SerializeAsString().find("prod") != std::string::npos);
  const absl::Status hidden = WithoutNames({"prod"}, status);
  CHECK(ToProto(hidden).SerializeAsString().find("prod") == std::string::npos);
  CHECK(Reason(hidden) == "PORT_TAKEN");
  CHECK(Message(hidden) == "another cluster has the port");
  CHECK(Metadata(hidden, "cluster") == "another cluster");
  REQUIRE(NextActionsOf(hidden).size() == 1);
  CHECK(WithoutNames({}, status) == status);
}

}  // namespace
}  // namespace dmgr::rpc
