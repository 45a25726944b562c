// Configurations that tasks have had.
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/error.h"
#include "common/secret.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/operations/task/seen.h"
#include "server/operations/task/task.h"

namespace dmgr::operations {
namespace {

using Operations = std::map<std::int64_t, std::string>;

// current: the number of the one in effect.
v1::TaskRevision ShownRevision(const store::MigrationRevision& revision, std::int64_t current,
                               const Operations& operations) {
  v1::TaskRevision shown;
  shown.set_revision(revision.revision);
  shown.set_current(revision.revision == current);
  shown.mutable_create_time()->set_seconds(absl::ToUnixSeconds(revision.create_time));
  shown.set_user_name(revision.user_name);
  const auto operation = operations.find(revision.revision);
  if (operation != operations.end()) shown.set_operation_id(operation->second);
  return shown;
}

// A task of dmgr's, in one reading with what `read` wants of it.
absl::Status ReadTaskOf(
    const Resources& resources, const std::string& cluster, const std::string& task,
    const std::function<absl::Status(store::Transaction&, const store::MigrationRecord&)>& read) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  return resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto recorded,
                     store::FindMigration(tx, TaskKey(record.cluster.uuid, task)));
    if (!recorded.has_value()) return TaskNotFound(cluster, task);
    return read(tx, *recorded);
  });
}

}  // namespace

absl::StatusOr<std::vector<v1::TaskRevision>> ListTaskRevisions(const Resources& resources,
                                                                const std::string& cluster,
                                                                const std::string& task) {
  std::vector<v1::TaskRevision> shown;
  RETURN_IF_ERROR(ReadTaskOf(
      resources, cluster, task,
      [&](store::Transaction& tx, const store::MigrationRecord& record) -> absl::Status {
        shown.clear();
        ASSIGN_OR_RETURN(const auto operations, store::ListRevisionOperations(tx, record.key));
        ASSIGN_OR_RETURN(const auto revisions, store::ListRevisions(tx, record.key));
        for (const auto& one : revisions) {
          shown.push_back(ShownRevision(one, record.config.revision, operations));
        }
        return absl::OkStatus();
      }));
  return shown;
}

absl::StatusOr<v1::TaskRevision> GetTaskRevision(const Resources& resources,
                                                 const v1::GetTaskRevisionRequest& request) {
  v1::TaskRevision shown;
  RETURN_IF_ERROR(ReadTaskOf(
      resources, request.cluster_name(), request.task_name(),
      [&](store::Transaction& tx, const store::MigrationRecord& record) -> absl::Status {
        const std::int64_t current = record.config.revision;
        ASSIGN_OR_RETURN(const auto operations, store::ListRevisionOperations(tx, record.key));
        ASSIGN_OR_RETURN(
            const auto revision,
            store::GetRevision(tx, record.key,
                               request.revision() == 0 ? current : request.revision()));
        shown = ShownRevision(revision, current, operations);
        if (revision.sealed_config.empty()) return absl::OkStatus();
        ASSIGN_OR_RETURN(auto config, clusters::OpenMigration(resources, record.key, revision));
        const WipeAtEnd wiped(&config);
        shown.set_config_yaml(migrations::HideSecrets(config));
        return absl::OkStatus();
      }));
  return shown;
}

}  // namespace dmgr::operations
