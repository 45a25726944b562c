// A cluster on the hosts of the lab as TiUP lays one.
#ifndef DMGR_TESTS_LAB_TIUP_CLUSTER_H_
#define DMGR_TESTS_LAB_TIUP_CLUSTER_H_

#include <map>
#include <string>
#include <vector>

#include "tests/lab/site.h"

namespace dmgr::testing {

// Three dm-masters and two dm-workers, of a user and in directories of their own: units, run
// scripts, programs and meta.yaml as TiUP 1.16 writes them. It runs, and goes with the object,
// whoever has it.
class TiupCluster {
 public:
  explicit TiupCluster(Site* site);
  ~TiupCluster();
  TiupCluster(const TiupCluster&) = delete;
  TiupCluster& operator=(const TiupCluster&) = delete;

  // The folder that TiUP has of it.
  const std::string& folder() const { return folder_; }
  std::string meta() const;
  // "http://10.0.0.1:28261" of the first dm-master.
  std::string master_url() const;
  // The main process of every unit, by "host/unit".
  std::map<std::string, std::string> Processes() const;
  // Hashes of units, run scripts and programs, by host.
  std::map<std::string, std::string> Files() const;

 private:
  struct Node {
    std::string host;
    std::string component;
    int port;
    std::string Name() const { return component + "-" + std::to_string(port); }
  };

  std::string Script(const Node& node) const;
  void Lay(const Node& node) const;
  void WriteMeta() const;
  void Remove() const;

  Site& site_;
  const std::vector<Node> nodes_;
  const std::string folder_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_TIUP_CLUSTER_H_
