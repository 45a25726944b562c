#include "server/operations/target/target.h"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "common/error.h"
#include "common/messages.h"
#include "server/clusters/migration.h"
#include "server/clusters/record.h"
#include "server/clusters/revisions.h"
#include "server/operations/calls/require.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/target/database.h"
#include "server/store/cluster_store.h"
#include "server/store/migration_store.h"
#include "server/store/operation_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using store::MigrationKey;
using store::MigrationKind;
using store::MigrationRecord;

constexpr int kDefaultPort = 4000;
constexpr char kPem[] = "-----BEGIN ";

MigrationKey KeyOf(const store::ClusterRecord& record, const std::string& name) {
  return {.cluster_uuid = record.cluster.uuid, .kind = MigrationKind::kTarget, .name = name};
}

absl::Status NoTarget(const std::string& cluster, const std::string& name) {
  return Error(absl::StatusCode::kNotFound, "TARGET_NOT_FOUND", "cluster {} has no target {}",
               cluster, name)
      .With("cluster", cluster)
      .With("target", name)
      .Remedy("look which targets it has");
}

// What is wrong with a target as it is to be stored.
absl::Status CheckValid(const v1::Target& target) {
  Error error(absl::StatusCode::kInvalidArgument, "TARGET_INVALID", "the target is not valid");
  bool is_wrong = false;
  const auto wrong = [&](bool is, const char* field, const char* description) {
    if (!is) return;
    error.Field(fmt::format("target.{}", field), description);
    is_wrong = true;
  };
  const auto is_pem = [](const std::string& text) { return text.find(kPem) != std::string::npos; };
  wrong(!topology::IsClusterName(target.target_name()), "target_name",
        "must be 1 to 64 letters, digits and . _ -, and begin with none but a letter or digit");
  wrong(!topology::IsHost(target.host()), "host", "must be the name or the address of a host");
  wrong(target.port() < 1 || target.port() > 65535, "port", "must be from 1 to 65535");
  wrong(target.user_name().empty(), "user_name", "must be set");
  wrong(!target.ca_certificate().empty() && !is_pem(target.ca_certificate()), "ca_certificate",
        "must be PEM");
  wrong(!target.client_certificate().empty() && !is_pem(target.client_certificate()),
        "client_certificate", "must be PEM");
  wrong(!target.client_key().empty() && !is_pem(target.client_key()), "client_key", "must be PEM");
  wrong(target.client_certificate().empty() != target.client_key().empty(), "client_key",
        "comes together with client_certificate");
  wrong(!target.client_certificate().empty() && target.ca_certificate().empty(), "ca_certificate",
        "must be set with client_certificate");
  if (!is_wrong) return absl::OkStatus();
  return error.Remedy("correct what is named");
}

// What is stored of it: all that the caller may set.
v1::Target Stored(const v1::Target& asked) {
  v1::Target target = asked;
  if (target.port() == 0) target.set_port(kDefaultPort);
  target.clear_cluster_name();
  target.clear_task_names();
  target.clear_revision();
  target.clear_update_time();
  return target;
}

absl::StatusOr<v1::Target> TargetOf(const MigrationRecord& record) {
  v1::Target target;
  RETURN_IF_ERROR(ReadStep(record.details_json, &target));
  target.set_cluster_name(record.cluster_name);
  target.set_revision(record.config.revision);
  target.mutable_update_time()->set_seconds(absl::ToUnixSeconds(record.config.create_time));
  return target;
}

// Stores a revision, makes it the one in effect, and returns it as it is answered.
absl::StatusOr<v1::Target> Put(store::Transaction& tx, const Resources& resources,
                               const MigrationKey& key, const v1::Target& target,
                               const Caller& caller) {
  MigrationRecord record{.key = key};
  ASSIGN_OR_RETURN(const auto revision, store::NextRevision(tx, key));
  record.config =
      clusters::SealMigration(resources, key, revision, target.SerializeAsString(), caller.user);
  v1::Target shown = target;
  Redact(&shown);
  record.details_json = StepJson(shown);
  RETURN_IF_ERROR(store::InsertRevision(tx, key, record.config));
  RETURN_IF_ERROR(store::SetMigration(tx, record));
  ASSIGN_OR_RETURN(const auto stored, store::FindMigration(tx, key));
  ASSIGN_OR_RETURN(v1::Target answer, TargetOf(stored.value()));
  ASSIGN_OR_RETURN(const auto tasks, store::ListTasksOfTarget(tx, key.cluster_uuid, key.name));
  *answer.mutable_task_names() = {tasks.begin(), tasks.end()};
  return answer;
}

// What the caller leaves out is what there is; it is sent to the database that it is of.
absl::Status KeepSecrets(const v1::Target& present, v1::Target* target) {
  const bool keeps = (target->password().empty() && !present.password().empty()) ||
                     (target->client_key().empty() && !target->client_certificate().empty());
  const bool is_same = target->host() == present.host() && target->port() == present.port();
  if (keeps && !is_same) {
    return Error(absl::StatusCode::kInvalidArgument, "HIDDEN_SECRET",
                 "target {} is another database with the host or port that is asked for: its "
                 "password and key are needed anew",
                 target->target_name())
        .Field("target.password", "must be set, where host or port change")
        .Remedy("give the password, and the key if there is one");
  }
  if (target->password().empty()) target->set_password(present.password());
  if (target->client_key().empty() && !target->client_certificate().empty()) {
    target->set_client_key(present.client_key());
  }
  return absl::OkStatus();
}

