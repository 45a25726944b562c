// Sources and targets whose databases are there: Debian's MariaDB, asked before they are stored.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/operations/target/target.h"
#include "tests/migrations/mariadb.h"
#include "tests/operations/migrating.h"

namespace dmgr::test {
namespace {

constexpr char kDatabasePassword[] = "pa55-of-a-database";

std::string UserOf(const std::string& name, const std::string& privileges) {
  return fmt::format("GRANT {} ON *.* TO {} IDENTIFIED BY '{}'", privileges, name,
                     kDatabasePassword);
}

// With all that DM needs, but for what a test leaves out.
testing::Mariadb Replicating(const std::string& format = "ROW") {
  return {
      {"--log-bin=bin", "--server-id=7", "--binlog-format=" + format, "--binlog-row-image=FULL"},
      {UserOf("dm", "SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT"),
       UserOf("writer", "ALL PRIVILEGES"), UserOf("few", "SELECT")}};
}

v1::CreateSourceRequest CreationAt(const databases::Account& account, const std::string& id) {
  v1::CreateSourceRequest request;
  request.set_cluster_name(kMigrating);
  request.set_config_yaml(
      fmt::format("source-id: {}\nfrom:\n  host: {}\n  port: {}\n  user: {}\n  password: {}\n", id,
                  account.host, account.port, account.user, account.password.text()));
  return request;
}

absl::StatusOr<v1::CreateSourceResponse> CreateAt(Migrating& play,
                                                  const v1::CreateSourceRequest& request) {
  return operations::CreateSource(play.stage.resources(), request, Caller{"alice"});
}

std::string KeptOf(Migrating& play, const std::string& kind) {
  return test::Sql(play.stage.dsn(),
                   "SELECT count(*) FROM migration_revision WHERE kind = '" + kind + "'");
}

TEST_CASE("a source is stored when its database is as DM needs it, with what may be in the way",
          "[runners][databases]") {
  const testing::Mariadb database = Replicating();
  Migrating play;
  auto request = CreationAt(database.AccountOf("dm", kDatabasePassword), "s1");
  request.set_validate_only(true);
  const auto checked = CreateAt(play, request);
  REQUIRE_OK(checked.status());
  REQUIRE(checked->warnings_size() == 1);
  CHECK(checked->warnings(0).check_name() == "version");
  CHECK(checked->warnings(0).result() == v1::DATABASE_CHECK_RESULT_WARN);
  CHECK(KeptOf(play, "source") == "0");

  request.set_validate_only(false);
  Perform(&play.stage, play.By(operations::CreateSource, request));
  CHECK(play.Get("s1").revision() == 1);

  INFO("an update asks with the password that there is");
  v1::UpdateSourceRequest update;
  update.set_config_yaml(play.Get("s1").config_yaml() + "enable-gtid: true\n");
  Perform(&play.stage, play.By(operations::UpdateSource, update));
  CHECK(play.Get("s1").revision() == 2);
}

TEST_CASE("a source whose database is not as DM needs it is refused with what to set",
          "[runners][databases]") {
  const testing::Mariadb database = Replicating("STATEMENT");
  Migrating play;
  const auto refused =
      CreateAt(play, CreationAt(database.AccountOf("few", kDatabasePassword), "s1")).status();
  INFO(refused.ToString());
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(Reason(refused) == "DATABASE_NOT_READY");
  CHECK_THAT(std::string(Message(refused)),
             Catch::Contains("of source s1") &&
                 Catch::Contains("binlog_format: STATEMENT, set binlog_format=ROW") &&
                 Catch::Contains("GRANT REPLICATION SLAVE, REPLICATION CLIENT, RELOAD"));
  CHECK_THAT(Metadata(refused, "remedy"), Catch::Contains("skip_checks"));

  const auto kept_out =
      CreateAt(play, CreationAt(database.AccountOf("dm", "wr0ng-one"), "s1")).status();
  CHECK(Reason(kept_out) == "DATABASE_LOGIN");
  CHECK_THAT(Metadata(kept_out, "remedy"), Catch::Contains("skip_checks"));
  for (const auto& status : {refused, kept_out}) {
    CHECK_THAT(status.ToString(),
               !Catch::Contains(kDatabasePassword) && !Catch::Contains("wr0ng-one"));
  }
  CHECK(KeptOf(play, "source") == "0");

  auto anyway = CreationAt(database.AccountOf("few", kDatabasePassword), "s1");
  anyway.set_skip_checks(true);
  Perform(&play.stage, play.By(operations::CreateSource, anyway));
  CHECK(play.Get("s1").revision() == 1);
}

TEST_CASE("a target is stored when its database takes what DM writes", "[runners][databases]") {
  const testing::Mariadb database = Replicating();
  Migrating play;
  v1::CreateTargetResponse created;
  v1::UpdateTargetResponse updated;
  const auto create = [&](const std::string& user) {
    const auto account = database.AccountOf(user, kDatabasePassword);
    v1::CreateTargetRequest request;
    request.mutable_target()->set_cluster_name(kMigrating);
    request.mutable_target()->set_target_name("prod");
    request.mutable_target()->set_host(account.host);
    request.mutable_target()->set_port(account.port);
    request.mutable_target()->set_user_name(user);
    request.mutable_target()->set_password(kDatabasePassword);
    return operations::CreateTarget(play.stage.resources(), request, Caller{"alice"},
                                    [&](auto&, const google::protobuf::Message& response) {
                                      created.CopyFrom(response);
                                      return absl::OkStatus();
                                    });
  };
  const auto refused = create("dm");
  CHECK(Reason(refused) == "DATABASE_NOT_READY");
  CHECK_THAT(std::string(Message(refused)),
             Catch::Contains("of target prod") && Catch::Contains("without INSERT, UPDATE"));
  CHECK(KeptOf(play, "target") == "0");
  REQUIRE_OK(create("writer"));
  REQUIRE(created.warnings_size() == 1);
  CHECK(created.warnings(0).check_name() == "version");

  const auto update = [&](const std::string& user) {
    v1::UpdateTargetRequest request;
    *request.mutable_target() = created.target();
    request.mutable_target()->set_user_name(user);
    return operations::UpdateTarget(play.stage.resources(), request, Caller{"alice"},
                                    [&](auto&, const google::protobuf::Message& response) {
                                      updated.CopyFrom(response);
                                      return absl::OkStatus();
                                    });
  };
  INFO("its password is the one that it has");
  CHECK(Reason(update("few")) == "DATABASE_NOT_READY");
  REQUIRE_OK(update("writer"));
  CHECK(updated.target().revision() == 2);
  CHECK(updated.warnings_size() == 1);
}

}  // namespace
}  // namespace dmgr::test
