// What a host is to have of a cluster by the record, and the question that a comparison needs
// answered. Pure.
#ifndef DMGR_SERVER_VERIFY_EXPECTED_H_
#define DMGR_SERVER_VERIFY_EXPECTED_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/host_before.h"
#include "server/render/render.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::verify {

namespace hv1 = ::dmgr::host::v1;

struct ExpectedFile {
  std::string path;
  std::string instance;
  // BLAKE2b-256 of its content, hex.
  std::string hash;
  unsigned mode = 0644;
  // Of root; else of the cluster's user.
  bool is_unit = false;
};

struct ExpectedDir {
  std::string path;
  std::string instance;
  // 0: any, since somebody else made it.
  unsigned mode = 0755;
  // What may be in it; looked at when is_ours.
  std::set<std::string> names;
  bool is_ours = false;
  // The processes' working directory, where a dm-worker dumps: what the cluster's user owns there
  // is theirs.
  bool is_working_dir = false;
};

struct ExpectedRelease {
  std::string store_dir;
  std::string hash;
  // "dm-master" or "a patch of dm-worker".
  std::string what;
};

struct ExpectedPlaced {
  std::string instance;
  hv1::SurveyPlaced asked;
};

struct ExpectedUnit {
  const topology::Instance* instance = nullptr;
  // What its main process is to be.
  std::string program;
};

struct ExpectedHost {
  std::string machine;
  std::string user;
  std::string group;
  // Line of the authorized keys; empty: none is expected.
  std::string public_key;
  std::vector<ExpectedFile> files;
  std::vector<ExpectedDir> dirs;
  std::vector<ExpectedRelease> releases;
  std::vector<ExpectedPlaced> placed;
  std::vector<ExpectedUnit> units;
};

// What is known of a cluster, read once for all of its hosts. All of it outlives what is made of
// it.
struct Sources {
  const store::ClusterRecord* record = nullptr;
  const v1::Package* package = nullptr;
  // By instance.
  const std::map<std::string, render::RenderedInstance>* rendered = nullptr;
};

ExpectedHost ExpectOn(const Sources& sources, const std::string& machine,
                      const clusters::HostBefore& before);

// The same of a cluster whose files are another tool's: its user and units alone.
ExpectedHost ExpectForeignOn(const topology::Cluster& cluster, const std::string& machine);

// One request whose answer CompareHost reads.
hv1::Survey SurveyFor(const ExpectedHost& host);

// Whether a unit of the record is to be up: one that never joined is not.
bool IsToRun(const topology::Instance& instance);

}  // namespace dmgr::verify

#endif  // DMGR_SERVER_VERIFY_EXPECTED_H_
