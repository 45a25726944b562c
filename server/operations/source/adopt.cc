// Sources that others have made become dmgr's own: DM is only looked at.
#include <cstdint>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/operations/calls/adoption.h"
#include "server/operations/source/plan.h"
#include "server/operations/source/seen.h"
#include "server/operations/source/source.h"

namespace dmgr::operations {

absl::StatusOr<v1::Operation> AdoptSource(const Resources& resources,
                                          const v1::AdoptSourceRequest& request,
                                          const Caller& caller) {
  const std::string& source = request.source_id();
  AdoptRules rules{
      .kind = store::MigrationKind::kSource, .name = source, .known_reason = "SOURCE_KNOWN"};
  rules.look = [&](const Subject& subject) -> absl::StatusOr<std::string> {
    const auto& cluster = subject.record.cluster;
    ASSIGN_OR_RETURN(const auto seen, LookAtSources(resources, cluster));
    if (seen.Find(source) == nullptr) return SourceNotFound(cluster.name, source);
    ASSIGN_OR_RETURN(
        auto kept, LookAtKept(resources, cluster, source, {.deadline = SteadyNow() + kAdoptTime}));
    if (!kept.has_value()) return NotKept("SOURCE_NOT_KEPT", rules.kind, source);
    return std::move(kept->config);
  };
  rules.check = [](const std::string& config) { return migrations::ReadSource(config).status(); };
  rules.plan = [&](const topology::Cluster& cluster, std::int64_t revision) {
    pv1::SourceParams params;
    params.set_source_id(source);
    params.set_revision(revision);
    return PlanAdoptSource(cluster, params);
  };
  return Change(resources, request, caller, RulesOfAdopt(resources, caller, rules));
}

}  // namespace dmgr::operations
