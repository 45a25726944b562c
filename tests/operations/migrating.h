// A cluster with a DM that is written down, and what is asked of it about sources.
#ifndef DMGR_TESTS_OPERATIONS_MIGRATING_H_
#define DMGR_TESTS_OPERATIONS_MIGRATING_H_

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/service/service.h"
#include "server/operations/source/source.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {

inline constexpr char kMigrating[] = "dm-test";

inline std::string SourceYaml(const std::string& id, const std::string& host,
                              const std::string& password = "pa55") {
  return "source-id: " + id + "\nfrom:\n  host: " + host +
         "\n  port: 3306\n  user: repl\n  password: " + password + "  # of the shop\n";
}

// A cluster that is up; its dm-workers worker-2 and worker-3 are free.
struct Migrating {
  Migrating() {
    v1::DeployClusterRequest request;
    request.set_version("v7.5.1");
    *request.mutable_topology() = SampleTopology();
    Perform(&stage, By(operations::DeployCluster, request));
    Perform(&stage, By(operations::StartCluster, v1::StartClusterRequest()));
  }

  // A call that returns its operation, or a response that has it.
  template <typename Request, typename Answer>
  Ask By(absl::StatusOr<Answer> (*call)(const Resources&, const Request&, const Caller&),
         Request request) {
    request.set_cluster_name(kMigrating);
    return [this, call, request = std::move(request)]() -> absl::StatusOr<v1::Operation> {
      ASSIGN_OR_RETURN(auto answer, call(stage.resources(), request, Caller{"alice"}));
      if constexpr (std::is_same_v<Answer, v1::Operation>) {
        return answer;
      } else {
        return answer.operation();
      }
    };
  }
  // No database is where these say that there is one.
  Ask Creating(const std::string& yaml, const std::string& worker = "") {
    v1::CreateSourceRequest request;
    request.set_config_yaml(yaml);
    request.set_worker_name(worker);
    request.set_skip_checks(true);
    return By(operations::CreateSource, request);
  }
  Ask Updating(const std::string& yaml, std::int64_t revision = 0) {
    v1::UpdateSourceRequest request;
    request.set_config_yaml(yaml);
    request.set_revision(revision);
    request.set_skip_checks(true);
    return By(operations::UpdateSource, request);
  }
  Ask Deleting(const std::string& id) {
    v1::DeleteSourceRequest request;
    request.set_source_id(id);
    return By(operations::DeleteSource, request);
  }
  Ask Moving(const std::string& id, const std::string& worker) {
    v1::TransferSourceRequest request;
    request.set_source_id(id);
    request.set_worker_name(worker);
    return By(operations::TransferSource, request);
  }
  Ask Relaying(const std::string& id, bool enabled, const std::vector<std::string>& workers = {}) {
    v1::SetSourceRelayRequest request;
    request.set_source_id(id);
    request.set_enabled(enabled);
    request.mutable_worker_names()->Add(workers.begin(), workers.end());
    return By(operations::SetSourceRelay, request);
  }
  Ask Purging(const std::string& id, const std::string& file) {
    v1::PurgeSourceRelayRequest request;
    request.set_source_id(id);
    request.set_before_file(file);
    return By(operations::PurgeSourceRelay, request);
  }
  Ask Adopting(const std::string& id) {
    v1::AdoptSourceRequest request;
    request.set_source_id(id);
    return By(operations::AdoptSource, request);
  }
  void Start(const std::string& task, const std::string& source) {
    pb::StartTaskRequest request;
    request.set_task("name: " + task +
                     "\ntask-mode: all\ntarget-database: {host: t, port: 4000, user: r}\n"
                     "mysql-instances:\n- source-id: " +
                     source + "\n");
    REQUIRE_OK(dm().StartTask({}, request, {}).status());
  }
  void Rehearse(const Ask& ask) { test::Rehearse(&stage, ask, &cast); }

  ScriptedMigrations& dm() { return stage.members().migrations(); }
  v1::Source Get(const std::string& id) {
    const auto source = operations::GetSource(stage.resources(), kMigrating, id);
    REQUIRE_OK(source.status());
    return *source;
  }
  std::vector<v1::Source> List(const operations::SourcePage& page = {}) {
    const auto sources = operations::ListSources(stage.resources(), kMigrating, page);
    REQUIRE_OK(sources.status());
    return *sources;
  }

  Stage stage;
  std::set<std::string> cast;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_MIGRATING_H_
