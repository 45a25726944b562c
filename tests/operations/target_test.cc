// Targets: stored, changed, shown without their secrets.
#include "server/operations/target/target.h"

#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/clusters/migration.h"
#include "server/operations/deploy/deploy.h"
#include "server/store/cluster_store.h"
#include "server/store/migration_store.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

constexpr char kWriting[] = "dm-test";
const Caller kDora{"dora"};

struct Targets {
  Targets() {
    v1::DeployClusterRequest request;
    request.set_cluster_name(kWriting);
    request.set_version("v7.5.1");
    *request.mutable_topology() = SampleTopology();
    Perform(&stage, [&] { return operations::DeployCluster(stage.resources(), request, kDora); });
  }
  static v1::Target Sample() {
    v1::Target target;
    target.set_cluster_name(kWriting);
    target.set_target_name("prod");
    target.set_host("tidb.example.com");
    target.set_user_name("root");
    target.set_password("hush");
    return target;
  }
  absl::Status Create(const v1::Target& target) {
    v1::CreateTargetRequest request;
    *request.mutable_target() = target;
    request.set_skip_checks(true);
    return operations::CreateTarget(stage.resources(), request, kDora,
                                    [](auto&, const auto&) { return absl::OkStatus(); });
  }
  absl::Status Update(const v1::Target& target) {
    v1::UpdateTargetRequest request;
    *request.mutable_target() = target;
    request.set_skip_checks(true);
    return operations::UpdateTarget(stage.resources(), request, kDora,
                                    [](auto&, const auto&) { return absl::OkStatus(); });
  }
  absl::Status Rollback(const std::string& name, std::int64_t revision) {
    v1::RollbackTargetRequest request;
    request.set_cluster_name(kWriting);
    request.set_target_name(name);
    request.set_revision(revision);
    request.set_skip_checks(true);
    return operations::RollbackTarget(stage.resources(), request, kDora,
                                      [](auto&, const auto&) { return absl::OkStatus(); });
  }
  absl::Status Delete(const std::string& name) {
    v1::DeleteTargetRequest request;
    request.set_cluster_name(kWriting);
    request.set_target_name(name);
    return operations::DeleteTarget(stage.resources(), request,
                                    [](auto&, const auto&) { return absl::OkStatus(); });
  }
  v1::Target Get(const std::string& name) {
    const auto target = operations::GetTarget(stage.resources(), kWriting, name);
    REQUIRE_OK(target.status());
    return *target;
  }
  std::string Uuid() {
    return store::Get(stage.database(),
                      [](store::Transaction& tx) { return store::GetCluster(tx, kWriting); })
        .cluster.uuid;
  }
  v1::Target Opened() {
    const auto target = clusters::LoadTarget(stage.resources(), Uuid(), "prod");
    REQUIRE_OK(target.status());
    return *target;
  }

  Stage stage;
};

TEST_CASE("a target is stored and shown without its secrets", "[runners]") {
  Targets play;
  REQUIRE_OK(play.Create(Targets::Sample()));
  CHECK(Reason(play.Create(Targets::Sample())) == "TARGET_EXISTS");
  const auto shown = play.Get("prod");
  CHECK(shown.cluster_name() == kWriting);
  CHECK(shown.port() == 4000);
  CHECK(shown.password().empty());
  CHECK(shown.revision() == 1);
  CHECK(shown.update_time().seconds() > 0);
  CHECK(play.Opened().password() == "hush");
  CHECK(test::Sql(play.stage.dsn(),
                  "SELECT count(*) FROM migration_object"
                  " WHERE details::text LIKE '%hush%'") == "0");
  CHECK(Reason(operations::GetTarget(play.stage.resources(), kWriting, "no").status()) ==
        "TARGET_NOT_FOUND");
}

TEST_CASE("an update keeps the password, and sends it nowhere else", "[runners]") {
  Targets play;
  REQUIRE_OK(play.Create(Targets::Sample()));
  auto target = Targets::Sample();
  target.clear_password();
  target.set_user_name("dm");
  target.set_revision(1);
  REQUIRE_OK(play.Update(target));
  CHECK(play.Opened().password() == "hush");
  CHECK(play.Get("prod").user_name() == "dm");
  CHECK(play.Get("prod").revision() == 2);
  CHECK(Reason(play.Update(target)) == "MIGRATION_CHANGED");
  target.clear_revision();
  target.set_host("evil.example.com");
  CHECK(Reason(play.Update(target)) == "HIDDEN_SECRET");
  target.set_password("other");
  REQUIRE_OK(play.Update(target));
  CHECK(play.Opened().password() == "other");
}

