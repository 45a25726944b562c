// Tables of who may do what, of what was done, and of dmgrd itself.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/output/format.h"
#include "client/output/tables.h"
#include "common/enum_words.h"
#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/server_service.pb.h"
#include "dmgr/v1/user_service.pb.h"

namespace dmgr::client {

std::string ToTable(const v1::WhoAmIResponse& response) {
  return Table({{"USER", "ROLE", "SESSION ENDS"},
                {response.user().name(), Word(v1::Role_Name(response.user().role()), "ROLE_"),
                 LocalTime(response.expire_time())}});
}

std::string ToTable(const v1::ListUsersResponse& response) {
  std::vector<std::vector<std::string>> rows = {{"USER", "ROLE", "SINCE", "MAY LOG IN"}};
  for (const auto& user : response.users()) {
    rows.push_back({user.name(), Word(v1::Role_Name(user.role()), "ROLE_"),
                    LocalTime(user.create_time()), user.disabled() ? "no" : "yes"});
  }
  return Table(rows);
}

std::string ToTable(const v1::GetUserResponse& response) {
  v1::ListUsersResponse one;
  *one.add_users() = response.user();
  return ToTable(one);
}

std::string ToTable(const v1::GetServerInfoResponse& response) {
  const auto& limits = response.limits();
  return Table(
      {{"dmgrd", response.version()},
       {"Mode", ToWord(response.mode())},
       {"Made for DM", fmt::format("{}", fmt::join(response.dm_versions(), ", "))},
       {"Architectures", fmt::format("{}", fmt::join(response.architectures(), ", "))},
       {"Operations at once", std::to_string(limits.max_operations())},
       {"Steps at once", fmt::format("{} of all operations", limits.max_steps())},
       {"Operations kept",
        limits.keep_days() == 0 ? "for ever" : fmt::format("{} days", limits.keep_days())}});
}

std::string ResultOf(const v1::AuditRecord& record) {
  const std::string code = absl::StatusCodeToString(static_cast<absl::StatusCode>(record.code()));
  return record.calls() > 1 ? fmt::format("{} ({} times)", code, record.calls()) : code;
}

std::string ToTable(const v1::ListAuditRecordsResponse& response) {
  std::vector<std::vector<std::string>> rows = {
      {"TIME", "USER", "FROM", "CALL", "ABOUT", "RESULT", "OPERATION"}};
  for (const auto& record : response.records()) {
    rows.push_back({LocalTime(record.time()), record.user_name().empty() ? "-" : record.user_name(),
                    record.peer(), record.method().substr(record.method().rfind('.') + 1),
                    record.target().empty() ? "-" : record.target(), ResultOf(record),
                    record.operation_id().empty() ? "-" : record.operation_id()});
  }
  return Table(rows);
}

}  // namespace dmgr::client
