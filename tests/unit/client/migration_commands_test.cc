// The commands of sources, targets and tasks against a dmgrd that keeps what it is asked.
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "client/app.h"
#include "dmgr/v1/source_service.grpc.pb.h"
#include "dmgr/v1/target_service.grpc.pb.h"
#include "dmgr/v1/task_service.grpc.pb.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/client/support.h"

namespace dmgr::client {
namespace {

using grpc::ServerContext;
using Typed = std::vector<std::string>;

class KeepingSources final : public v1::SourceService::Service {
 public:
  grpc::Status CreateSource(ServerContext*, const v1::CreateSourceRequest* request,
                            v1::CreateSourceResponse* response) override {
    created = *request;
    response->mutable_operation()->set_operation_id("op-source");
    if (!request->skip_checks()) {
      auto* warning = response->add_warnings();
      warning->set_check_name("version");
      warning->set_found("10.11.6-MariaDB");
      warning->set_instruction("DM calls it experimental");
    }
    return grpc::Status::OK;
  }
  grpc::Status GetSource(ServerContext*, const v1::GetSourceRequest* request,
                         v1::GetSourceResponse* response) override {
    response->mutable_source()->set_source_id(request->source_id());
    response->mutable_source()->set_config_yaml("source-id: s1\nfrom:\n  password: \"******\"\n");
    return grpc::Status::OK;
  }
  // It has had 4, 2 and 1.
  grpc::Status ListSourceRevisions(ServerContext*, const v1::ListSourceRevisionsRequest*,
                                   v1::ListSourceRevisionsResponse* response) override {
    for (const int revision : {4, 2, 1}) response->add_revisions()->set_revision(revision);
    response->mutable_revisions(0)->set_current(true);
    return grpc::Status::OK;
  }
  grpc::Status GetSourceRevision(ServerContext*, const v1::GetSourceRevisionRequest* request,
                                 v1::GetSourceRevisionResponse* response) override {
    const auto revision = request->revision() == 0 ? 4 : request->revision();
    response->mutable_revision()->set_revision(revision);
    response->mutable_revision()->set_config_yaml(
        "source-id: s1\nport: " + std::to_string(revision) + "\n");
    return grpc::Status::OK;
  }
  grpc::Status RollbackSource(ServerContext*, const v1::RollbackSourceRequest* request,
                              v1::RollbackSourceResponse* response) override {
    rolled_back = *request;
    response->mutable_operation()->set_operation_id("op-back");
    return grpc::Status::OK;
  }

  v1::CreateSourceRequest created;
  v1::RollbackSourceRequest rolled_back;
};

class KeepingTargets final : public v1::TargetService::Service {
 public:
  grpc::Status CreateTarget(ServerContext*, const v1::CreateTargetRequest* request,
                            v1::CreateTargetResponse*) override {
    created = *request;
    return grpc::Status::OK;
  }
  grpc::Status GetTarget(ServerContext*, const v1::GetTargetRequest*,
                         v1::GetTargetResponse* response) override {
    *response->mutable_target() = now;
    return grpc::Status::OK;
  }
  grpc::Status UpdateTarget(ServerContext*, const v1::UpdateTargetRequest* request,
                            v1::UpdateTargetResponse*) override {
    updated = *request;
    return grpc::Status::OK;
  }

  const v1::Target now = Parse<v1::Target>(R"(
    cluster_name: "demo" target_name: "prod" host: "db1" port: 4000 user_name: "dm" revision: 4)");
  grpc::Status GetTargetRevision(ServerContext*, const v1::GetTargetRevisionRequest* request,
                                 v1::GetTargetRevisionResponse* response) override {
    *response->mutable_revision()->mutable_target() = now;
    response->mutable_revision()->mutable_target()->set_port(static_cast<int>(request->revision()));
    return grpc::Status::OK;
  }
  grpc::Status RollbackTarget(ServerContext*, const v1::RollbackTargetRequest* request,
                              v1::RollbackTargetResponse*) override {
    rolled_back = *request;
    return grpc::Status::OK;
  }

