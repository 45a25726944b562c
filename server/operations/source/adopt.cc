// Sources that others have made become dmgr's own: DM is only looked at.
#include <optional>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/clusters/migration.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/source/plan.h"
#include "server/operations/source/seen.h"
#include "server/operations/source/source.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kKeysTime = absl::Seconds(60);

absl::Status AdoptRefused(absl::StatusCode code, const char* reason, const std::string& source,
                          const char* why, const char* remedy) {
  // The reasons are in the call below.
  return Error(code, reason, "source {} {}", source, why).With("source", source).Remedy(remedy);
}

}  // namespace

absl::StatusOr<v1::Operation> AdoptSource(const Resources& resources,
                                          const v1::AdoptSourceRequest& request,
                                          const Caller& caller) {
  const std::string& source = request.source_id();
  store::MigrationKey key;
  store::MigrationRevision revision;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    key = SourceKey(subject.record.cluster.uuid, source);
    std::optional<store::MigrationRecord> recorded;
    std::int64_t next = 0;
    RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(recorded, store::FindMigration(tx, key));
      ASSIGN_OR_RETURN(next, store::NextRevision(tx, key));
      return absl::OkStatus();
    }));
    if (recorded.has_value()) {
      return AdoptRefused(absl::StatusCode::kAlreadyExists, "SOURCE_KNOWN", source,
                          "is managed by dmgr already", "change it as it is");
    }
    ASSIGN_OR_RETURN(const auto seen, LookAtSources(resources, subject.record.cluster));
    if (seen.Find(source) == nullptr) return SourceNotFound(subject.record.cluster.name, source);
    ASSIGN_OR_RETURN(auto kept, LookAtKept(resources, subject.record.cluster, source,
                                           {.deadline = SteadyNow() + kKeysTime}));
    if (!kept.has_value()) {
      return AdoptRefused(absl::StatusCode::kFailedPrecondition, "SOURCE_NOT_KEPT", source,
                          "is not among what the dm-masters keep, where its password would be",
                          "see the logs of the dm-masters, and ask again");
    }
    const WipeAtEnd wiped(&kept->config);
    RETURN_IF_ERROR(migrations::ReadSource(kept->config).status());
    revision = clusters::SealMigration(resources, key, next, kept->config, caller.user);
    return absl::OkStatus();
  };
  rules.plan = [&](const Subject& subject) {
    pv1::SourceParams params;
    params.set_source_id(source);
    params.set_revision(revision.revision);
    return PlanAdoptSource(subject.record.cluster, params);
  };
  rules.store = [&](store::Transaction& tx) { return store::InsertRevision(tx, key, revision); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
