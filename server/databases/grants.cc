#include "server/databases/grants.h"

#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "common/error.h"

namespace dmgr::databases {
namespace {

constexpr char kAll[] = "ALL PRIVILEGES";

// MariaDB's own names, since 10.5.
std::string NameInMysql(const std::string& name) {
  if (name == "BINLOG MONITOR") return "REPLICATION CLIENT";
  if (name == "ALL") return kAll;
  return name;
}

}  // namespace

bool Grants::Has(const std::string& privilege) const {
  return everywhere.contains(privilege) || everywhere.contains(kAll);
}

bool Grants::HasSomewhere(const std::string& privilege) const {
  return Has(privilege) || somewhere.contains(privilege) || somewhere.contains(kAll);
}

Grants ReadGrants(const std::vector<std::string>& lines) {
  constexpr std::string_view kGrant = "GRANT ";
  constexpr std::string_view kOn = " ON ";
  Grants grants;
  for (const std::string& line : lines) {
    const std::size_t on = line.find(kOn);
    if (!line.starts_with(kGrant) || on == std::string::npos || on < kGrant.size()) continue;
    auto& held = std::string_view(line).substr(on + kOn.size()).starts_with("*.* ")
                     ? grants.everywhere
                     : grants.somewhere;
    const std::string names = line.substr(kGrant.size(), on - kGrant.size());
    for (const absl::string_view name : absl::StrSplit(names, ',')) {
      held.insert(NameInMysql(absl::AsciiStrToUpper(absl::StripAsciiWhitespace(name))));
    }
  }
  return grants;
}

}  // namespace dmgr::databases
