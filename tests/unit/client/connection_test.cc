// How a call finds its method.
#include "client/connection.h"

#include <google/protobuf/descriptor.h>

#include <catch2/catch.hpp>
#include <set>

#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/check_service.pb.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/host_key_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "dmgr/v1/repair_service.pb.h"
#include "dmgr/v1/server_service.pb.h"
#include "dmgr/v1/user_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::client {
namespace {

TEST_CASE("every method of the API has a request of its own, declared beside it", "[connection]") {
  std::set<const google::protobuf::Descriptor*> requests;
  int methods = 0;
  for (const auto* file :
       {v1::ListAuditRecordsRequest::descriptor()->file(), v1::LoginRequest::descriptor()->file(),
        v1::GetClusterRequest::descriptor()->file(), v1::GetMachineRequest::descriptor()->file(),
        v1::GetOperationRequest::descriptor()->file(),
        v1::VerifyClusterRequest::descriptor()->file(),
        v1::GetServerInfoRequest::descriptor()->file(), v1::GetUserRequest::descriptor()->file(),
        v1::GetPackageRequest::descriptor()->file(), v1::RepairClusterRequest::descriptor()->file(),
        v1::ScanHostKeyRequest::descriptor()->file()}) {
    REQUIRE(file->service_count() == 1);
    for (int i = 0; i < file->service(0)->method_count(); ++i) {
      const auto* method = file->service(0)->method(i);
      INFO(method->full_name());
      ++methods;
      CHECK(requests.insert(method->input_type()).second);
      CHECK(method->input_type()->file() == file);
      CHECK(method->input_type()->name() == method->name() + "Request");
      CHECK(method->output_type()->name() == method->name() + "Response");
    }
  }
  CHECK(methods > 45);
}

TEST_CASE("a call whose answer is another method's sends nothing", "[connection]") {
  Connection connection("127.0.0.1:1", "");
  const auto mixed = connection.Call<v1::GetUserResponse>(v1::WhoAmIRequest());
  CHECK(mixed.status().code() == absl::StatusCode::kInternal);
  const auto none = connection.Call<v1::GetUserResponse>(v1::User());
  CHECK(none.status().code() == absl::StatusCode::kInternal);
}

TEST_CASE("where nobody listens, a call says so and what to do", "[connection]") {
  Connection connection("127.0.0.1:1", "");
  const auto refused = connection.Call<v1::WhoAmIResponse>(v1::WhoAmIRequest());
  CHECK(absl::IsUnavailable(refused.status()));
  CHECK(Reason(refused.status()) == "SERVER_UNREACHABLE");
  CHECK_FALSE(Metadata(refused.status(), "remedy").empty());
}

}  // namespace
}  // namespace dmgr::client