  v1::RollbackTargetRequest rolled_back;
  v1::CreateTargetRequest created;
  v1::UpdateTargetRequest updated;
};

class KeepingTasks final : public v1::TaskService::Service {
 public:
  grpc::Status CreateTask(ServerContext*, const v1::CreateTaskRequest* request,
                          v1::CreateTaskResponse* response) override {
    created = *request;
    response->mutable_operation()->set_operation_id("op-task");
    return grpc::Status::OK;
  }
  grpc::Status CheckTask(ServerContext*, const v1::CheckTaskRequest* request,
                         v1::CheckTaskResponse* response) override {
    checked = *request;
    *response = checks;
    return grpc::Status::OK;
  }
  grpc::Status WatchTasks(ServerContext*, const v1::WatchTasksRequest* request,
                          grpc::ServerWriter<v1::WatchTasksResponse>* writer) override {
    watched = *request;
    for (const auto& one : news) writer->Write(one);
    return grpc::Status::OK;
  }
  grpc::Status ReadTaskLogs(ServerContext*, const v1::ReadTaskLogsRequest* request,
                            grpc::ServerWriter<v1::ReadTaskLogsResponse>* writer) override {
    read = *request;
    for (const auto& one : logs) writer->Write(one);
    return grpc::Status::OK;
  }

  v1::CreateTaskRequest created;
  v1::CheckTaskRequest checked;
  v1::CheckTaskResponse checks;
  v1::WatchTasksRequest watched;
  std::vector<v1::WatchTasksResponse> news;
  v1::ReadTaskLogsRequest read;
  std::vector<v1::ReadTaskLogsResponse> logs;
};

// A desk with files, and a dmgrd.
class Site {
 public:
  Site() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&sources);
    builder.RegisterService(&targets);
    builder.RegisterService(&tasks);
    server_ = builder.BuildAndStart();
    REQUIRE(server_ != nullptr);
  }
  ~Site() { server_->Shutdown(); }

  ExitCode Type(Typed words) {
    words.insert(words.end(), {"--server", "127.0.0.1:" + std::to_string(port_)});
    FakeTerminal terminal(false);
    Application application;
    const int code = application.Execute(words, &terminal);
    out = terminal.Out();
    err = terminal.Err();
    return static_cast<ExitCode>(code);
  }
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  KeepingSources sources;
  KeepingTargets targets;
  KeepingTasks tasks;
  std::string out;
  std::string err;

