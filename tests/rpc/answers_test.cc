// Errors on the wire, pages of lists, and what the audit keeps.
#include <set>

#include "tests/rpc/fixture.h"

namespace dmgr::testing {
namespace {

template <typename Stub, typename Request, typename Response>
grpc::Status Answer(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
  grpc::ClientContext context;
  Daemon().Admin().Prepare(&context, absl::Minutes(1));
  return (stub.*method)(&context, request, response);
}

TEST_CASE("an error has a code, a reason, what it is about and what to do", "[rpc][errors]") {
  v1::GetMachineRequest request;
  request.set_machine_id("no-such-machine");
  v1::GetMachineResponse response;
  const auto status = Answer(Daemon().Admin().machines(), &v1::MachineService::Stub::GetMachine,
                             request, &response);
  CHECK(status.error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK_THAT(status.error_message(), Catch::Contains("no-such-machine"));
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  CHECK(info.domain() == "dmgr");
  CHECK_FALSE(info.reason().empty());
  CHECK_FALSE(info.metadata().at("remedy").empty());
}

TEST_CASE("a bad request names all its wrong fields at once", "[rpc][errors]") {
  REQUIRE_OK(Db().Transact([](store::Transaction& tx) {
    return store::GetPackage(tx, "v0.0.2").ok()
               ? absl::OkStatus()
               : store::InsertPackage(tx, store::SamplePackage("v0.0.2"));
  }));
  v1::DeployClusterRequest request;
  request.set_cluster_name("../escape");
  request.set_version("v0.0.2");
  request.mutable_topology()->add_master_servers()->mutable_placement()->set_host("10.255.0.1");
  request.mutable_topology()->mutable_global()->set_user("no user");
  v1::DeployClusterResponse response;
  const auto status = Answer(Daemon().Admin().clusters(), &v1::ClusterService::Stub::DeployCluster,
                             request, &response);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  std::set<std::string> fields;
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  for (const auto& violation : bad.field_violations()) {
    CHECK_FALSE(violation.description().empty());
    fields.insert(violation.field());
  }
  CHECK(fields.count("cluster_name") == 1);
  CHECK(fields.count("topology.global.user") == 1);
  CHECK(fields.count("topology.master_servers[0].placement.host") == 1);
}

TEST_CASE("an error with 500 problems arrives, the first of them first", "[rpc][errors]") {
  v1::DeployClusterRequest request;
  request.set_cluster_name("many");
  request.set_version("v0.0.2");
  request.mutable_topology()->add_master_servers()->mutable_placement()->set_host("10.254.0.1");
  for (int i = 0; i < 500; ++i) {
    auto* server = request.mutable_topology()->add_worker_servers();
    server->mutable_placement()->set_host(fmt::format("10.255.{}.{}", i / 250, i % 250 + 1));
    server->set_name(fmt::format("a name with spaces, number {} \xC3\xA9\xC3\xA9\xC3\xA9", i));
  }
  v1::DeployClusterResponse response;
  // By a channel as every client makes it, which takes 8 KiB of trailers.
  const auto status = Answer(Daemon().Admin().clusters(), &v1::ClusterService::Stub::DeployCluster,
                             request, &response);
  INFO(status.error_message());
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(DetailOf<google::rpc::ErrorInfo>(status).reason() == "INVALID_ARGUMENT");
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  REQUIRE(bad.field_violations_size() > 3);
  CHECK(bad.field_violations(0).field().find("[0]") != std::string::npos);
  CHECK_THAT(bad.field_violations(bad.field_violations_size() - 1).description(),
             Catch::Matches("and [0-9]+ more"));
}

TEST_CASE("a page cannot be negative, nor begin at a foreign token", "[rpc][pages]") {
  v1::ListMachinesRequest request;
  v1::ListMachinesResponse response;
  auto& machines = Daemon().Admin().machines();
  const auto list = [&] {
    return Answer(machines, &v1::MachineService::Stub::ListMachines, request, &response);
  };
  request.set_page_size(-1);
  auto status = list();
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(DetailOf<google::rpc::BadRequest>(status).field_violations(0).field() == "page_size");
  request.set_page_size(0);
  for (const char* token : {"x", "AAAA", "not base64!", "MTIz"}) {
    request.set_page_token(token);
    status = list();
    CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(DetailOf<google::rpc::BadRequest>(status).field_violations(0).field() == "page_token");
  }
  request.clear_page_token();
  request.set_page_size(1000000);
  CHECK(list().ok());
}

TEST_CASE("pages hold every row once, in order", "[rpc][pages]") {
  std::vector<std::string> wanted;
  REQUIRE_OK(Db().Transact([&](store::Transaction& tx) -> absl::Status {
    wanted.clear();
    for (int i = 0; i < 7; ++i) {
      const std::string id = "page-" + std::to_string(i);
      wanted.push_back(id);
      if (!store::GetMachine(tx, id).ok()) {
        RETURN_IF_ERROR(store::InsertMachine(tx, store::SampleMachine(id)));
      }
    }
    return absl::OkStatus();
  }));
  v1::ListMachinesRequest request;
  request.set_page_size(3);
  std::vector<std::string> seen;
  auto& machines = Daemon().Admin().machines();
  do {
    const auto page = MustCall(machines, &v1::MachineService::Stub::ListMachines, request);
    CHECK(page.machines_size() <= 3);
    if (!page.next_page_token().empty()) CHECK(page.machines_size() == 3);
    for (const auto& machine : page.machines()) seen.push_back(machine.machine_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == seen.size());
  CHECK(std::includes(seen.begin(), seen.end(), wanted.begin(), wanted.end()));
}

TEST_CASE("a token of another list is refused where it cannot be one", "[rpc][pages]") {
  v1::ListMachinesRequest machines;
  machines.set_page_size(1);
  v1::ListMachinesResponse page;
  for (const char* id : {"token-1", "token-2"}) {
    REQUIRE_OK(Db().Transact([&](store::Transaction& tx) {
      return store::GetMachine(tx, id).ok() ? absl::OkStatus()
                                            : store::InsertMachine(tx, store::SampleMachine(id));
    }));
  }
  page = MustCall(Daemon().Admin().machines(), &v1::MachineService::Stub::ListMachines, machines);
  v1::ListOperationsRequest operations;
  operations.set_page_token(page.next_page_token());
  v1::ListOperationsResponse response;
  const auto status = Answer(Daemon().Admin().operations(),
                             &v1::OperationService::Stub::ListOperations, operations, &response);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("mutating calls are audited, with their outcome", "[rpc][audit]") {
  const auto rows = [](const std::string& condition) {
    return std::stoi(Sql("SELECT count(*) FROM audit_log WHERE " + condition));
  };
  v1::DeleteMachineRequest request;
  request.set_machine_id("audited");
  REQUIRE_OK(Db().Transact([](store::Transaction& tx) {
    return store::InsertMachine(tx, store::SampleMachine("audited"));
  }));
  MustCall(Daemon().Admin().machines(), &v1::MachineService::Stub::DeleteMachine, request);
  v1::DeleteMachineResponse response;
  CHECK_FALSE(Answer(Daemon().Admin().machines(), &v1::MachineService::Stub::DeleteMachine, request,
                     &response)
                  .ok());
  const std::string about =
      "method = 'dmgr.v1.MachineService/DeleteMachine' AND target = 'audited' AND user_name = "
      "'admin' AND peer LIKE 'ipv4:127.0.0.1:%'";
  CHECK(rows(about + " AND code = 0") == 1);
  CHECK(rows(about + " AND code = 5") == 1);

  // So is one that was not let in; what only reads is not.
  RawCall(Daemon().address(), "dmgr.v1.MachineService/DeleteMachine");
  CHECK(rows("method = 'dmgr.v1.MachineService/DeleteMachine' AND user_name = '' AND code = 16") >=
        1);
  MustCall(Daemon().Admin().machines(), &v1::MachineService::Stub::ListMachines,
           v1::ListMachinesRequest());
  // What logs in to hosts is.
  CHECK(rows("(method LIKE '%/List%' OR method LIKE '%/Get%' OR method LIKE '%/Who%')"
             " AND method NOT LIKE '%/GetClusterStatus'") == 0);
  // And nobody rewrites it.
  CHECK_THROWS(Sql("DELETE FROM audit_log"));
  CHECK_THROWS(Sql("UPDATE audit_log SET user_name = 'somebody else'"));
}

TEST_CASE("a failed login is audited under the name that was tried", "[rpc][audit]") {
  v1::LoginRequest request;
  request.set_user_name("guessed");
  request.set_password("guess");
  v1::LoginResponse response;
  ApiClient connection(Daemon().address(), "");
  CHECK_FALSE(
      connection.Call(connection.auth(), &v1::AuthService::Stub::Login, request, &response).ok());
  CHECK(Sql("SELECT count(*) FROM audit_log WHERE user_name = 'guessed' AND code = 16") != "0");
}

}  // namespace
}  // namespace dmgr::testing