TEST_CASE("a target becomes what it was, its password too", "[runners]") {
  Targets play;
  REQUIRE_OK(play.Create(Targets::Sample()));
  auto target = Targets::Sample();
  target.set_host("other.example.com");
  target.set_password("of-the-other");
  REQUIRE_OK(play.Update(target));
  CHECK(play.Opened().password() == "of-the-other");

  CHECK(Reason(play.Rollback("no", 1)) == "TARGET_NOT_FOUND");
  CHECK(Reason(play.Rollback("prod", 9)) == "REVISION_NOT_FOUND");
  CHECK(Reason(play.Rollback("prod", 2)) == "REVISION_IN_EFFECT");
  REQUIRE_OK(play.Rollback("prod", 1));
  CHECK(play.Get("prod").host() == Targets::Sample().host());
  CHECK(play.Get("prod").revision() == 3);
  CHECK(play.Opened().password() == "hush");

  const auto& resources = play.stage.resources();
  const auto revisions = operations::ListTargetRevisions(resources, kWriting, "prod");
  REQUIRE_OK(revisions.status());
  REQUIRE(revisions->size() == 3);
  CHECK(revisions->front().current());
  CHECK(revisions->front().user_name() == "dora");
  CHECK_FALSE(revisions->front().has_target());
  v1::GetTargetRevisionRequest get;
  get.set_cluster_name(kWriting);
  get.set_target_name("prod");
  get.set_revision(2);
  const auto second = operations::GetTargetRevision(resources, get);
  REQUIRE_OK(second.status());
  CHECK_FALSE(second->current());
  CHECK(second->target().host() == "other.example.com");
  CHECK(second->target().password().empty());
  get.set_target_name("no");
  CHECK(Reason(operations::GetTargetRevision(resources, get).status()) == "TARGET_NOT_FOUND");
  CHECK(Reason(operations::ListTargetRevisions(resources, kWriting, "no").status()) ==
        "TARGET_NOT_FOUND");
}

TEST_CASE("a target that is wrong is refused with all its mistakes", "[runners]") {
  Targets play;
  auto target = Targets::Sample();
  target.set_target_name("-");
  target.set_host("a b");
  target.set_port(70000);
  target.clear_user_name();
  target.set_client_certificate("x");
  const auto refused = play.Create(target);
  CHECK(Reason(refused) == "TARGET_INVALID");
  CHECK(FieldViolations(refused).field_violations_size() == 7);
}

TEST_CASE("a target that a task names stays", "[runners]") {
  Targets play;
  REQUIRE_OK(play.Create(Targets::Sample()));
  const store::MigrationKey task{play.Uuid(), store::MigrationKind::kTask, "shop"};
  REQUIRE_OK(play.stage.database().Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(
        store::InsertRevision(tx, task, {.revision = 1, .sealed_config = "", .user_name = "u"}));
    return store::SetMigration(tx, {.key = task,
                                    .config = {.revision = 1},
                                    .wanted = store::Wanted::kRunning,
                                    .target_name = "prod"});
  }));
  CHECK(play.Get("prod").task_names_size() == 1);
  const auto listed = operations::ListTargets(play.stage.resources(), kWriting, "", 10);
  REQUIRE_OK(listed.status());
  REQUIRE(listed->size() == 1);
  CHECK(listed->at(0).task_names(0) == "shop");
  CHECK(operations::ListTargets(play.stage.resources(), kWriting, "prod", 10)->empty());
  CHECK(Reason(play.Delete("prod")) == "TARGET_IN_USE");
  REQUIRE_OK(play.stage.database().Transact(
      [&](store::Transaction& tx) { return store::ForgetMigration(tx, task); }));
  REQUIRE_OK(play.Delete("prod"));
  CHECK(Reason(play.Delete("prod")) == "TARGET_NOT_FOUND");
}

}  // namespace
}  // namespace dmgr::test
