#include "server/clusters/cluster_key.h"

#include <fmt/format.h>

#include <string>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/ssh/session.h"

namespace dmgr::clusters {

absl::Status MakeClusterKey(const Resources& resources, store::ClusterRecord* record) {
  const topology::Cluster& cluster = record->cluster;
  ASSIGN_OR_RETURN(const auto keys,
                   ssh::GenerateKeyPair(fmt::format("dmgr:{}:{}", cluster.name, cluster.uuid)));
  record->public_key = keys.public_key;
  record->sealed_private_key =
      resources.secrets->Seal(keys.private_key.text(), ClusterKeyContext(cluster.uuid));
  return absl::OkStatus();
}

std::string LoginLine(const topology::Cluster& cluster, const std::string& public_key) {
  return cluster.user_login ? "restrict,pty " + public_key : "";
}

absl::Status WriteClusterKey(const store::ClusterRecord& record) {
  const std::string dir = ClusterDir(record.cluster.cluster_path, record.cluster.name) + "/ssh";
  RETURN_IF_ERROR(WriteFileAtomically(dir + "/id_ed25519.pub", record.public_key + "\n", 0644));
  return WriteFileAtomically(dir + "/id_ed25519.sealed", record.sealed_private_key, 0600);
}

}  // namespace dmgr::clusters