 private:
  const test::TempDir dir_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_CASE("a source is made of words, its password of a file", "[migrations]") {
  Site site;
  const auto file = site.Write("password", "a-secret\n");
  REQUIRE(site.Type({"source", "create", "demo", "--id", "s1", "--host", "db1", "--user", "dm",
                     "--password-file", file, "--worker", "w1", "--detach"}) == kDone);
  const auto& request = site.sources.created;
  CHECK(request.cluster_name() == "demo");
  CHECK(request.worker_name() == "w1");
  CHECK_FALSE(request.request_id().empty());
  const YAML::Node node = YAML::Load(request.config_yaml());
  CHECK(node["from"]["password"].as<std::string>() == "a-secret");
  CHECK(node["from"]["port"].as<int>() == 3306);
  CHECK_THAT(site.out, Catch::Contains("operation op-source runs"));
  CHECK_THAT(site.out + site.err, !Catch::Contains("a-secret"));
}

TEST_CASE("a file goes to dmgrd as it is, and is not echoed", "[migrations]") {
  Site site;
  const std::string text = "# mine\nsource-id: s1\nfrom: {password: a-secret}\n";
  REQUIRE(site.Type({"source", "create", "demo", site.Write("s.yaml", text), "--dry-run"}) ==
          kDone);
  CHECK(site.sources.created.config_yaml() == text);
  CHECK(site.sources.created.validate_only());
  CHECK_THAT(site.err,
             Catch::Contains("warning: version: 10.11.6-MariaDB: DM calls it experimental"));
  REQUIRE(site.Type({"source", "create", "demo", site.Write("s.yaml", text), "--skip-checks",
                     "--dry-run"}) == kDone);
  CHECK(site.sources.created.skip_checks());
  CHECK_THAT(site.out + site.err, !Catch::Contains("a-secret"));
}

TEST_CASE("a configuration is printed as a file", "[migrations]") {
  Site site;
  REQUIRE(site.Type({"source", "show", "demo", "s1", "--config"}) == kDone);
  CHECK(site.out == "source-id: s1\nfrom:\n  password: \"******\"\n");
}

TEST_CASE("a source's configurations are listed, compared, and one is taken again",
          "[migrations]") {
  Site site;
  REQUIRE(site.Type({"source", "revisions", "demo", "s1"}) == kDone);
  CHECK_THAT(site.out, Catch::Contains("4, in effect"));
  REQUIRE(site.Type({"source", "diff", "demo", "s1"}) == kDone);
  CHECK_THAT(site.out, Catch::Contains("- port: 2") && Catch::Contains("+ port: 4"));
  REQUIRE(site.Type({"source", "diff", "demo", "s1", "--from", "1", "--to", "2"}) == kDone);
  CHECK_THAT(site.out, Catch::Contains("- port: 1") && Catch::Contains("+ port: 2"));
  CHECK(site.Type({"source", "diff", "demo", "s1", "--to", "1"}) != kDone);
  REQUIRE(site.Type({"source", "rollback", "demo", "s1", "--revision", "2", "--skip-checks",
                     "--yes", "--detach"}) == kDone);
  CHECK(site.sources.rolled_back.source_id() == "s1");
  CHECK(site.sources.rolled_back.revision() == 2);
  CHECK(site.sources.rolled_back.skip_checks());
}

TEST_CASE("what a target has been is compared, and taken again", "[migrations]") {
  Site site;
  REQUIRE(site.Type({"target", "diff", "demo", "prod", "--from", "1", "--to", "2"}) == kDone);
  CHECK_THAT(site.out, Catch::Contains("- port: 1") && Catch::Contains("+ port: 2") &&
                           Catch::Contains("  host: db1"));
  REQUIRE(site.Type({"target", "rollback", "demo", "prod", "--revision", "3"}) == kDone);
  CHECK(site.targets.rolled_back.target_name() == "prod");
  CHECK(site.targets.rolled_back.revision() == 3);
  CHECK_FALSE(site.targets.rolled_back.skip_checks());
  CHECK_FALSE(site.targets.rolled_back.request_id().empty());
}

TEST_CASE("a target that is changed keeps what was not typed", "[migrations]") {
  Site site;
  REQUIRE(site.Type({"target", "update", "demo", "prod", "--port", "4001"}) == kDone);
  const auto& target = site.targets.updated.target();
  CHECK(target.host() == "db1");
  CHECK(target.port() == 4001);
  CHECK(target.user_name() == "dm");
  CHECK(target.revision() == 4);
  CHECK(target.password().empty());
  const auto file = site.Write("password", "a-secret");
  const auto ca = site.Write("ca.pem", "the CA");
  REQUIRE(site.Type({"target", "create", "demo", "test", "--host", "db2", "--user", "dm",
                     "--password-file", file, "--ca", ca, "--skip-checks"}) == kDone);
  CHECK(site.targets.created.target().password() == "a-secret");
  CHECK(site.targets.created.target().ca_certificate() == "the CA");
  CHECK(site.targets.created.skip_checks());
  CHECK_FALSE(site.targets.updated.skip_checks());
  CHECK_THAT(site.out + site.err, !Catch::Contains("a-secret"));
}

TEST_CASE("a task is made of words", "[migrations]") {
  Site site;
  REQUIRE(site.Type({"task", "create", "demo", "shop", "--source", "s1,s2", "--target", "prod",
                     "--tables", "shop.*", "--route", "shop.*=>shop2.*", "--start-time",
                     "2026-11-22T21:30:05Z", "--remove-meta", "--yes", "--detach"}) == kDone);
  const auto& request = site.tasks.created;
  const YAML::Node node = YAML::Load(request.config_yaml());
  CHECK(node["name"].as<std::string>() == "shop");
  CHECK(node["task-mode"].as<std::string>() == "all");
  CHECK(node["mysql-instances"].size() == 2);
  CHECK(node["routes"]["route-1"]["target-schema"].as<std::string>() == "shop2");
  CHECK(request.start_time().seconds() == 1795383005);
  CHECK(request.remove_meta());
  CHECK_FALSE(request.stopped());
}

TEST_CASE("a check that fails is the exit code", "[migrations]") {
  Site site;
  site.tasks.checks.add_checks()->set_result(v1::CHECK_RESULT_WARN);
  CHECK(site.Type({"task", "check", "demo", "shop"}) == kDone);
  CHECK(site.tasks.checked.task_name() == "shop");
  CHECK(site.tasks.checked.config_yaml().empty());
  site.tasks.checks.add_checks()->set_result(v1::CHECK_RESULT_FAIL);
  CHECK(site.Type({"task", "check", "demo", site.Write("t.yaml", "name: shop\n")}) == kFailed);
  CHECK(site.tasks.checked.task_name().empty());
  CHECK(site.tasks.checked.config_yaml() == "name: shop\n");
}

TEST_CASE("a watch in a pipe is a line a change", "[migrations]") {
  Site site;
  site.tasks.news = {Parse<v1::WatchTasksResponse>(R"(
        tasks { cluster_name: "demo" task_name: "shop" stage: TASK_STAGE_RUNNING })"),
                     Parse<v1::WatchTasksResponse>(R"(
        tasks { cluster_name: "demo" task_name: "stock" stage: TASK_STAGE_RUNNING }
        complete: true)"),
                     Parse<v1::WatchTasksResponse>(R"(
        tasks { cluster_name: "demo" task_name: "shop" stage: TASK_STAGE_PAUSED } complete: true
        unreached_clusters { key: "dead" value: "no dm-master answers" })"),
                     Parse<v1::WatchTasksResponse>(R"(
        gone_tasks { cluster_name: "demo" task_name: "stock" } complete: true)")};
  CHECK(site.Type({"task", "watch", "--interval", "5"}) == kDone);
  CHECK(site.tasks.watched.cluster_name().empty());
  CHECK(site.tasks.watched.interval().seconds() == 5);
  const auto lines = Lines(site.out);
  REQUIRE(lines.size() == 6);
  CHECK_THAT(lines[0], Catch::EndsWith("  demo  shop  running"));
  CHECK_THAT(lines[1], Catch::EndsWith("  demo  stock  running"));
  CHECK_THAT(lines[2], Catch::EndsWith("  dead  cannot be asked: no dm-master answers"));
  CHECK_THAT(lines[3], Catch::EndsWith("  demo  shop  paused"));
  CHECK_THAT(lines[4], Catch::EndsWith("  dead  gone"));
  CHECK_THAT(lines[5], Catch::EndsWith("  demo  stock  gone"));
  CHECK(site.Type({"task", "watch", "-o", "json"}) == kDone);
  CHECK(Lines(site.out).size() == 4);
}

TEST_CASE("a watch of one task ends with it", "[migrations]") {
  Site site;
  site.tasks.news = {Parse<v1::WatchTasksResponse>("complete: true")};
  CHECK(site.Type({"task", "watch", "demo", "shop"}) == kRefused);
  CHECK_THAT(site.err, Catch::Contains("cluster demo has no task shop"));
  site.tasks.news = {Parse<v1::WatchTasksResponse>(R"(
                       tasks { cluster_name: "demo" task_name: "shop" stage: TASK_STAGE_RUNNING }
                       complete: true)"),
                     Parse<v1::WatchTasksResponse>(R"(
                       gone_tasks { cluster_name: "demo" task_name: "shop" } complete: true)"),
                     Parse<v1::WatchTasksResponse>("complete: true")};
  CHECK(site.Type({"task", "watch", "demo", "shop"}) == kDone);
  REQUIRE(site.tasks.watched.task_names_size() == 1);
  const auto lines = Lines(site.out);
  REQUIRE(lines.size() == 2);
  CHECK_THAT(lines[1], Catch::EndsWith("  demo  shop  gone"));
}

TEST_CASE("a task's log lines stand behind their dm-worker, and a host that says nothing is told",
          "[migrations]") {
  Site site;
  site.tasks.logs = {Parse<v1::ReadTaskLogsResponse>(
      R"(worker_name: "dm-w1" lines: "[INFO] one" lines: "[WARN] two")")};
  CHECK(site.Type({"task", "logs", "demo", "shop", "-n", "7"}) == kDone);
  CHECK(site.tasks.read.tail_lines() == 7);
  CHECK(site.out == "dm-w1 | [INFO] one\ndm-w1 | [WARN] two\n");
  site.tasks.logs.push_back(Parse<v1::ReadTaskLogsResponse>(
      R"(worker_name: "dm-w2" problem { code: 14 message: "no answer" })"));
  CHECK(site.Type({"task", "logs", "demo", "shop"}) == kFailed);
  CHECK_THAT(site.err, Catch::Contains("no answer"));
}

TEST_CASE("what is no migration is refused before anybody is asked", "[migrations]") {
  struct Row {
    Typed words;
    std::string text;
  };
  for (const Row& row : std::vector<Row>{
           {{"source", "create", "demo"}, "pass FILE, or --id, --host and --user"},
           {{"source", "create", "demo", "x.yaml", "--host", "db1"}, "excludes"},
           {{"source", "create", "demo", "--password", "x"}, "has no option --password"},
           {{"target", "create", "demo", "prod", "--host", "db1"}, "pass --user NAME"},
           {{"task", "create", "demo", "shop", "--source", "s1"}, "pass --target NAME"},
           {{"task", "create", "demo", "t.yaml", "--target", "prod"}, "pass --source"},
           {{"task", "create", "demo", "shop", "--source", "s1", "--target", "prod", "--tables",
             "shop"},
            "\"shop\" is not DATABASE.TABLE"},
           {{"task", "check", "demo", "./none.yaml"}, "none.yaml"},
           {{"task", "start", "demo", "shop", "--start-time", "soon"}, "is no time"}}) {
    INFO(row.text);
    FakeTerminal terminal(false);
    Application application;
    CHECK(application.Execute(row.words, &terminal) == kBadUsage);
    CHECK_THAT(terminal.Err(), Catch::StartsWith("error: ") && Catch::Contains(row.text));
  }
}

}  // namespace
}  // namespace dmgr::client
