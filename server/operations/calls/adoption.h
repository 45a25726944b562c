// The way of the calls that take over what others have made in DM: what DM keeps of it is stored
// with the operation, as a revision.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_ADOPTION_H_
#define DMGR_SERVER_OPERATIONS_CALLS_ADOPTION_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/plan.h"
#include "server/operations/calls/change.h"
#include "server/resources/resources.h"
#include "server/store/migration_store.h"

namespace dmgr::operations {

// How long a look at all that the dm-masters keep may take.
inline constexpr absl::Duration kAdoptTime = absl::Seconds(60);

// What sets one kind apart from the other.
struct AdoptRules {
  store::MigrationKind kind = store::MigrationKind::kSource;
  std::string name{};
  // Reason of the refusal when dmgr has it already: "SOURCE_KNOWN".
  const char* known_reason = "";
  // The configuration that DM has, with its secrets. Reads only.
  std::function<absl::StatusOr<std::string>(const Subject&)> look{};
  // Whether dmgr can manage one with this configuration.
  std::function<absl::Status(const std::string& config)> check{};
  // How the revision that is stored becomes the one in effect.
  std::function<engine::Plan(const topology::Cluster&, std::int64_t revision)> plan{};
};

// FAILED_PRECONDITION with this reason: the dm-masters do not keep what DM tells of.
absl::Status NotKept(const char* reason, store::MigrationKind kind, const std::string& name);

// The change itself. All three must outlive it.
ChangeRules RulesOfAdopt(const Resources& resources, const Caller& caller, const AdoptRules& rules);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_ADOPTION_H_
