// Tables of who may do what, of what was done, and of dmgrd itself.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/output/format.h"
#include "client/output/tables.h"
#include "common/enum_words.h"
#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/server_service.pb.h"
#include "dmgr/v1/token_service.pb.h"
#include "dmgr/v1/user_service.pb.h"

namespace dmgr::client {

namespace {

// "operator of test, team=orders".
std::string GrantText(const v1::Grant& grant) {
  std::vector<std::string> clusters(grant.cluster_names().begin(), grant.cluster_names().end());
  std::vector<std::string> labels;
  for (const auto& [key, value] : grant.labels()) labels.push_back(key + "=" + value);
  std::sort(labels.begin(), labels.end());
  if (!labels.empty()) clusters.push_back(fmt::format("{}", fmt::join(labels, "+")));
  return fmt::format("{} of {}", Word(v1::Role_Name(grant.role()), "ROLE_"),
                     fmt::join(clusters, ", "));
}

// Of a user, or of a token.
template <typename Owner>
std::string RolesText(const Owner& owner) {
  std::vector<std::string> roles;
  if (owner.role() != v1::ROLE_UNSPECIFIED) {
    roles.push_back(Word(v1::Role_Name(owner.role()), "ROLE_"));
  }
  for (const auto& grant : owner.grants()) roles.push_back(GrantText(grant));
  return fmt::format("{}", fmt::join(roles, "; "));
}

}  // namespace

std::string ToTable(const v1::WhoAmIResponse& response) {
  if (response.has_token()) {
    return Table({{"USER", "ROLE", "API TOKEN", "ITS ROLE", "EXPIRES"},
                  {response.user().name(), RolesText(response.user()), response.token().name(),
                   RolesText(response.token()), LocalTime(response.expire_time())}});
  }
  if (!response.certificate_serial().empty()) {
    return Table({{"USER", "ROLE", "CERTIFICATE", "EXPIRES"},
                  {response.user().name(), RolesText(response.user()),
                   response.certificate_serial(), LocalTime(response.expire_time())}});
  }
  return Table(
      {{"USER", "ROLE", "SESSION ENDS"},
       {response.user().name(), RolesText(response.user()), LocalTime(response.expire_time())}});
}

std::string ToTable(const v1::ListTokensResponse& response) {
  std::vector<std::vector<std::string>> rows = {
      {"USER", "API TOKEN", "ROLE", "SINCE", "EXPIRES", "LAST USE"}};
  for (const auto& token : response.tokens()) {
    rows.push_back({token.user_name(), token.name(), RolesText(token),
                    LocalTime(token.create_time()), LocalTime(token.expire_time()),
                    token.has_last_use_time() ? LocalTime(token.last_use_time()) : "-"});
  }
  return Table(rows);
}

std::string ToTable(const v1::ListUsersResponse& response) {
  std::vector<std::vector<std::string>> rows = {{"USER", "ROLE", "SINCE", "MAY LOG IN"}};
  for (const auto& user : response.users()) {
    rows.push_back({user.name(), RolesText(user), LocalTime(user.create_time()),
                    user.disabled() ? "no" : "yes"});
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
  if (record.without_outcome()) return "begun, cut off";
  const std::string code = absl::StatusCodeToString(static_cast<absl::StatusCode>(record.code()));
  return record.calls() > 1 ? fmt::format("{} ({} times)", code, record.calls()) : code;
}

// "carol", or "carol/backups" of one with an API token.
std::string CallerText(const v1::AuditRecord& record) {
  if (record.user_name().empty()) return "-";
  return record.token_name().empty() ? record.user_name()
                                     : record.user_name() + "/" + record.token_name();
}

std::string ToTable(const v1::ListAuditRecordsResponse& response) {
  std::vector<std::vector<std::string>> rows = {
      {"TIME", "USER", "FROM", "CALL", "ABOUT", "RESULT", "OPERATION"}};
  for (const auto& record : response.records()) {
    rows.push_back({LocalTime(record.time()), CallerText(record), record.peer(),
                    record.method().substr(record.method().rfind('.') + 1),
                    record.target().empty() ? "-" : record.target(), ResultOf(record),
                    record.operation_id().empty() ? "-" : record.operation_id()});
  }
  return Table(rows);
}

std::string ToTable(const v1::VerifyAuditLogResponse& response) {
  if (response.records() == 0 && response.problem_count() == 0) return "no record yet\n";
  std::string text;
  for (const auto& problem : response.problems()) text += problem.text() + "\n";
  const auto more = response.problem_count() - response.problems_size();
  if (more > 0) text += fmt::format("and {} more\n", more);
  text += fmt::format("{} records, {} to {}: {}\n", response.records(), response.first_audit_id(),
                      response.last().audit_id(),
                      response.problem_count() == 0
                          ? std::string("all as they were written, none missing between them")
                          : fmt::format("{} problems", response.problem_count()));
  if (response.unverified_records() > 0) {
    text += fmt::format("of {} nobody can tell: the master key of then was given up\n",
                        response.unverified_records());
  }
  if (response.last().chain().empty()) return text;
  return text +
         fmt::format(
             "to know later that none is missing at the end, note elsewhere, and type then:\n"
             "  dmgrctl audit verify --noted {}:{}\n",
             response.last().audit_id(), response.last().chain());
}

}  // namespace dmgr::client
