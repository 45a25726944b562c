#include "server/clusters/migration.h"

#include <fmt/format.h>

#include "common/error.h"
#include "common/secret.h"
#include "server/migrations/config.h"

namespace dmgr::clusters {
namespace {

std::string ContextOf(const store::MigrationKey& key, std::int64_t revision) {
  return MigrationContext(
      fmt::format("{} {} {} {}", key.cluster_uuid, store::NameOf(key.kind), key.name, revision));
}

absl::Status UnreadableConfig(const store::MigrationKey& key) {
  return Error(absl::StatusCode::kDataLoss, "MIGRATION_UNREADABLE",
               "what is stored of {} {} cannot be read", store::NameOf(key.kind), key.name)
      .With(store::NameOf(key.kind), key.name);
}

absl::StatusOr<std::optional<store::MigrationRecord>> FindRecord(const Resources& resources,
                                                                 const store::MigrationKey& key) {
  std::optional<store::MigrationRecord> record;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::FindMigration(tx, key));
    return absl::OkStatus();
  }));
  return record;
}

}  // namespace

std::string MigrationContext(const std::string& owner) { return "migration:" + owner; }

store::MigrationRevision SealMigration(const Resources& resources, const store::MigrationKey& key,
                                       std::int64_t revision, const std::string& config,
                                       const std::string& user_name) {
  return {.revision = revision,
          .sealed_config = resources.secrets->Seal(config, ContextOf(key, revision)),
          .user_name = user_name};
}

absl::StatusOr<std::string> OpenMigration(const Resources& resources,
                                          const store::MigrationKey& key,
                                          const store::MigrationRevision& revision) {
  if (revision.sealed_config.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "SECRETS_FORGOTTEN",
                 "the configuration of {} {} was given up with the master key that it was sealed "
                 "with",
                 store::NameOf(key.kind), key.name)
        .With(store::NameOf(key.kind), key.name)
        .Remedy("give it again, with its passwords");
  }
  return resources.secrets->Open(revision.sealed_config, ContextOf(key, revision.revision));
}

absl::StatusOr<std::string> LoadConfig(const Resources& resources, const store::MigrationKey& key,
                                       std::int64_t revision) {
  store::MigrationRevision stored;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(stored, store::GetRevision(tx, key, revision));
    return absl::OkStatus();
  }));
  return OpenMigration(resources, key, stored);
}

absl::StatusOr<std::optional<std::string>> MeantConfig(const Resources& resources,
                                                       const store::MigrationKey& key,
                                                       const std::string& yaml) {
  ASSIGN_OR_RETURN(const auto recorded, FindRecord(resources, key));
  if (yaml.empty()) {
    if (!recorded.has_value()) return std::nullopt;
    return OpenMigration(resources, key, recorded->config);
  }
  std::string older;
  const WipeAtEnd wiped(&older);
  if (recorded.has_value() && !recorded->config.sealed_config.empty()) {
    ASSIGN_OR_RETURN(older, OpenMigration(resources, key, recorded->config));
  }
  return migrations::FillHidden(yaml, older);
}

absl::StatusOr<v1::Target> OpenTarget(const Resources& resources, const store::MigrationKey& key,
                                      const store::MigrationRevision& revision) {
  ASSIGN_OR_RETURN(auto opened, OpenMigration(resources, key, revision));
  const WipeAtEnd wiped(&opened);
  v1::Target target;
  if (!target.ParseFromString(opened)) return UnreadableConfig(key);
  return target;
}

absl::StatusOr<v1::Target> LoadTarget(const Resources& resources, const std::string& cluster_uuid,
                                      const std::string& name) {
  const store::MigrationKey key{
      .cluster_uuid = cluster_uuid, .kind = store::MigrationKind::kTarget, .name = name};
  ASSIGN_OR_RETURN(const auto record, FindRecord(resources, key));
  if (!record.has_value()) {
    return Error(absl::StatusCode::kNotFound, "TARGET_NOT_FOUND", "the cluster has no target {}",
                 name)
        .With("target", name)
        .Remedy("create it, or name another one");
  }
  return OpenTarget(resources, key, record->config);
}

}  // namespace dmgr::clusters
