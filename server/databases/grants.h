// What SHOW GRANTS says. Pure.
#ifndef DMGR_SERVER_DATABASES_GRANTS_H_
#define DMGR_SERVER_DATABASES_GRANTS_H_

#include <set>
#include <string>
#include <vector>

namespace dmgr::databases {

struct Grants {
  // In capitals: of all databases, and of some only.
  std::set<std::string> everywhere;
  std::set<std::string> somewhere;

  bool Has(const std::string& privilege) const;
  bool HasSomewhere(const std::string& privilege) const;
};

// Of lines such as "GRANT SELECT, RELOAD ON *.* TO `dm`@`%`"; others are passed over. Names that
// MariaDB has given privileges since are those of MySQL.
Grants ReadGrants(const std::vector<std::string>& lines);

}  // namespace dmgr::databases

#endif  // DMGR_SERVER_DATABASES_GRANTS_H_
