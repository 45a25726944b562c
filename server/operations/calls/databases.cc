#include "server/operations/calls/databases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/address.h"
#include "common/error.h"

namespace dmgr::operations {
namespace {

// With the way around it: the dm-workers may reach what dmgrd does not.
absl::Status NotAsked(const std::string& what, const absl::Status& why) {
  const std::string reason = Reason(why);
  const char* remedy = nullptr;
  if (reason == "DATABASE_UNREACHABLE") {
    remedy =
        "see whether it runs, and whether the host of dmgrd reaches it; if only the dm-workers "
        "do, set skip_checks";
  } else if (reason == "DATABASE_LOGIN") {
    remedy =
        "correct user and password; if the account is let in from the dm-workers only, or its "
        "password is encrypted for DM, set skip_checks";
  } else if (reason == "DATABASE_REFUSED") {
    remedy = "see what the database says; set skip_checks to do without";
  } else {
    return why;
  }
  // The reasons are those of databases::Connection.
  return Error(why.code(), reason, "{} was not checked: {}", what, Message(why))
      .With("database", Metadata(why, "database"))
      .Remedy(remedy);
}

}  // namespace

absl::StatusOr<databases::Checks> RequireReady(const std::string& what,
                                               const databases::Account& account,
                                               const absl::StatusOr<databases::Checks>& found) {
  if (!found.ok()) return NotAsked(what, found.status());
  databases::Checks warnings;
  std::vector<std::string> failures;
  for (const auto& check : *found) {
    if (check.result() == v1::DATABASE_CHECK_RESULT_WARN) warnings.push_back(check);
    if (check.result() != v1::DATABASE_CHECK_RESULT_FAIL) continue;
    failures.push_back(
        fmt::format("{}: {}, {}", check.check_name(), check.found(), check.instruction()));
  }
  if (failures.empty()) return warnings;
  const std::string database = JoinHostPort(account.host, account.port);
  return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_NOT_READY",
               "database {} of {} is not as DM needs it: {}", database, what,
               fmt::join(failures, "; "))
      .With("database", database)
      .Remedy("do what is said of each, and ask again; set skip_checks to go on without");
}

}  // namespace dmgr::operations
