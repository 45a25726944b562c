// What is migrated by kDemo, for tests that want none of it.
#ifndef DMGR_TESTS_LAB_MIGRATING_H_
#define DMGR_TESTS_LAB_MIGRATING_H_

#include <chrono>
#include <string>

#include "absl/time/time.h"
#include "tests/lab/site.h"
#include "tests/support/eventually.h"

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

inline absl::Time TimeIn(const nlohmann::json& time) {
  absl::Time read;
  std::string error;
  INFO(time.dump());
  REQUIRE(absl::ParseTime(absl::RFC3339_full, time.get<std::string>(), &read, &error));
  return read;
}

// Until the newest copy of what the dm-masters keep has all that the newest operation has changed.
inline void AwaitCopy(Site& site, int sources, int subtasks) {
  const nlohmann::json newest = site.Json({"operation", "show", NewestOperation(site)});
  const absl::Time since = TimeIn(newest["operation"]["end_time"]);
  nlohmann::json copies;
  const bool is_copied = Eventually(
      [&] {
        copies = site.Json({"cluster", "copies", kDemo})["copies"];
        return !copies.empty() && TimeIn(copies[0]["confirm_time"]) >= since;
      },
      std::chrono::seconds(90));
  INFO("since " << since << ": " << copies.dump());
  REQUIRE(is_copied);
  CHECK(copies[0]["source_count"] == sources);
  CHECK(copies[0]["subtask_count"] == subtasks);
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_MIGRATING_H_
