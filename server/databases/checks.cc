#include "server/databases/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/utf8.h"
#include "server/databases/grants.h"

namespace dmgr::databases {
namespace {

using v1::DATABASE_CHECK_RESULT_FAIL;
using v1::DATABASE_CHECK_RESULT_PASS;
using v1::DATABASE_CHECK_RESULT_WARN;

constexpr std::size_t kMaxFound = 200;
constexpr char kVariables[] =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'server_id', 'log_bin', "
    "'binlog_format', 'binlog_row_image', 'gtid_mode')";

// What a database says of itself.
struct Said {
  std::map<std::string, std::string> variables;
  Grants grants;

  std::string Get(const std::string& name) const {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  }
};

absl::StatusOr<Said> Listen(const Account& account, absl::Time deadline) {
  ASSIGN_OR_RETURN(auto connection, Connection::Open(account, deadline));
  Said said;
  ASSIGN_OR_RETURN(const auto variables, connection.Ask(kVariables));
  for (const auto& row : variables) {
    if (row.size() == 2) said.variables[row[0]] = row[1];
  }
  ASSIGN_OR_RETURN(const auto grants, connection.Ask("SHOW GRANTS"));
  std::vector<std::string> lines;
  for (const auto& row : grants) {
    if (!row.empty()) lines.push_back(row[0]);
  }
  said.grants = ReadGrants(lines);
  return said;
}

class Table {
 public:
  void Add(const char* name, v1::DatabaseCheckResult result, const std::string& found,
           const std::string& instruction) {
    v1::DatabaseCheck check;
    check.set_check_name(name);
    check.set_result(result);
    check.set_found(found.empty() ? "not there" : OneLine(found, kMaxFound));
    if (result != DATABASE_CHECK_RESULT_PASS) check.set_instruction(instruction);
    checks_.push_back(std::move(check));
  }
  // Fails unless it is so.
  void Require(bool is_so, const char* name, const std::string& found,
               const std::string& instruction) {
    Add(name, is_so ? DATABASE_CHECK_RESULT_PASS : DATABASE_CHECK_RESULT_FAIL, found, instruction);
  }
  Checks Sorted() && {
    std::ranges::stable_sort(checks_,
                             [](const auto& a, const auto& b) { return a.result() > b.result(); });
    return std::move(checks_);
  }

 private:
  Checks checks_;
};

// "10.11" of "10.11.6-MariaDB-1:10.11.6+maria~deb12"; nullopt when it does not begin so.
std::optional<std::pair<int, int>> NumbersOf(const std::string& version) {
  int major = 0;
  int minor = 0;
  const char* end = version.data() + version.size();
  const auto first = std::from_chars(version.data(), end, major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc()) return std::nullopt;
  return std::pair(major, minor);
}

bool IsMariadb(const std::string& version) { return version.find("MariaDB") != std::string::npos; }

void CheckSourceVersion(const std::string& version, Table* table) {
  const auto numbers = NumbersOf(version);
  if (IsMariadb(version)) {
    const bool is_known = numbers.has_value() && *numbers >= std::pair(10, 1);
    table->Add("version", is_known ? DATABASE_CHECK_RESULT_WARN : DATABASE_CHECK_RESULT_FAIL,
               version,
               is_known ? "DM reads MariaDB, and calls that experimental"
                        : "take MariaDB 10.1.2 or newer");
    return;
  }
  const bool is_old = !numbers.has_value() || *numbers < std::pair(5, 6);
  const bool is_new = !is_old && *numbers > std::pair(8, 0);
  table->Add("version",
             is_old   ? DATABASE_CHECK_RESULT_FAIL
             : is_new ? DATABASE_CHECK_RESULT_WARN
                      : DATABASE_CHECK_RESULT_PASS,
             version,
             is_old ? "take MySQL 5.6 or newer"
                    : "DM is tested with MySQL up to 8.0: try the task before it counts");
}

// With those that are held for some databases only as a warning.
void CheckPrivileges(const Grants& grants, const std::vector<std::string>& needed,
                     const std::string& user, Table* table) {
  std::vector<std::string> missing;
  std::vector<std::string> partial;
  for (const auto& one : needed) {
    if (grants.Has(one)) continue;
    (grants.HasSomewhere(one) ? partial : missing).push_back(one);
  }
  if (!missing.empty()) {
    const auto list = fmt::format("{}", fmt::join(missing, ", "));
    table->Add("privileges", DATABASE_CHECK_RESULT_FAIL, "without " + list,
               fmt::format("GRANT {} ON *.* TO the account {}", list, user));
  } else if (!partial.empty()) {
    table->Add("privileges", DATABASE_CHECK_RESULT_WARN,
               fmt::format("{} for some databases only", fmt::join(partial, ", ")),
               "see that all that is migrated is among them");
  } else {
    table->Add("privileges", DATABASE_CHECK_RESULT_PASS, fmt::format("{}", fmt::join(needed, ", ")),
               "");
  }
}

}  // namespace

absl::StatusOr<Checks> CheckSourceDatabase(const Account& account, bool needs_gtid,
                                           absl::Time deadline) {
  ASSIGN_OR_RETURN(const Said said, Listen(account, deadline));
  const std::string version = said.Get("version");
  Table table;
  CheckSourceVersion(version, &table);
  const std::string server_id = said.Get("server_id");
  table.Require(!server_id.empty() && server_id != "0", "server_id", server_id,
                "set server_id to a number of its own in the database's configuration");
  table.Require(said.Get("log_bin") == "ON", "log_bin", said.Get("log_bin"),
                "set log_bin in the database's configuration, and start it again");
  table.Require(said.Get("binlog_format") == "ROW", "binlog_format", said.Get("binlog_format"),
                "set binlog_format=ROW, and let sessions that write begin anew");
  table.Require(said.Get("binlog_row_image") == "FULL", "binlog_row_image",
                said.Get("binlog_row_image"),
                "set binlog_row_image=FULL, and let sessions that write begin anew");
  if (needs_gtid && !IsMariadb(version)) {
    table.Require(said.Get("gtid_mode") == "ON", "gtid_mode", said.Get("gtid_mode"),
                  "set gtid_mode=ON in the database, or enable-gtid: false in the source");
  }
  CheckPrivileges(said.grants, {"REPLICATION SLAVE", "REPLICATION CLIENT", "RELOAD", "SELECT"},
                  account.user, &table);
  return std::move(table).Sorted();
}

absl::StatusOr<Checks> CheckTargetDatabase(const Account& account, absl::Time deadline) {
  ASSIGN_OR_RETURN(const Said said, Listen(account, deadline));
  const std::string version = said.Get("version");
  Table table;
  const bool is_tidb = version.find("TiDB") != std::string::npos;
  table.Add("version", is_tidb ? DATABASE_CHECK_RESULT_PASS : DATABASE_CHECK_RESULT_WARN, version,
            "DM writes to TiDB; with another database some statements may not be taken");
  CheckPrivileges(said.grants,
                  {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX"},
                  account.user, &table);
  return std::move(table).Sorted();
}

}  // namespace dmgr::databases
