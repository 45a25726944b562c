#include "server/operations/calls/adoption.h"

#include <memory>
#include <optional>

#include "common/error.h"
#include "common/secret.h"
#include "server/clusters/migration.h"
#include "server/operations/calls/require.h"

namespace dmgr::operations {
namespace {

// The reasons are the callers'.
absl::Status NotAdopted(absl::StatusCode code, const char* reason, store::MigrationKind kind,
                        const std::string& name, const char* why, const char* remedy) {
  const char* noun = store::NameOf(kind);
  return Error(code, reason, "{} {} {}", noun, name, why).With(noun, name).Remedy(remedy);
}

// What is stored with the operation.
struct Adopted {
  store::MigrationKey key{};
  store::MigrationRevision revision{};
};

}  // namespace

absl::Status NotKept(const char* reason, store::MigrationKind kind, const std::string& name) {
  return NotAdopted(absl::StatusCode::kFailedPrecondition, reason, kind, name,
                    "is not among what the dm-masters keep, where its password would be",
                    "see the logs of the dm-masters, and ask again");
}

ChangeRules RulesOfAdopt(const Resources& resources, const Caller& caller,
                         const AdoptRules& rules) {
  const auto adopted = std::make_shared<Adopted>();
  ChangeRules change;
  change.of_foreign = true;
  change.require = [](const Subject& subject) { return RequireUp(subject.record); };
  change.look = [adopted, &resources, &caller, &rules](const Subject& subject) -> absl::Status {
    adopted->key = {
        .cluster_uuid = subject.record.cluster.uuid, .kind = rules.kind, .name = rules.name};
    std::optional<store::MigrationRecord> recorded;
    std::int64_t next = 0;
    RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(recorded, store::FindMigration(tx, adopted->key));
      ASSIGN_OR_RETURN(next, store::NextRevision(tx, adopted->key));
      return absl::OkStatus();
    }));
    if (recorded.has_value()) {
      return NotAdopted(absl::StatusCode::kAlreadyExists, rules.known_reason, rules.kind,
                        rules.name, "is managed by dmgr already", "change it as it is");
    }
    ASSIGN_OR_RETURN(auto config, rules.look(subject));
    const WipeAtEnd wiped(&config);
    RETURN_IF_ERROR(rules.check(config));
    adopted->revision = clusters::SealMigration(resources, adopted->key, next, config, caller.user);
    return absl::OkStatus();
  };
  change.plan = [adopted, &rules](const Subject& subject) {
    return rules.plan(subject.record.cluster, adopted->revision.revision);
  };
  change.store = [adopted](store::Transaction& tx) {
    return store::InsertRevision(tx, adopted->key, adopted->revision);
  };
  return change;
}

}  // namespace dmgr::operations
