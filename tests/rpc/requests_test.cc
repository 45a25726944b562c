// Every call that changes something is made once by its request_id, and changes nothing when it is
// only to be validated.
#include <google/protobuf/dynamic_message.h>

#include <set>

#include "common/ids.h"
#include "dmgr/v1/user_service.pb.h"
#include "server/auth/roles.h"
#include "tests/rpc/calls.h"
#include "tests/support/api_methods.h"

namespace dmgr::testing {
namespace {

// Calls that open or end a session, uploads, which go on by the content of their file, a stream
// whose header has them, what a person does on hosts by hand, and keys, whose reading is audited.
const std::set<std::string> kWithout = {"dmgr.v1.AuthService/Login",
                                        "dmgr.v1.AuthService/Logout",
                                        "dmgr.v1.AuthService/RefreshToken",
                                        "dmgr.v1.WarehouseService/UploadPackage",
                                        "dmgr.v1.WarehouseService/UploadPatch",
                                        "dmgr.v1.ImportService/ExportTiupTls",
                                        "dmgr.v1.InstanceService/Exec",
                                        "dmgr.v1.InstanceService/PullFile",
                                        "dmgr.v1.InstanceService/PushFile",
                                        "dmgr.v1.InstanceService/RunDmctl",
                                        "dmgr.v1.MaintenanceService/RestoreCluster"};

TEST_CASE("every call that changes something takes request_id and validate_only", "[rpc][once]") {
  int calls = 0;
  std::set<std::string> without;
  for (const auto* method : ApiMethods()) {
    const auto* request = method->input_type();
    const auto rule = auth::RuleOf(*request);
    REQUIRE_OK(rule.status());
    INFO(rule->method);
    if (!rule->access.mutates()) continue;
    if (kWithout.contains(rule->method)) {
      without.insert(rule->method);
      continue;
    }
    REQUIRE(request->FindFieldByName("request_id") != nullptr);
    CHECK(request->FindFieldByName("validate_only") != nullptr);

    google::protobuf::DynamicMessageFactory factory;
    const std::unique_ptr<google::protobuf::Message> message(factory.GetPrototype(request)->New());
    message->GetReflection()->SetString(message.get(), request->FindFieldByName("request_id"),
                                        "no UUID");
    const auto answer = RawCall(Daemon().address(), rule->method, message->SerializeAsString(),
                                "Bearer " + NewSession(v1::ROLE_ADMIN));
    CHECK(Reason(FromGrpcStatus(answer.status)) == "REQUEST_ID_INVALID");
    ++calls;
  }
  CHECK(without == kWithout);
  CHECK(calls >= 30);
}

v1::CreateUserRequest NewUser(const std::string& name) {
  v1::CreateUserRequest request;
  request.mutable_user()->set_name(name);
  request.mutable_user()->set_role(v1::ROLE_VIEWER);
  request.set_password("eight or more");
  request.set_request_id(NewUuid());
  return request;
}

TEST_CASE("a repeat gets the first answer again", "[rpc][once]") {
  const auto create = NewUser("once-made");
  const auto first = Must<v1::CreateUserResponse>(create);
  const auto again = Must<v1::CreateUserResponse>(create);
  CHECK(again.SerializeAsString() == first.SerializeAsString());
  // Also when what it made is gone again.
  v1::DeleteUserRequest remove;
  remove.set_user_name("once-made");
  remove.set_request_id(NewUuid());
  Must<v1::DeleteUserResponse>(remove);
  Must<v1::DeleteUserResponse>(remove);
  CHECK(Must<v1::CreateUserResponse>(create).user().name() == "once-made");
  CHECK(Sql("SELECT count(*) FROM \"user\" WHERE user_name = 'once-made'") == "0");
}

TEST_CASE("a request id is for one call of one user", "[rpc][once]") {
  auto create = NewUser("once-mine");
  Must<v1::CreateUserResponse>(create);
  create.set_password("something else");
  const auto other = CallAs<v1::CreateUserResponse>(Daemon().Token(), create).status();
  CHECK(absl::IsInvalidArgument(other));
  CHECK(Reason(other) == "REQUEST_ID_REUSED");
  v1::GetUserRequest get;
  v1::DeleteUserRequest remove;
  remove.set_user_name("once-mine");
  remove.set_request_id(create.request_id());
  CHECK(Reason(CallAs<v1::DeleteUserResponse>(Daemon().Token(), remove).status()) ==
        "REQUEST_ID_REUSED");
  // To somebody else it means nothing.
  CHECK(CallAs<v1::DeleteUserResponse>(NewSession(v1::ROLE_ADMIN), remove).ok());
}

TEST_CASE("what is kept of a request does not give its secret away", "[rpc][once]") {
  const auto create = NewUser("once-secret");
  Must<v1::CreateUserResponse>(create);
  const std::string row = Sql("SELECT api_request::text FROM api_request WHERE request_id = '" +
                              create.request_id() + "'");
  CHECK(row.find("eight or more") == std::string::npos);
  CHECK(row.find("once-secret") == std::string::npos);
  // Not in hex either: bytes of the response hold the user's name, which is no secret.
  CHECK(Sql("SELECT length(fingerprint) FROM api_request WHERE request_id = '" +
            create.request_id() + "'") == "64");
}

TEST_CASE("what is only validated is checked and changes nothing", "[rpc][once]") {
  auto create = NewUser("once-tried");
  create.set_validate_only(true);
  CHECK(Must<v1::CreateUserResponse>(create).user().name() == "once-tried");
  CHECK(Sql("SELECT count(*) FROM \"user\" WHERE user_name = 'once-tried'") == "0");
  create.mutable_user()->set_name(TestDaemon::kAdmin);
  CHECK(Reason(CallAs<v1::CreateUserResponse>(Daemon().Token(), create).status()) == "USER_EXISTS");
  // It does not count as the first call of its request id.
  create.mutable_user()->set_name("once-tried");
  create.set_validate_only(false);
  Must<v1::CreateUserResponse>(create);
  CHECK(Sql("SELECT count(*) FROM \"user\" WHERE user_name = 'once-tried'") == "1");

  AddCluster("once-labelled");
  v1::UpdateClusterRequest update;
  update.mutable_cluster()->set_name("once-labelled");
  update.mutable_cluster()->set_description("the blue one");
  (*update.mutable_cluster()->mutable_labels())["team"] = "db";
  update.mutable_update_mask()->add_paths("description");
  update.mutable_update_mask()->add_paths("labels");
  update.set_validate_only(true);
  CHECK(Must<v1::UpdateClusterResponse>(update).cluster().description() == "the blue one");
  v1::GetClusterRequest get;
  get.set_cluster_name("once-labelled");
  CHECK(Must<v1::GetClusterResponse>(get).cluster().description().empty());
  update.set_validate_only(false);
  Must<v1::UpdateClusterResponse>(update);
  const auto cluster = Must<v1::GetClusterResponse>(get).cluster();
  CHECK(cluster.description() == "the blue one");
  CHECK(cluster.labels().at("team") == "db");
  (*update.mutable_cluster()->mutable_labels())["not a key"] = "";
  CHECK(absl::IsInvalidArgument(
      CallAs<v1::UpdateClusterResponse>(Daemon().Token(), update).status()));
}

TEST_CASE("a list shows clusters in short, or in full where that is asked for", "[rpc][once]") {
  AddCluster("viewed");
  v1::ListClustersRequest list;
  list.set_page_size(1000);
  const auto find = [&](v1::ClusterView view) {
    list.set_view(view);
    const auto answer = Must<v1::ListClustersResponse>(list);
    for (const auto& cluster : answer.clusters()) {
      if (cluster.name() == "viewed") return cluster;
    }
    FAIL("viewed is not listed");
    return v1::Cluster();
  };
  CHECK_FALSE(find(v1::CLUSTER_VIEW_UNSPECIFIED).has_topology());
  CHECK_FALSE(find(v1::CLUSTER_VIEW_BASIC).has_topology());
  CHECK(find(v1::CLUSTER_VIEW_FULL).has_topology());
  CHECK(find(v1::CLUSTER_VIEW_BASIC).instances(0).component() == v1::COMPONENT_DM_MASTER);
  v1::GetClusterRequest get;
  get.set_cluster_name("viewed");
  CHECK(Must<v1::GetClusterResponse>(get).cluster().has_topology());
  get.set_view(v1::CLUSTER_VIEW_BASIC);
  CHECK_FALSE(Must<v1::GetClusterResponse>(get).cluster().has_topology());
}

}  // namespace
}  // namespace dmgr::testing
