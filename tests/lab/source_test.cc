// Sources of a cluster on real hosts: made, moved, changed and deleted, also when dmgrd is killed.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "common/error.h"
#include "common/grpc_status.h"
#include "dmgr/v1/source_service.pb.h"
#include "tests/lab/migrating.h"
#include "tests/lab/site.h"
#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

constexpr char kPassword[] = "pa55-of-the-shop";

std::string SourceYaml(const std::string& id, int port, const std::string& password = kPassword) {
  return fmt::format(
      "# {0}\nsource-id: {0}\nfrom:\n  host: 127.0.0.1\n  port: {1}\n  user: repl\n"
      "  password: \"{2}\"\n",
      id, port, password);
}

// The call that takes this request, as the admin. Only one method of a service has it.
template <typename Response, typename Request>
absl::StatusOr<Response> CallOf(Site& site, Request request) {
  request.set_cluster_name(kDemo);
  const auto* service = Request::descriptor()->file()->service(0);
  for (int i = 0; i < service->method_count(); ++i) {
    const auto* method = service->method(i);
    if (method->input_type() != Request::descriptor()) continue;
    const RawAnswer answer =
        RawCall(site.daemon().address(), service->full_name() + "/" + method->name(),
                request.SerializeAsString(), "Bearer " + site.daemon().Token(), "",
                std::chrono::seconds(60));
    if (!answer.status.ok()) return FromGrpcStatus(answer.status);
    Response response;
    REQUIRE(response.ParseFromString(answer.messages.back()));
    return response;
  }
  return absl::UnimplementedError("no such call");
}

v1::Operation Ended(Site& site, const std::string& id) {
  v1::Operation operation;
  REQUIRE(Eventually([&] {
    v1::GetOperationRequest request;
    request.set_operation_id(id);
    const RawAnswer answer =
        RawCall(site.daemon().address(), "dmgr.v1.OperationService/GetOperation",
                request.SerializeAsString(), "Bearer " + site.daemon().Token());
    v1::GetOperationResponse response;
    if (!answer.status.ok() || !response.ParseFromString(answer.messages.back())) return false;
    operation = response.operation();
    return operation.state() == v1::OPERATION_STATE_SUCCEEDED ||
           operation.state() == v1::OPERATION_STATE_FAILED;
  }));
  return operation;
}

// Makes an operation, and waits until it has succeeded.
template <typename Response, typename Request>
void Do(Site& site, const Request& request) {
  const auto response = CallOf<Response>(site, request);
  INFO(response.status().ToString());
  REQUIRE(response.ok());
  const auto operation = Ended(site, response->operation().operation_id());
  INFO(operation.DebugString());
  REQUIRE(operation.state() == v1::OPERATION_STATE_SUCCEEDED);
}

v1::CreateSourceRequest CreationOf(const std::string& yaml, const std::string& worker = "") {
  v1::CreateSourceRequest request;
  request.set_config_yaml(yaml);
  request.set_worker_name(worker);
  // The stand-ins say that there is a database, which dmgrd would look for on its own host.
  request.set_skip_checks(true);
  return request;
}

v1::DeleteSourceRequest DeletionOf(const std::string& id) {
  v1::DeleteSourceRequest request;
  request.set_source_id(id);
  return request;
}

v1::TransferSourceRequest MoveOf(const std::string& id, const std::string& worker) {
  v1::TransferSourceRequest request;
  request.set_source_id(id);
  request.set_worker_name(worker);
  return request;
}

std::vector<v1::Source> SourcesOf(Site& site) {
  const auto listed = CallOf<v1::ListSourcesResponse>(site, v1::ListSourcesRequest());
  INFO(listed.status().ToString());
  REQUIRE(listed.ok());
  return {listed->sources().begin(), listed->sources().end()};
}

v1::Source SourceOf(Site& site, const std::string& id) {
  v1::GetSourceRequest request;
  request.set_source_id(id);
  const auto got = CallOf<v1::GetSourceResponse>(site, request);
  INFO(got.status().ToString());
  REQUIRE(got.ok());
  return got->source();
}

// kDemo without sources; names of its dm-workers.
std::vector<std::string> PrepareSources(Site& site) {
  site.EnsureDemo();
  DropMigrations(site);
  std::vector<std::string> workers;
  const auto status = site.Status();
  for (const auto& instance : status["instances"]) {
    if (ComponentOf(instance) == "dm-worker") workers.push_back(instance["name"]);
  }
  REQUIRE(workers.size() == 3);
  return workers;
}

