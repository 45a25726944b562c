// What the files of a host say of an instance that TiUP, or a tool that lays them alike, has put
// there. Pure. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_IMPORT_SAID_H_
#define DMGR_SERVER_OPERATIONS_IMPORT_SAID_H_

#include <string>

#include "server/topology/topology.h"

namespace dmgr::operations {

// The user as whom a unit runs, or empty.
std::string UserIn(const std::string& unit_file);

// Of the {deploy_dir}/scripts/run_{component}.sh that a unit runs; empty when it runs something
// else.
std::string DeployDirIn(const std::string& unit_file, topology::Component component);

// The value of --{flag} in a run script, or empty.
std::string FlagIn(const std::string& script, const std::string& flag);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_IMPORT_SAID_H_
