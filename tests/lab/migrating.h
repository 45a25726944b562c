// What is migrated by kDemo, for tests that want none of it.
#ifndef DMGR_TESTS_LAB_MIGRATING_H_
#define DMGR_TESTS_LAB_MIGRATING_H_

#include "tests/lab/site.h"

namespace dmgr::testing {

// Tasks and sources of whatever test was before are gone.
inline void DropMigrations(Site& site) {
  const nlohmann::json tasks = site.Json({"task", "list", kDemo});
  for (const auto& task : tasks["tasks"]) {
    site.MustCtl({"task", "delete", kDemo, task["task_name"], "--yes"});
  }
  const nlohmann::json sources = site.Json({"source", "list", kDemo});
  for (const auto& source : sources["sources"]) {
    site.MustCtl({"source", "delete", kDemo, source["source_id"], "--yes"});
  }
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_MIGRATING_H_
