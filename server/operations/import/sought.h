// A member of DM that is looked for on its host. Pure. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_IMPORT_SOUGHT_H_
#define DMGR_SERVER_OPERATIONS_IMPORT_SOUGHT_H_

#include <google/protobuf/struct.pb.h>

#include <map>
#include <string>
#include <vector>

#include "dmgr/v1/topology.pb.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// A member, and what its host's files say of it.
struct Sought {
  // Name, component, machine, host, ports and directories; data_dir is empty until it is known.
  topology::Instance instance;
  int ssh_port = 22;
  std::string user;
  google::protobuf::Struct config;
  // Where a dm-worker's data may be: nothing says it.
  std::vector<std::string> candidates;
};

// Contents by path.
using FileContents = std::map<std::string, std::string>;

// Such as "dm-worker w1".
std::string MemberWords(const topology::Instance& instance);
// {deploy_dir}/conf/dm-worker.toml
std::string TomlPath(const topology::Instance& instance);

// What its unit says: the user, and the directory, which stays empty when there is none.
void ReadUnit(const FileContents& units, Sought* sought, std::vector<std::string>* problems);
// What its run script and its configuration say.
void ReadScript(const FileContents& files, Sought* sought, std::vector<std::string>* problems);

void AddSought(const Sought& sought, v1::Topology* topology);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_IMPORT_SOUGHT_H_