absl::Status CheckRevision(std::int64_t asked, const MigrationRecord& present) {
  if (asked == 0 || asked == present.config.revision) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "MIGRATION_CHANGED",
               "target {} was changed since it was read: it is of revision {}, not {}",
               present.key.name, present.config.revision, asked)
      .With("target", present.key.name)
      .Remedy("read it again, and make the change there");
}

absl::StatusOr<MigrationRecord> FindTarget(store::Transaction& tx, const std::string& cluster,
                                           const MigrationKey& key) {
  ASSIGN_OR_RETURN(auto present, store::FindMigration(tx, key));
  if (!present.has_value()) return NoTarget(cluster, key.name);
  return *std::move(present);
}

absl::Status CheckNew(store::Transaction& tx, const std::string& cluster, const MigrationKey& key) {
  ASSIGN_OR_RETURN(const auto present, store::FindMigration(tx, key));
  if (!present.has_value()) return absl::OkStatus();
  return Error(absl::StatusCode::kAlreadyExists, "TARGET_EXISTS",
               "cluster {} has a target {} already", cluster, key.name)
      .With("cluster", cluster)
      .With("target", key.name)
      .Remedy("change that one, or take another name");
}

// Asks the database of what is about to be recorded; no transaction is open.
template <typename Request, typename Response>
absl::Status AskBefore(const Request& request, const v1::Target& target, Response* response) {
  if (request.skip_checks()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto warnings, RequireTargetReady(target));
  *response->mutable_warnings() = {warnings.begin(), warnings.end()};
  return absl::OkStatus();
}

// The target as it is; one whose secrets were given up has none.
absl::StatusOr<v1::Target> Present(const Resources& resources, const MigrationRecord& record) {
  if (!record.config.sealed_config.empty()) {
    return clusters::OpenTarget(resources, record.key, record.config);
  }
  v1::Target target;
  RETURN_IF_ERROR(ReadStep(record.details_json, &target));
  return target;
}

// What a target is to be, of what it is.
using MakeTarget = std::function<absl::StatusOr<v1::Target>(store::Transaction& tx,
                                                            const MigrationRecord& present)>;

// Makes a target another one, of which its database was asked.
template <typename Response, typename Request>
absl::Status ReplaceTarget(const Resources& resources, const Request& request,
                           const std::string& cluster, const MigrationKey& key,
                           const MakeTarget& make, const Caller& caller,
                           const store::Finish& finish) {
  v1::Target target;
  std::int64_t present_revision = 0;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto present, FindTarget(tx, cluster, key));
    present_revision = present.config.revision;
    ASSIGN_OR_RETURN(target, make(tx, present));
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(CheckValid(target));
  Response response;
  RETURN_IF_ERROR(AskBefore(request, target, &response));
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockCluster(tx, cluster));
    ASSIGN_OR_RETURN(const auto present, FindTarget(tx, cluster, key));
    RETURN_IF_ERROR(CheckRevision(present_revision, present));
    ASSIGN_OR_RETURN(*response.mutable_target(), Put(tx, resources, key, target, caller));
    return finish(tx, response);
  });
}

}  // namespace

absl::Status CreateTarget(const Resources& resources, const v1::CreateTargetRequest& request,
                          const Caller& caller, const store::Finish& finish) {
  const std::string& cluster = request.target().cluster_name();
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  RETURN_IF_ERROR(RequireDeployed(record));
  const v1::Target target = Stored(request.target());
  RETURN_IF_ERROR(CheckValid(target));
  const MigrationKey key = KeyOf(record, target.target_name());
  RETURN_IF_ERROR(
      resources.database->Read([&](store::Transaction& tx) { return CheckNew(tx, cluster, key); }));
  v1::CreateTargetResponse response;
  RETURN_IF_ERROR(AskBefore(request, target, &response));
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockCluster(tx, cluster));
    RETURN_IF_ERROR(CheckNew(tx, cluster, key));
    ASSIGN_OR_RETURN(*response.mutable_target(), Put(tx, resources, key, target, caller));
    return finish(tx, response);
  });
}

absl::Status UpdateTarget(const Resources& resources, const v1::UpdateTargetRequest& request,
                          const Caller& caller, const store::Finish& finish) {
  const std::string& cluster = request.target().cluster_name();
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  RETURN_IF_ERROR(RequireDeployed(record));
  const auto make = [&](store::Transaction&,
                        const MigrationRecord& present) -> absl::StatusOr<v1::Target> {
    RETURN_IF_ERROR(CheckRevision(request.target().revision(), present));
    v1::Target target = Stored(request.target());
    ASSIGN_OR_RETURN(const auto opened, Present(resources, present));
    RETURN_IF_ERROR(KeepSecrets(opened, &target));
    return target;
  };
  return ReplaceTarget<v1::UpdateTargetResponse>(resources, request, cluster,
                                                 KeyOf(record, request.target().target_name()),
                                                 make, caller, finish);
}

