#include "server/clusters/copies.h"

#include <algorithm>
#include <string_view>

#include "common/error.h"
#include "common/secret.h"
#include "server/clusters/packed.h"
#include "server/dm/keys.h"

namespace dmgr::clusters {
namespace {

absl::Status UnreadableCopy(std::int64_t copy_id) {
  return Error(absl::StatusCode::kDataLoss, "COPY_UNREADABLE",
               "the copy {} of what the cluster's dm-masters keep cannot be read", copy_id)
      .Remedy("take another one of the cluster's copies");
}

int CountOf(const dm::KeysCopy& copy, std::string_view prefix) {
  return static_cast<int>(std::ranges::count_if(
      copy.keys(), [&](const auto& key) { return key.key().starts_with(prefix); }));
}

}  // namespace

std::string CopyContext(const std::string& cluster_uuid) { return "copy:" + cluster_uuid; }

absl::StatusOr<store::CopyRecord> SealCopy(const Resources& resources,
                                           const std::string& cluster_uuid,
                                           const dm::KeysCopy& copy) {
  store::CopyRecord record;
  record.cluster_uuid = cluster_uuid;
  record.content_hash = dm::ContentHash(copy);
  record.etcd_cluster_id = std::to_string(copy.etcd_cluster_id());
  record.source_count = CountOf(copy, dm::keys::kSource);
  record.subtask_count = CountOf(copy, dm::keys::kSubTask);
  std::string text = copy.SerializeAsString();
  const WipeAtEnd wiped(&text);
  ASSIGN_OR_RETURN(auto packed, Pack(text));
  const WipeAtEnd wiped_too(&packed);
  record.sealed_copy = resources.secrets->Seal(packed, CopyContext(cluster_uuid));
  return record;
}

absl::StatusOr<std::int64_t> TakeCopy(const Resources& resources, const topology::Cluster& cluster,
                                      const dm::Within& within) {
  absl::Time asked;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(asked, store::ReadClock(tx));
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(const auto copy, resources.members->migrations().CopyKeys(cluster, within));
  ASSIGN_OR_RETURN(auto record, SealCopy(resources, cluster.uuid, copy));
  record.take_time = asked;
  std::int64_t copy_id = 0;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(copy_id, store::KeepCopy(tx, record));
    return absl::OkStatus();
  }));
  return copy_id;
}

absl::StatusOr<dm::KeysCopy> OpenCopy(const Resources& resources, const std::string& cluster_uuid,
                                      std::int64_t copy_id) {
  store::CopyRecord record;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetCopy(tx, cluster_uuid, copy_id));
    return absl::OkStatus();
  }));
  if (record.sealed_copy.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "SECRETS_FORGOTTEN",
                 "the copy {} was given up with the master key that it was sealed with", copy_id)
        .Remedy("take a later one");
  }
  ASSIGN_OR_RETURN(auto packed,
                   resources.secrets->Open(record.sealed_copy, CopyContext(cluster_uuid)));
  const WipeAtEnd wiped_too(&packed);
  std::string text = Unpack(packed);
  const WipeAtEnd wiped(&text);
  dm::KeysCopy copy;
  const bool is_read = !text.empty() && copy.ParseFromString(text);
  if (!is_read || dm::ContentHash(copy) != record.content_hash) return UnreadableCopy(copy_id);
  return copy;
}

}  // namespace dmgr::clusters
