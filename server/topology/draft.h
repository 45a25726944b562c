// An instance on its way into a cluster. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_DRAFT_H_
#define DMGR_SERVER_TOPOLOGY_DRAFT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/topology/topology.h"

namespace dmgr::topology {

struct Draft {
  Instance instance;
  // Path of its message in the request, such as "topology.master_servers[1]".
  std::string field;
  // "monitored" stands for it, and no server of its own.
  bool monitored = false;
  // Equal for two instances exactly when they are on the same host.
  std::string identity;
  // Directories that are no use to compare, being wrong already.
  bool bad_deploy_dir = false;
  bool bad_data_dir = false;
  bool bad_log_dir = false;

  // As the topology calls a field of its server.
  std::string Field(std::string_view name) const;
};

// Tells dm-workers apart from dm-masters of the same name. existing: may be nullptr.
void NameBesideMasters(const Cluster* existing, std::vector<Draft>* drafts);
// Names, addresses, ports and directories of the drafts against each other and against what other
// clusters hold. Takes time in proportion to their number.
void CheckConflicts(const std::vector<Draft>& drafts, const std::vector<Occupied>& occupied,
                    std::vector<Problem>* problems);
// Names of the drafts against those of the cluster that they are added to.
void CheckNew(const std::vector<Draft>& drafts, const Cluster& cluster,
              std::vector<Problem>* problems);

// The cluster's user or group; is_there: it is not dmgr that makes it.
void CheckAccount(const std::string& field, const std::string& name, bool is_there,
                  std::vector<Problem>* problems);
void CheckSshPort(const std::string& field, std::uint32_t port, std::vector<Problem>* problems);
// An address that others know; may be empty.
void CheckListenHost(const std::string& field, const std::string& host,
                     std::vector<Problem>* problems);
// What DM listens on; may be empty.
void CheckBindAddress(const std::string& field, const std::string& host,
                      std::vector<Problem>* problems);
// What only its own host reaches does not go with DM on several. existing: may be nullptr.
void CheckLoopback(const std::vector<Draft>& drafts, const std::string& listen_host,
                   const Cluster* existing, std::vector<Problem>* problems);
// What goes only with TLS, and what does not go with it.
void CheckTls(const std::vector<Draft>& drafts, bool enabled, std::vector<Problem>* problems);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_DRAFT_H_
