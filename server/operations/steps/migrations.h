// What the steps of sources and tasks have in common.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_MIGRATIONS_H_
#define DMGR_SERVER_OPERATIONS_STEPS_MIGRATIONS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "server/dm/master_client.h"
#include "server/engine/plan.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"
#include "server/store/migration_store.h"

namespace dmgr::operations {

// A call to DM may take so long, and ends with its step.
dm::Within WithinStep(engine::StepContext& context, absl::Duration most);

// A source or task of the step's cluster.
store::MigrationKey MigrationOf(const engine::StepContext& context, store::MigrationKind kind,
                                const std::string& name);

inline constexpr char kKeepRevision[] = "control.keep_revision";

// The first step of an operation that brings a new configuration: it is done by the transaction
// that stores the operation; undone, it drops the configuration.
engine::Step KeepRevisionStep(store::MigrationKind kind, const std::string& name,
                              std::int64_t revision);

// Registers its code.
void RegisterMigrationRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_MIGRATIONS_H_
