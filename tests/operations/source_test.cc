// Sources: what DM gets of them, forward, undone and repeated, and what is refused.
#include "server/operations/source/source.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/clusters/migration.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/service/service.h"
#include "server/store/cluster_store.h"
#include "tests/operations/migrating.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

TEST_CASE("a source is created, changed, moved and deleted", "[runners]") {
  Migrating play;
  play.Rehearse(play.Creating(SourceYaml("s1", "db1"), "worker-3"));
  CHECK_THAT(play.dm().State(), Catch::Contains("source s1 on worker-3: source-id: s1"));
  CHECK_THAT(play.dm().State(), Catch::Contains("pa55  # of the shop"));
  auto source = play.Get("s1");
  CHECK(source.config_yaml() == SourceYaml("s1", "db1", "\"******\""));
  CHECK(source.worker_name() == "worker-3");
  CHECK(source.user_name() == "alice");
  CHECK_FALSE(source.missing());
  CHECK_FALSE(source.foreign());
  const auto revision = source.revision();

  play.Rehearse(play.Updating(source.config_yaml() + "enable-gtid: true\n", revision));
  source = play.Get("s1");
  CHECK(source.revision() > revision);
  CHECK_THAT(play.dm().State(), Catch::Contains("pa55\"  # of the shop\nenable-gtid: true"));
  CHECK(Reason(play.Updating(source.config_yaml(), revision)().status()) == "MIGRATION_CHANGED");

  play.Rehearse(play.Moving("s1", "worker-2"));
  CHECK(play.Get("s1").worker_name() == "worker-2");

  play.Rehearse(play.Relaying("s1", true));
  CHECK_THAT(play.dm().State(), Catch::Contains("relay of s1\n"));
  INFO("what is so already is left alone, by an undo too");
  play.Rehearse(play.Relaying("s1", true));
  play.Rehearse(play.Purging("s1", "mysql-bin.000007"));
  CHECK_THAT(play.dm().State(), Catch::Contains("relay of s1 from mysql-bin.000007"));
  play.Rehearse(play.Relaying("s1", false));
  play.Rehearse(play.Relaying("s1", true, {"worker-3", "worker-2"}));
  play.Rehearse(play.Relaying("s1", false, {"worker-3"}));
  CHECK_THAT(play.dm().State(), Catch::Contains("relay of s1 on worker-2"));
  CHECK_THAT(play.dm().State(), !Catch::Contains("relay of s1 on worker-3"));
  play.Rehearse(play.Relaying("s1", false, {"worker-3", "worker-2"}));

  play.dm().AddForeign(SourceYaml("theirs", "db9", "'p#55: x'"));
  CHECK(play.Get("theirs").foreign());
  const auto dm = play.dm().State();
  play.Rehearse(play.Adopting("theirs"));
  CHECK(play.dm().State() == dm);
  source = play.Get("theirs");
  CHECK_FALSE(source.foreign());
  CHECK_THAT(source.config_yaml(), Catch::Contains("host: \"db9\""));
  CHECK_THAT(source.config_yaml(), Catch::Contains("password: \"******\""));
  INFO("its password is the one that DM has, also when what is recorded is given to DM");
  Perform(&play.stage, play.Updating(source.config_yaml()));
  CHECK_THAT(play.dm().State(), Catch::Contains("password: \"p#55: x\""));
  play.Rehearse(play.Updating(source.config_yaml() + "case-sensitive: true\n"));
  CHECK_THAT(play.dm().State(), Catch::Contains("password: \"p#55: x\""));
  Perform(&play.stage, play.Deleting("theirs"));

  play.Rehearse(play.Deleting("s1"));
  CHECK(play.List().empty());
  CHECK_THAT(play.dm().State(), !Catch::Contains("source "));
  CHECK(play.cast == RunnersOfSources());
}

TEST_CASE("an answer that was lost does not count against what was done", "[runners]") {
  Migrating play;
  play.dm().LoseNextAnswer();
  const auto lost = PerformToFailure(&play.stage, play.Creating(SourceYaml("s1", "db1")));
  CHECK(Reason(lost) == "DM_UNAVAILABLE");
  CHECK_THAT(play.dm().State(), Catch::Contains("source s1"));
  INFO("the source is there, and not recorded: it is not taken for another one's");
  const auto sources = play.List({.recorded_only = true});
  CHECK(sources.empty());
}

