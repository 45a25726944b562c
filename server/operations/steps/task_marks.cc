#include "server/operations/steps/task_marks.h"

#include <nlohmann/json.hpp>

#include "common/package/sha256.h"
#include "common/untrusted_json.h"
#include "server/migrations/config.h"

namespace dmgr::operations {

std::string MarkIn(const std::string& details_json) {
  const auto details = ParseUntrustedJson(details_json, kListLimits);
  if (!details.has_value() || !details->is_object()) return "";
  const auto mark = details->find("mark");
  return mark != details->end() && mark->is_string() ? mark->get<std::string>() : "";
}

std::string MarkOf(const Resources& resources, const topology::Cluster& cluster,
                   const std::string& task, const dm::Within& within) {
  const auto shown =
      resources.members->migrations().GetConfig(cluster, pb::CFG_TYPE_TASK, task, within);
  if (!shown.ok()) return "";
  const std::string canonical = migrations::CanonicalTask(*shown);
  if (canonical.empty()) return "";
  package::Sha256 hash;
  hash.Update(canonical);
  return cluster.version + " " + hash.Hex();
}

bool DiffersInDm(const Resources& resources, const topology::Cluster& cluster,
                 const store::MigrationRecord& record, const dm::Within& within) {
  const std::string given = MarkIn(record.details_json);
  if (!given.starts_with(cluster.version + " ")) return false;
  const std::string there = MarkOf(resources, cluster, record.key.name, within);
  return !there.empty() && there != given;
}

}  // namespace dmgr::operations
