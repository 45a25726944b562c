// When a process has read its configuration, by its own metrics.
#ifndef DMGR_SERVER_MEMBERS_LAST_RELOAD_H_
#define DMGR_SERVER_MEMBERS_LAST_RELOAD_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/components/component.h"

namespace dmgr::members {

struct LastReload {
  // Of the last attempt.
  bool succeeded = false;
  // The last success, in seconds since 1970 by its host's clock; its start counts.
  double time = 0;
};

// From its metrics in Prometheus' text form. UNAVAILABLE when they do not tell.
absl::StatusOr<LastReload> ReadLastReload(components::Component component,
                                          const std::string& metrics);

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_LAST_RELOAD_H_