TEST_CASE("what DM could not take, or somebody would lose, is refused before anything changes",
          "[runners]") {
  Migrating play;
  Perform(&play.stage, play.Creating(SourceYaml("s1", "db1")));
  play.dm().AddForeign(SourceYaml("theirs", "db9"));
  const auto before = play.stage.Look();
  const auto reason = [](const Ask& ask) { return Reason(ask().status()); };

  CHECK(reason(play.Creating(SourceYaml("s1", "db2"))) == "SOURCE_EXISTS");
  CHECK(reason(play.Creating(SourceYaml("theirs", "db2"))) == "SOURCE_EXISTS");
  CHECK(reason(play.Creating(SourceYaml("s2", "db1"))) == "DATABASE_TAKEN");
  CHECK(reason(play.Creating(SourceYaml("s2", "db9"))) == "DATABASE_TAKEN");
  CHECK(reason(play.Creating(SourceYaml("s2", "db2", "'******'"))) == "HIDDEN_SECRET");
  CHECK(reason(play.Creating("source-id: s2\n")) == "CONFIG_INVALID");
  CHECK(reason(play.Creating(SourceYaml("s2", "db2"), "worker-2")) == "WORKER_NOT_FREE");
  CHECK(reason(play.Creating(SourceYaml("s2", "db2"), "worker-7")) == "WORKER_NOT_FREE");
  CHECK(reason(play.Updating(SourceYaml("s3", "db3"))) == "SOURCE_NOT_FOUND");
  CHECK(reason(play.Updating(SourceYaml("theirs", "db9"))) == "SOURCE_FOREIGN");
  CHECK(reason(play.Updating(SourceYaml("s1", "db2", "'******'"))) == "HIDDEN_SECRET");
  CHECK(reason(play.Updating(SourceYaml("s1", "db9"))) == "DATABASE_TAKEN");
  CHECK(reason(play.Deleting("s3")) == "SOURCE_NOT_FOUND");
  CHECK(reason(play.Deleting("theirs")) == "SOURCE_FOREIGN");
  CHECK(reason(play.Moving("s3", "worker-3")) == "SOURCE_NOT_FOUND");
  CHECK(reason(play.Moving("s1", "worker-7")) == "WORKER_NOT_FREE");
  CHECK(reason(play.Relaying("s3", true)) == "SOURCE_NOT_FOUND");
  CHECK(reason(play.Relaying("s1", true, {"worker-7"})) == "WORKER_NOT_FREE");
  CHECK(reason(play.Purging("s1", "mysql-bin.000001")) == "RELAY_MISSING");
  CHECK(reason(play.Purging("s1", "../x")) == "RELAY_FILE_INVALID");
  CHECK(reason(play.Adopting("s1")) == "SOURCE_KNOWN");
  CHECK(reason(play.Adopting("s3")) == "SOURCE_NOT_FOUND");

  play.Start("shop", "s1");
  CHECK(reason(play.Updating(SourceYaml("s1", "db1"))) == "SOURCE_IN_USE");
  CHECK(reason(play.Deleting("s1")) == "SOURCE_IN_USE");
  REQUIRE_OK(play.dm().DeleteTask({}, "shop", {}).status());
  CHECK(Difference(before, play.stage.Look()) == "");
}

TEST_CASE("sources are listed as they are recorded and as DM has them", "[runners]") {
  Migrating play;
  Perform(&play.stage, play.Creating(SourceYaml("s2", "db2")));
  Perform(&play.stage, play.Creating(SourceYaml("s1", "db1")));
  play.dm().AddForeign(SourceYaml("theirs", "db9"));
  play.Start("shop", "s1");
  REQUIRE_OK(play.dm().StopSource({}, "s2", {}));
  auto sources = play.List();
  REQUIRE(sources.size() == 3);
  CHECK(sources[0].source_id() == "s1");
  CHECK(sources[0].task_names_size() == 1);
  CHECK(sources[1].missing());
  CHECK(sources[1].revision() == 1);
  CHECK(sources[2].foreign());
  CHECK(sources[2].config_yaml().empty());
  CHECK(play.List({.after = "s1", .limit = 1}).at(0).source_id() == "s2");
  CHECK(play.List({.recorded_only = true}).size() == 2);
  CHECK(Reason(operations::GetSource(play.stage.resources(), kMigrating, "no").status()) ==
        "SOURCE_NOT_FOUND");

  INFO("one that DM has lost is brought back by creating it again, its password as it was");
  CHECK(Reason(play.Updating(SourceYaml("s2", "db2"))().status()) == "SOURCE_MISSING");
  play.Rehearse(play.Creating(SourceYaml("s2", "db2", "'******'")));
  CHECK_FALSE(play.Get("s2").missing());
  CHECK_THAT(play.dm().State(), Catch::Contains("password: \"pa55\""));
}

