// Roles for some clusters: by name, by label, and what lists and errors say of the others.
#include <set>

#include "dmgr/v1/maintenance_service.pb.h"
#include "dmgr/v1/token_service.pb.h"
#include "tests/rpc/calls.h"

namespace dmgr::testing {
namespace {

void AddScoped(const std::string& name, const v1::Grant& grant) {
  v1::User user;
  user.set_name(name);
  *user.add_grants() = grant;
  AddUser(user);
}

std::set<std::string> Clusters(const std::string& token, int page_size = 0) {
  std::set<std::string> names;
  v1::ListClustersRequest request;
  request.set_page_size(page_size);
  do {
    const auto page = CallAs<v1::ListClustersResponse>(token, request);
    REQUIRE_OK(page.status());
    for (const auto& cluster : page->clusters()) names.insert(cluster.name());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return names;
}

absl::Status Get(const std::string& token, const std::string& cluster) {
  v1::GetClusterRequest request;
  request.set_cluster_name(cluster);
  return CallAs<v1::GetClusterResponse>(token, request).status();
}

void Label(const std::string& cluster, const std::string& key, const std::string& value) {
  v1::UpdateClusterRequest request;
  request.mutable_cluster()->set_name(cluster);
  if (!key.empty()) (*request.mutable_cluster()->mutable_labels())[key] = value;
  request.mutable_update_mask()->add_paths("labels");
  Must<v1::UpdateClusterResponse>(request);
}

TEST_CASE("an operator of one cluster lists that one only, by pages as well", "[rpc][scope]") {
  for (const char* name : {"scope-a", "scope-b", "scope-c"}) AddCluster(name);
  auto grant = GrantOf(v1::ROLE_OPERATOR, "scope-a");
  grant.add_cluster_names("scope-c");
  grant.add_cluster_names("scope-not-yet");
  AddScoped("of-two", grant);
  const std::string token = NewSessionOf("of-two");
  CHECK(Clusters(token) == std::set<std::string>{"scope-a", "scope-c"});
  CHECK(Clusters(token, 1) == std::set<std::string>{"scope-a", "scope-c"});
  CHECK(Get(token, "scope-a").ok());
  CHECK(Reason(Get(token, "scope-b")) == "CLUSTER_NOT_FOUND");

  // Its operations, wherever they are listed or waited for.
  SilentHost host;
  AddCluster("scope-busy", host);
  const std::string id = BeginStop("scope-busy").operation_id();
  v1::ListOperationsRequest list;
  const auto listed = CallAs<v1::ListOperationsResponse>(token, list);
  REQUIRE_OK(listed.status());
  for (const auto& operation : listed->operations()) {
    CHECK(operation.cluster_name().starts_with("scope-"));
    CHECK(operation.cluster_name() != "scope-busy");
  }
  list.set_cluster_name("scope-busy");
  CHECK(CallAs<v1::ListOperationsResponse>(token, list)->operations_size() == 0);
  v1::GetOperationRequest get;
  get.set_operation_id(id);
  CHECK(Reason(CallAs<v1::GetOperationResponse>(token, get).status()) == "OPERATION_NOT_FOUND");
  v1::CancelOperationRequest cancel;
  cancel.set_operation_id(id);
  CHECK(Reason(CallAs<v1::CancelOperationResponse>(token, cancel).status()) ==
        "OPERATION_NOT_FOUND");
  host.Close();
  AwaitEnd(id);
}

TEST_CASE("a role by label comes and goes with the label", "[rpc][scope]") {
  for (const char* name : {"label-a", "label-b"}) AddCluster(name);
  v1::Grant grant;
  grant.set_role(v1::ROLE_VIEWER);
  (*grant.mutable_labels())["env"] = "label-test";
  AddScoped("by-label", grant);
  const std::string token = NewSessionOf("by-label");
  CHECK(Clusters(token).empty());
  Label("label-a", "env", "label-test");
  CHECK(Clusters(token) == std::set<std::string>{"label-a"});
  CHECK(Get(token, "label-a").ok());
  CHECK(Reason(Get(token, "label-b")) == "CLUSTER_NOT_FOUND");
  Label("label-a", "", "");
  CHECK(Reason(Get(token, "label-a")) == "CLUSTER_NOT_FOUND");
}

TEST_CASE("errors, packages and machines do not tell of clusters that are none of the caller's",
          "[rpc][scope]") {
  AddCluster("shared-mine");
  AddCluster("shared-theirs");
  AddScoped("of-mine", GrantOf(v1::ROLE_OPERATOR, "shared-mine"));
  const std::string token = NewSessionOf("of-mine");
  v1::GetPackageRequest get;
  get.set_version("v0.0.1");
  const auto package = CallAs<v1::GetPackageResponse>(token, get);
  REQUIRE_OK(package.status());
  REQUIRE(package->package().cluster_names_size() == 1);
  CHECK(package->package().cluster_names(0) == "shared-mine");
  const auto all = CallAs<v1::ListPackagesResponse>(token, v1::ListPackagesRequest());
  REQUIRE_OK(all.status());
  CHECK(all->SerializeAsString().find("shared-theirs") == std::string::npos);
  const auto machines = CallAs<v1::ListMachinesResponse>(token, v1::ListMachinesRequest());
  REQUIRE_OK(machines.status());
  for (const auto& machine : machines->machines()) CHECK(machine.leftovers_size() == 0);
  // What is of no cluster is read, and no more.
  v1::CheckMachineRequest check;
  check.set_machine_id("shared-mine-host");
  CHECK(Reason(CallAs<v1::CheckMachineResponse>(token, check).status()) == "ROLE_TOO_LOW");

  // Whoever is in the way on a host is not named, but to whom may know.
  v1::DeployClusterRequest conflict;
  conflict.set_cluster_name("shared-mine-too");
  conflict.set_version("v0.0.1");
  conflict.set_validate_only(true);
  auto* master = conflict.mutable_topology()->add_master_servers();
  master->mutable_placement()->set_host(
      Sql("SELECT host FROM machine WHERE machine_id = 'shared-theirs-host'"));
  conflict.mutable_topology()->add_worker_servers()->mutable_placement()->set_host(
      master->placement().host());
  const auto told = CallAs<v1::DeployClusterResponse>(Daemon().Token(), conflict).status();
  CHECK(ToProto(told).SerializeAsString().find("cluster shared-theirs") != std::string::npos);
  v1::Grant both = GrantOf(v1::ROLE_OPERATOR, "shared-mine");
  both.add_cluster_names("shared-mine-too");
  AddScoped("of-mine-too", both);
  const auto hidden =
      CallAs<v1::DeployClusterResponse>(NewSessionOf("of-mine-too"), conflict).status();
  INFO(hidden.ToString());
  CHECK(Reason(hidden) == Reason(told));
  CHECK(ToProto(hidden).SerializeAsString().find("cluster shared-theirs") == std::string::npos);
  CHECK(ToProto(hidden).SerializeAsString().find("another cluster") != std::string::npos);

  // Neither a new name nor an old one is outside of what was given.
  v1::RenameClusterRequest rename;
  rename.set_cluster_name("shared-mine");
  rename.set_new_cluster_name("shared-elsewhere");
  rename.set_validate_only(true);
  CHECK(Reason(CallAs<v1::RenameClusterResponse>(token, rename).status()) == "CLUSTER_NOT_FOUND");
  v1::DeployClusterRequest deploy;
  deploy.set_version("v0.0.1");
  deploy.set_validate_only(true);
  for (const char* name : {"shared-theirs", "shared-new"}) {
    deploy.set_cluster_name(name);
    CHECK(Reason(CallAs<v1::DeployClusterResponse>(token, deploy).status()) == "CLUSTER_NOT_FOUND");
  }
}

TEST_CASE("grants are given, changed and taken by dmgrctl, never widened by a word forgotten",
          "[rpc][scope]") {
  TestDaemon& daemon = Daemon();
  daemon.LogIn();
  const std::string password = std::string(TestDaemon::kPassword) + "\n";
  AddCluster("ctl-test");
  AddCluster("ctl-production");
  const auto made = daemon.Ctl({"user", "create", "scoped", "--role", "operator", "--cluster",
                                "ctl-test", "--label", "env=ctl"},
                               password);
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  CHECK_THAT(made.out, Catch::Contains("operator of ctl-test, env=ctl"));
  const std::string token = NewSessionOf("scoped");
  CHECK(Clusters(token) == std::set<std::string>{"ctl-test"});

  const auto widened = daemon.Ctl({"user", "update", "scoped", "--role", "viewer", "--yes"});
  CHECK(widened.exit_code == 2);
  CHECK_THAT(widened.err, Catch::Contains("--all-clusters"));
  CHECK(Clusters(token) == std::set<std::string>{"ctl-test"});
  CHECK(daemon.Ctl({"user", "update", "scoped", "--cluster", "ctl-test", "--yes"}).exit_code == 2);

  REQUIRE(daemon
              .Ctl({"user", "update", "scoped", "--role", "operator", "--cluster", "ctl-production",
                    "--elsewhere", "viewer", "--yes"})
              .exit_code == 0);
  CHECK(Get(token, "ctl-test").ok());
  v1::UpdateClusterRequest note;
  note.mutable_cluster()->set_name("ctl-test");
  note.mutable_update_mask()->add_paths("description");
  CHECK(Reason(CallAs<v1::UpdateClusterResponse>(token, note).status()) == "ROLE_TOO_LOW");
  note.mutable_cluster()->set_name("ctl-production");
  CHECK(CallAs<v1::UpdateClusterResponse>(token, note).ok());

  REQUIRE(daemon.Ctl({"user", "update", "scoped", "--role", "viewer", "--all-clusters", "--yes"})
              .exit_code == 0);
  CHECK(Reason(CallAs<v1::UpdateClusterResponse>(token, note).status()) == "ROLE_TOO_LOW");
  CHECK(Get(token, "ctl-test").ok());
}

TEST_CASE("a grant that names nothing, or no role, is refused with its place", "[rpc][scope]") {
  v1::CreateUserRequest request;
  request.mutable_user()->set_name("ill-scoped");
  request.set_password("eight or more");
  const auto field = [&] {
    const auto status = CallAs<v1::CreateUserResponse>(Daemon().Token(), request).status();
    CHECK(absl::IsInvalidArgument(status));
    REQUIRE(FieldViolations(status).field_violations_size() == 1);
    return FieldViolations(status).field_violations(0).field();
  };
  CHECK(field() == "user.role");
  *request.mutable_user()->add_grants() = GrantOf(v1::ROLE_VIEWER, "fine");
  auto* grant = request.mutable_user()->add_grants();
  CHECK(field() == "user.grants[1]");
  grant->set_role(v1::ROLE_VIEWER);
  CHECK(field() == "user.grants[1]");
  grant->add_cluster_names("no/name");
  CHECK(field() == "user.grants[1]");
}

}  // namespace
}  // namespace dmgr::testing