TEST_CASE("a source is created, listed, moved, changed and deleted", "[lab][sources]") {
  Site& site = Site::Get();
  const auto workers = PrepareSources(site);
  Do<v1::CreateSourceResponse>(site, CreationOf(SourceYaml("s1", 3306), workers[1]));
  auto source = SourceOf(site, "s1");
  CHECK(source.worker_name() == workers[1]);
  CHECK(source.config_yaml() == SourceYaml("s1", 3306, "******"));
  Do<v1::TransferSourceResponse>(site, MoveOf("s1", workers[2]));
  CHECK(SourceOf(site, "s1").worker_name() == workers[2]);

  v1::UpdateSourceRequest update;
  update.set_config_yaml(source.config_yaml() + "enable-gtid: true\n");
  update.set_revision(source.revision());
  update.set_skip_checks(true);
  Do<v1::UpdateSourceResponse>(site, update);
  source = SourceOf(site, "s1");
  CHECK(source.revision() > update.revision());
  CHECK_THAT(source.config_yaml(), Catch::Contains("enable-gtid: true"));
  v1::RollbackSourceRequest back;
  back.set_source_id("s1");
  back.set_revision(update.revision());
  back.set_skip_checks(true);
  Do<v1::RollbackSourceResponse>(site, back);
  CHECK(SourceOf(site, "s1").config_yaml() == SourceYaml("s1", 3306, "******"));
  Do<v1::DeleteSourceResponse>(site, DeletionOf("s1"));
  CHECK(SourcesOf(site).empty());
}

TEST_CASE("a source that DM does not take leaves nothing behind", "[lab][sources]") {
  Site& site = Site::Get();
  const auto workers = PrepareSources(site);
  Do<v1::CreateSourceResponse>(site, CreationOf(SourceYaml("s1", 3306), workers[0]));
  const auto reason = [&](const auto& request, auto response) {
    return Reason(CallOf<decltype(response)>(site, request).status());
  };
  CHECK(reason(CreationOf(SourceYaml("s1", 3307)), v1::CreateSourceResponse()) == "SOURCE_EXISTS");
  CHECK(reason(CreationOf(SourceYaml("s2", 3306)), v1::CreateSourceResponse()) == "DATABASE_TAKEN");
  CHECK(reason(CreationOf(SourceYaml("s2", 3307), workers[0]), v1::CreateSourceResponse()) ==
        "WORKER_NOT_FREE");
  CHECK(reason(MoveOf("s1", "none"), v1::TransferSourceResponse()) == "WORKER_NOT_FREE");

  INFO("nobody listens on port 1: dmgrd sees it first, if it may");
  auto checked = CreationOf(SourceYaml("s3", 1), workers[1]);
  checked.set_skip_checks(false);
  CHECK(reason(checked, v1::CreateSourceResponse()) == "DATABASE_UNREACHABLE");
  const auto refused =
      CallOf<v1::CreateSourceResponse>(site, CreationOf(SourceYaml("s3", 1), workers[1]));
  REQUIRE(refused.ok());
  const std::string id = refused->operation().operation_id();
  const auto failed = Ended(site, id);
  REQUIRE(failed.state() == v1::OPERATION_STATE_FAILED);
  CHECK_THAT(failed.error().message(), Catch::Contains("connection refused"));
  CHECK_THAT(failed.DebugString(), !Catch::Contains(kPassword));
  site.MustCtl({"operation", "rollback", id});
  const auto left = SourcesOf(site);
  REQUIRE(left.size() == 1);
  CHECK(test::Sql(site.daemon().dsn(),
                  "SELECT count(*) FROM migration_revision WHERE name = 's3'") == "0");
}

TEST_CASE("dmgrd is killed while sources are changed: each is done once", "[lab][sources]") {
  Site& site = Site::Get();
  const auto workers = PrepareSources(site);
  const auto killed = [&](const auto& request, auto response) {
    const auto begun = CallOf<decltype(response)>(site, request);
    INFO(begun.status().ToString());
    REQUIRE(begun.ok());
    site.daemon().Kill();
    site.daemon().Start();
    CHECK(Ended(site, begun->operation().operation_id()).state() == v1::OPERATION_STATE_SUCCEEDED);
  };
  killed(CreationOf(SourceYaml("s1", 3306), workers[0]), v1::CreateSourceResponse());
  CHECK(SourceOf(site, "s1").worker_name() == workers[0]);
  CHECK(SourceOf(site, "s1").revision() == 1);
  killed(MoveOf("s1", workers[1]), v1::TransferSourceResponse());
  CHECK(SourceOf(site, "s1").worker_name() == workers[1]);
  killed(DeletionOf("s1"), v1::DeleteSourceResponse());
  CHECK(SourcesOf(site).empty());
}

}  // namespace
}  // namespace dmgr::testing