TEST_CASE("a source gets an earlier configuration again, which is a new revision", "[runners]") {
  Migrating play;
  Perform(&play.stage, play.Creating(SourceYaml("s1", "db1", "pa55-of-the-first")));
  Perform(&play.stage, play.Updating(SourceYaml("s1", "db2", "pa55-of-the-second")));
  v1::RollbackSourceRequest request;
  request.set_skip_checks(true);
  const auto back = [&](const std::string& source, std::int64_t revision) {
    request.set_source_id(source);
    request.set_revision(revision);
    return play.By(operations::RollbackSource, request);
  };
  CHECK(Reason(back("s9", 1)().status()) == "SOURCE_NOT_FOUND");
  CHECK(Reason(back("s1", 9)().status()) == "REVISION_NOT_FOUND");
  CHECK(Reason(back("s1", 2)().status()) == "REVISION_IN_EFFECT");
  Perform(&play.stage, play.Creating(SourceYaml("s2", "db1")));
  CHECK(Reason(back("s1", 1)().status()) == "DATABASE_TAKEN");
  Perform(&play.stage, play.Deleting("s2"));
  play.Start("shop", "s1");
  CHECK(Reason(back("s1", 1)().status()) == "SOURCE_IN_USE");
  REQUIRE_OK(play.dm().DeleteTask({}, "shop", {}).status());
  play.Rehearse(back("s1", 1));
  CHECK_THAT(play.dm().State(), Catch::Contains("host: db1") &&
                                    Catch::Contains("password: pa55-of-the-first") &&
                                    !Catch::Contains("db2"));

  const auto& resources = play.stage.resources();
  const auto revisions = operations::ListSourceRevisions(resources, kMigrating, "s1");
  REQUIRE_OK(revisions.status());
  REQUIRE(revisions->size() == 3);
  CHECK(revisions->front().current());
  CHECK(revisions->front().user_name() == "alice");
  for (const auto& one : *revisions) {
    CHECK_FALSE(one.operation_id().empty());
    CHECK(one.config_yaml().empty());
  }
  v1::GetSourceRevisionRequest get;
  get.set_cluster_name(kMigrating);
  get.set_source_id("s1");
  get.set_revision(2);
  const auto second = operations::GetSourceRevision(resources, get);
  REQUIRE_OK(second.status());
  CHECK_FALSE(second->current());
  CHECK_THAT(second->config_yaml(), Catch::Contains("host: db2") && !Catch::Contains("pa55-of"));
  get.set_revision(0);
  CHECK(operations::GetSourceRevision(resources, get)->current());
  get.set_source_id("other");
  CHECK(Reason(operations::GetSourceRevision(resources, get).status()) == "SOURCE_NOT_FOUND");
  CHECK(Reason(operations::ListSourceRevisions(resources, kMigrating, "other").status()) ==
        "SOURCE_NOT_FOUND");
}

TEST_CASE("no plan of a source holds its password", "[runners]") {
  Migrating play;
  v1::CreateSourceRequest request;
  request.set_config_yaml(SourceYaml("s1", "db1", "very-secret"));
  request.set_skip_checks(true);
  Perform(&play.stage, play.By(operations::CreateSource, request));
  const std::string all =
      test::Sql(play.stage.dsn(),
                "SELECT string_agg(t::text, '') FROM (SELECT payload::text || result::text AS t"
                " FROM operation_step UNION ALL SELECT encode(request, 'escape') FROM operation"
                " UNION ALL SELECT details::text FROM migration_object) all_of_it");
  CHECK_THAT(all, Catch::Contains("s1"));
  CHECK_THAT(all, !Catch::Contains("very-secret"));
}

}  // namespace
}  // namespace dmgr::test
