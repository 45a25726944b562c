// What a connection string gives away.
#include <algorithm>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/address.h"
#include "server/store/database.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

// "/run/postgresql", "@abstract", or an address of this machine.
bool IsHere(const std::string& host) {
  return host.empty() || host[0] == '/' || host[0] == '@' || IsLoopback(host);
}

}  // namespace

absl::Status CheckTransport(const std::string& dsn) {
  ASSIGN_OR_RETURN(const auto values, ValuesOf(dsn));
  const auto value = [&](const char* key) {
    const auto it = values.find(key);
    return it == values.end() ? std::string() : it->second;
  };
  if (value("sslmode") == "verify-full") return absl::OkStatus();
  // libpq connects to hostaddr where there is one.
  const std::string servers = value(values.contains("hostaddr") ? "hostaddr" : "host");
  const std::vector<std::string> hosts = absl::StrSplit(servers, ',');
  const auto away = std::find_if_not(hosts.begin(), hosts.end(), IsHere);
  if (away == hosts.end()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DSN_UNSAFE",
               "[database] dsn: who is between this machine and {} could read and change all that "
               "goes there",
               *away)
      .Remedy(
          "add sslmode=verify-full, and sslrootcert for a CA of yours; in a network that you trust "
          "set [database] transport = \"any\"");
}

bool HoldsPassword(const std::string& dsn) {
  const auto values = ValuesOf(dsn);
  return values.ok() && values->contains("password");
}

}  // namespace dmgr::store
