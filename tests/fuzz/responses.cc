// Bytes that a server sends as the response of any method, on the screen of a person and in the
// hands of a program.
#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "client/output/prefixed.h"
#include "client/output/structured.h"
#include "client/output/tables.h"
#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/check_service.pb.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "dmgr/v1/server_service.pb.h"
#include "dmgr/v1/token_service.pb.h"
#include "dmgr/v1/user_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "tests/fuzz/method.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

using AnyMessage = google::protobuf::Message;

template <typename Response>
bool AddTable(const AnyMessage& message, std::string* table) {
  const auto* response = dynamic_cast<const Response*>(&message);
  if (response != nullptr) *table = client::ToTable(*response);
  return response != nullptr;
}

template <typename... Responses>
std::string TableOf(const AnyMessage& message) {
  std::string table;
  (AddTable<Responses>(message, &table) || ...);
  return table;
}

std::string Table(const AnyMessage& message) {
  return TableOf<v1::ListMachinesResponse, v1::GetMachineResponse, v1::CheckMachineResponse,
                 v1::CleanMachineResponse, v1::ListPackagesResponse, v1::GetPackageResponse,
                 v1::ListClustersResponse, v1::GetClusterResponse, v1::GetClusterStatusResponse,
                 v1::VerifyClusterResponse, v1::CheckClusterResponse, v1::CheckTopologyResponse,
                 v1::ListOperationsResponse, v1::GetOperationResponse,
                 v1::ListOperationEventsResponse, v1::ListPatchesResponse, v1::GetPatchResponse,
                 v1::WhoAmIResponse, v1::ListTokensResponse, v1::ListUsersResponse,
                 v1::GetUserResponse, v1::GetServerInfoResponse, v1::ListAuditRecordsResponse,
                 v1::VerifyAuditLogResponse>(message);
}

}  // namespace

void FuzzResponses(std::string_view input) {
  const auto* type = TakeMethod(&input)->output_type();
  auto* const factory = google::protobuf::MessageFactory::generated_factory();
  const std::unique_ptr<AnyMessage> response(factory->GetPrototype(type)->New());
  if (!response->ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  const std::string json = client::ToJson(*response);
  Must(nlohmann::json::accept(json), "what programs get is no JSON");
  Must(nlohmann::json::accept(client::ToJsonLine(*response)), "a line is no JSON");
  const auto yaml = YAML::Load(client::ToYaml(*response));
  Must(!yaml.IsMap() || yaml.size() == nlohmann::json::parse(json).size(),
       "the YAML has other keys than the JSON");
  client::MakeHarmless(response.get());
  Must(IsPlainText(Table(*response), "\n\t"), "a terminal obeys a table");
}

}  // namespace dmgr::fuzz
