// Results as a table for people.
#ifndef DMGR_CLIENT_OUTPUT_FORMAT_H_
#define DMGR_CLIENT_OUTPUT_FORMAT_H_

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "dmgr/v1/user_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::client {

// Rows in columns as wide as their widest cell, two spaces between; the first row is the heading.
std::string Table(const std::vector<std::vector<std::string>>& rows);

// "1.5 GiB", "23 MiB", "12 B".
std::string Bytes(std::uint64_t bytes);
// "3d 4h", "5m 10s", "8s".
std::string Span(std::int64_t seconds);
// "2026-11-22 21:30:05", local time; empty for an unset time.
std::string LocalTime(const google::protobuf::Timestamp& time);
// The last words of an enum value's name in lower case: CLUSTER_STATE_UP -> "up".
std::string Word(const std::string& enum_name, const std::string& prefix);

// One response, as a table.
std::string ToTable(const v1::ListMachinesResponse& response);
std::string ToTable(const v1::GetMachineResponse& response);
std::string ToTable(const v1::CheckMachineResponse& response);
std::string ToTable(const v1::ListPackagesResponse& response);
std::string ToTable(const v1::GetPackageResponse& response);
std::string ToTable(const v1::ListClustersResponse& response);
std::string ToTable(const v1::GetClusterResponse& response);
std::string ToTable(const v1::GetClusterStatusResponse& response);
std::string ToTable(const v1::ListOperationsResponse& response);
std::string ToTable(const v1::GetOperationResponse& response);
std::string ToTable(const v1::ListOperationEventsResponse& response);
std::string ToTable(const v1::WhoAmIResponse& response);
std::string ToTable(const v1::ListUsersResponse& response);
std::string ToTable(const v1::ListAuditRecordsResponse& response);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_OUTPUT_FORMAT_H_
