// What a call or a step may use: the database, secrets, the ways to hosts and to DM, folders. Owns
// nothing; what it points to is thread-safe.
#ifndef DMGR_SERVER_RESOURCES_RESOURCES_H_
#define DMGR_SERVER_RESOURCES_RESOURCES_H_

#include <atomic>
#include <string>
#include <vector>

#include "common/thread_pool.h"
#include "server/auth/secret_box.h"
#include "server/host/near/connector.h"
#include "server/members/source.h"
#include "server/store/database.h"

namespace dmgr {

namespace objects {
class ObjectStore;
}

struct Resources {
  store::Database* database = nullptr;
  const auth::SecretBox* secrets = nullptr;
  // What is started at the first contact with a machine; all others go by `hosts`.
  const host::FarEndProgram* far_end = nullptr;
  host::HostConnector* hosts = nullptr;
  members::MemberSource* members = nullptr;
  // Threads of all that waits for several hosts or processes at once.
  ThreadPool* threads = nullptr;
  // Default of DeployClusterRequest.cluster_path.
  std::string cluster_path;
  // Folders that a cluster_path may be in.
  std::vector<std::string> cluster_roots;
  // Packages: {warehouse}/packages/{version}/{tree,releases}, {warehouse}/uploads.
  std::string warehouse_dir;
  // Where their files are for all replicas; nullptr: they share warehouse_dir, or there is one
  // only.
  objects::ObjectStore* shared = nullptr;
  // This dmgrd ends: what a call waits long for is given up. nullptr: never.
  const std::atomic<bool>* ending = nullptr;
};

// Who asks, for operations and the audit.
struct Caller {
  std::string user;
};

// Where a package's unpacked tree is on the control machine.
std::string PackageTree(const Resources& resources, const std::string& version);

// Where a release's archive is on the control machine.
std::string ReleaseArchive(const Resources& resources, const std::string& version,
                           const std::string& hash);

// {cluster_path}/cluster/{cluster_name}.
std::string ClusterDir(const std::string& cluster_path, const std::string& cluster_name);

}  // namespace dmgr

#endif  // DMGR_SERVER_RESOURCES_RESOURCES_H_
