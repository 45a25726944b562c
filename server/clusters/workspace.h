// A cluster's files on the control machine: {cluster_path}/cluster/{name}/ with {version} (the
// package, unpacked), cache (rendered files) and ssh (the cluster's key pair).
#ifndef DMGR_SERVER_CLUSTERS_WORKSPACE_H_
#define DMGR_SERVER_CLUSTERS_WORKSPACE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace dmgr::clusters {

// Makes dir for the cluster with this uuid, or finds that it is its own already.
// FAILED_PRECONDITION when it exists and is not.
absl::Status ClaimClusterDir(const std::string& dir, const std::string& cluster_uuid);

// Whether dir was made for a cluster, whichever it is.
bool IsClusterDir(const std::string& dir);

// dir does not exist yet, or is empty, and nobody else can put something in its place
// (CheckOwnPath).
absl::Status CheckClusterDirFree(const std::string& dir);

// Where dir is not there, and a folder beside it is the cluster's own, gives that one the name: the
// cluster was renamed.
void BringClusterDirHome(const std::string& dir, const std::string& cluster_uuid);

// Removes dir with everything in it, if it is the cluster's own; absent is fine.
absl::Status RemoveClusterDir(const std::string& dir, const std::string& cluster_uuid);

// Makes target a copy of the package tree source, whole or not at all. An existing target is left
// as it is: it may have been edited by hand. Programs are links, since nobody edits them: Grafana
// alone has thousands of files.
absl::Status CopyPackageTree(const std::string& source, const std::string& target);

// Removes a package's tree from a cluster's own folder; absent is fine.
absl::Status RemoveTree(const std::string& tree);

// Writes a file by a temporary name and a rename; parents are made.
absl::Status WriteFileAtomically(const std::string& path, const std::string& content,
                                 unsigned mode);

// A file of an instance as a name in a folder that all instances share: "m1+conf+dm-master.toml".
// At most 255 bytes; no two are the same, since no instance's name has a plus.
std::string FlatName(const std::string& instance, const std::string& path);

struct LocalFile {
  std::string name;
  std::string content;
  unsigned mode = 0644;
};

// Makes dir hold these files and nothing else, by another folder and a rename. For what can be
// made again: not synced, and a kill in the middle may leave dir away.
absl::Status ReplaceFolder(const std::string& dir, const std::vector<LocalFile>& files);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_WORKSPACE_H_
