// The numbered SQL files of migrations/, compiled in.
#ifndef DMGR_SERVER_STORE_MIGRATIONS_H_
#define DMGR_SERVER_STORE_MIGRATIONS_H_

#include <vector>

namespace dmgr::store {

struct Migration {
  int version;
  const char* name;  // "init" of V001__init.sql.
  const char* sql;
};

// By version: 1, 2, 3, ...
const std::vector<Migration>& Migrations();

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_MIGRATIONS_H_