absl::Status RollbackTarget(const Resources& resources, const v1::RollbackTargetRequest& request,
                            const Caller& caller, const store::Finish& finish) {
  const std::string& cluster = request.cluster_name();
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  RETURN_IF_ERROR(RequireDeployed(record));
  const MigrationKey key = KeyOf(record, request.target_name());
  const auto make = [&](store::Transaction& tx,
                        const MigrationRecord& present) -> absl::StatusOr<v1::Target> {
    if (present.config.revision == request.revision()) {
      return Error(absl::StatusCode::kFailedPrecondition, "REVISION_IN_EFFECT",
                   "target {} is what it was as revision {}", key.name, request.revision())
          .With("target", key.name)
          .Remedy("name another revision");
    }
    ASSIGN_OR_RETURN(const auto former, store::GetRevision(tx, key, request.revision()));
    return clusters::OpenTarget(resources, key, former);
  };
  return ReplaceTarget<v1::RollbackTargetResponse>(resources, request, cluster, key, make, caller,
                                                   finish);
}

absl::Status DeleteTarget(const Resources& resources, const v1::DeleteTargetRequest& request,
                          const store::Finish& finish) {
  const std::string& cluster = request.cluster_name();
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockCluster(tx, cluster));
    RETURN_IF_ERROR(store::CheckFree(tx, cluster, /*supersede=*/false));
    const MigrationKey key = KeyOf(record, request.target_name());
    RETURN_IF_ERROR(FindTarget(tx, cluster, key).status());
    RETURN_IF_ERROR(store::ForgetMigration(tx, key));
    return finish(tx, v1::DeleteTargetResponse());
  });
}

absl::StatusOr<std::vector<v1::TargetRevision>> ListTargetRevisions(const Resources& resources,
                                                                    const std::string& cluster,
                                                                    const std::string& name) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  ASSIGN_OR_RETURN(const auto revisions,
                   clusters::ListKeptRevisions(resources, KeyOf(record, name)));
  if (revisions.empty()) return NoTarget(cluster, name);
  std::vector<v1::TargetRevision> shown;
  for (const auto& one : revisions) {
    shown.push_back(clusters::ShownRevision<v1::TargetRevision>(one));
  }
  return shown;
}

absl::StatusOr<v1::TargetRevision> GetTargetRevision(const Resources& resources,
                                                     const v1::GetTargetRevisionRequest& request) {
  const std::string& cluster = request.cluster_name();
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  const MigrationKey key = KeyOf(record, request.target_name());
  ASSIGN_OR_RETURN(const auto kept, clusters::FindKeptRevision(resources, key, request.revision()));
  if (!kept.has_value()) return NoTarget(cluster, key.name);
  auto shown = clusters::ShownRevision<v1::TargetRevision>(*kept);
  if (kept->stored.sealed_config.empty()) return shown;
  ASSIGN_OR_RETURN(*shown.mutable_target(), clusters::OpenTarget(resources, key, kept->stored));
  Redact(&shown);
  shown.mutable_target()->set_cluster_name(cluster);
  shown.mutable_target()->set_revision(kept->stored.revision);
  return shown;
}

absl::StatusOr<v1::Target> GetTarget(const Resources& resources, const std::string& cluster,
                                     const std::string& name) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  v1::Target target;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto found, FindTarget(tx, cluster, KeyOf(record, name)));
    ASSIGN_OR_RETURN(target, TargetOf(found));
    ASSIGN_OR_RETURN(const auto tasks, store::ListTasksOfTarget(tx, record.cluster.uuid, name));
    *target.mutable_task_names() = {tasks.begin(), tasks.end()};
    return absl::OkStatus();
  }));
  return target;
}

absl::StatusOr<std::vector<v1::Target>> ListTargets(const Resources& resources,
                                                    const std::string& cluster,
                                                    const std::string& after, int limit) {
  RETURN_IF_ERROR(clusters::FindCluster(resources, cluster).status());
  std::vector<MigrationRecord> records;
  std::vector<MigrationRecord> tasks;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(records, store::ListMigrations(tx, {.kind = MigrationKind::kTarget,
                                                         .cluster_name = cluster,
                                                         .after = {cluster, after},
                                                         .limit = limit}));
    ASSIGN_OR_RETURN(
        tasks, store::ListMigrations(tx, {.kind = MigrationKind::kTask, .cluster_name = cluster}));
    return absl::OkStatus();
  }));
  std::vector<v1::Target> targets;
  for (const auto& record : records) {
    ASSIGN_OR_RETURN(v1::Target target, TargetOf(record));
    for (const auto& task : tasks) {
      if (task.target_name == record.key.name) target.add_task_names(task.key.name);
    }
    targets.push_back(std::move(target));
  }
  return targets;
}

}  // namespace dmgr::operations
