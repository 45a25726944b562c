// Targets and sources over the API: who may, what is kept, what is never shown.
#include "common/ids.h"
#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/source_service.pb.h"
#include "dmgr/v1/target_service.pb.h"
#include "tests/rpc/calls.h"

namespace dmgr::testing {
namespace {

constexpr char kSecret[] = "a secret of a database";

v1::CreateTargetRequest TargetOf(const std::string& cluster, const std::string& name) {
  v1::CreateTargetRequest request;
  auto* target = request.mutable_target();
  target->set_cluster_name(cluster);
  target->set_target_name(name);
  target->set_host("tidb.example.com");
  target->set_user_name("root");
  target->set_password(kSecret);
  request.set_skip_checks(true);
  request.set_request_id(NewUuid());
  return request;
}

v1::ListTargetsRequest TargetsOf(const std::string& cluster) {
  v1::ListTargetsRequest request;
  request.set_cluster_name(cluster);
  return request;
}

TEST_CASE("a target is made, listed in pages, changed and deleted", "[rpc][migrations]") {
  AddCluster("with-targets");
  for (const char* name : {"c", "a", "b"}) {
    Must<v1::CreateTargetResponse>(TargetOf("with-targets", name));
  }
  auto list = TargetsOf("with-targets");
  list.set_page_size(2);
  const auto first = Must<v1::ListTargetsResponse>(list);
  REQUIRE(first.targets_size() == 2);
  CHECK(first.targets(0).target_name() == "a");
  list.set_page_token(first.next_page_token());
  const auto second = Must<v1::ListTargetsResponse>(list);
  REQUIRE(second.targets_size() == 1);
  CHECK(second.targets(0).target_name() == "c");
  CHECK(second.next_page_token().empty());

  v1::UpdateTargetRequest update;
  *update.mutable_target() = second.targets(0);
  update.mutable_target()->set_user_name("dm");
  update.set_skip_checks(true);
  CHECK(Must<v1::UpdateTargetResponse>(update).target().revision() == 2);
  CHECK(Reason(CallAs<v1::UpdateTargetResponse>(Daemon().Token(), update).status()) ==
        "MIGRATION_CHANGED");
  v1::DeleteTargetRequest remove;
  remove.set_cluster_name("with-targets");
  remove.set_target_name("c");
  remove.set_validate_only(true);
  Must<v1::DeleteTargetResponse>(remove);
  remove.set_validate_only(false);
  Must<v1::DeleteTargetResponse>(remove);
  CHECK(Reason(CallAs<v1::DeleteTargetResponse>(Daemon().Token(), remove).status()) ==
        "TARGET_NOT_FOUND");
}

TEST_CASE("a target's password is in no answer, no log and no other column", "[rpc][migrations]") {
  AddCluster("with-secrets");
  const auto create = TargetOf("with-secrets", "prod");
  const auto made = Must<v1::CreateTargetResponse>(create);
  CHECK(made.DebugString().find(kSecret) == std::string::npos);
  CHECK(Must<v1::CreateTargetResponse>(create).SerializeAsString() == made.SerializeAsString());
  CHECK(Must<v1::ListTargetsResponse>(TargetsOf("with-secrets")).DebugString().find(kSecret) ==
        std::string::npos);
  const std::string pattern = std::string("'%") + kSecret + "%'";
  for (const char* table : {"migration_object", "migration_revision", "api_request", "audit_log"}) {
    INFO(table);
    CHECK(Sql(std::string("SELECT count(*) FROM ") + table + " t WHERE t::text LIKE " + pattern) ==
          "0");
  }
  CHECK(Sql("SELECT DISTINCT target FROM audit_log WHERE method LIKE '%CreateTarget'"
            " AND target LIKE 'with-secrets/%'") == "with-secrets/prod");
}

TEST_CASE("a target whose database dmgrd cannot ask is refused, and nothing is kept of it",
          "[rpc][migrations]") {
  AddCluster("with-checks");
  auto create = TargetOf("with-checks", "prod");
  create.set_skip_checks(false);
  // Nobody listens there.
  create.mutable_target()->set_host("127.0.0.1");
  create.mutable_target()->set_port(1);
  const auto refused = CallAs<v1::CreateTargetResponse>(Daemon().Token(), create).status();
  CHECK(Reason(refused) == "DATABASE_UNREACHABLE");
  CHECK(Metadata(refused, "database") == "127.0.0.1:1");
  CHECK_THAT(Metadata(refused, "remedy"), Catch::Contains("skip_checks"));
  CHECK_THAT(refused.ToString(), !Catch::Contains(kSecret));
  CHECK(Must<v1::ListTargetsResponse>(TargetsOf("with-checks")).targets_size() == 0);

  create.set_request_id(NewUuid());
  create.set_skip_checks(true);
  v1::UpdateTargetRequest update;
  *update.mutable_target() = Must<v1::CreateTargetResponse>(create).target();
  CHECK(Reason(CallAs<v1::UpdateTargetResponse>(Daemon().Token(), update).status()) ==
        "DATABASE_UNREACHABLE");
  CHECK(Must<v1::ListTargetsResponse>(TargetsOf("with-checks")).targets(0).revision() == 1);
}

TEST_CASE("who only reads makes no target, nor does who is of another cluster",
          "[rpc][migrations]") {
  AddCluster("of-others");
  const auto as = [&](const std::string& token) {
    return CallAs<v1::CreateTargetResponse>(token, TargetOf("of-others", "t")).status();
  };
  CHECK(absl::IsPermissionDenied(as(NewSession(v1::ROLE_VIEWER))));
  v1::User user;
  user.set_name("of-none-of-them");
  *user.add_grants() = GrantOf(v1::ROLE_OPERATOR, "another-one");
  AddUser(user);
  CHECK(Reason(as(NewSessionOf("of-none-of-them"))) == "CLUSTER_NOT_FOUND");
  CHECK(Must<v1::ListTargetsResponse>(TargetsOf("of-others")).targets_size() == 0);
  CHECK(as(NewSession(v1::ROLE_OPERATOR)).ok());
}

TEST_CASE("a source is read before DM is asked, and nothing is kept when DM cannot be",
          "[rpc][migrations]") {
  AddCluster("with-sources");
  v1::CreateSourceRequest create;
  create.set_cluster_name("with-sources");
  const auto reason = [&](const std::string& yaml) {
    create.set_config_yaml(yaml);
    return Reason(CallAs<v1::CreateSourceResponse>(Daemon().Token(), create).status());
  };
  CHECK(reason("source-id: s1\n") == "CONFIG_INVALID");
  CHECK(reason("#" + std::string(1 << 20, 'x')) == "FIELD_TOO_LONG");
  const std::string good = "source-id: s1\nfrom: {host: db, port: 3306, user: u, password: p}\n";
  CHECK(reason(good + "#" + std::string(300'000, 'x')) == "DM_UNAVAILABLE");
  CHECK(Sql("SELECT count(*) FROM migration_revision WHERE kind = 'source'") == "0");

  v1::ListSourcesRequest list;
  list.set_cluster_name("with-sources");
  CHECK(Reason(CallAs<v1::ListSourcesResponse>(Daemon().Token(), list).status()) ==
        "DM_UNAVAILABLE");
  list.set_recorded_only(true);
  CHECK(Must<v1::ListSourcesResponse>(list).sources_size() == 0);
}

}  // namespace
}  // namespace dmgr::testing
