// The keys of the far end's cluster in its user's authorized_keys. dmgrd gives each the comment
// "dmgr:{name}:{uuid}": by that they are known, also those that were given up while the host could
// not be reached.
#ifndef DMGR_SERVER_HOST_FAR_STATE_CLUSTER_KEYS_H_
#define DMGR_SERVER_HOST_FAR_STATE_CLUSTER_KEYS_H_

#include <string>

#include "server/host/far/base/context.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"

namespace dmgr::far {

// Whether the text of an authorized_keys has one of them but for the line `kept`, which may be
// empty.
bool HasClusterKey(const Context& context, const std::string& text, const std::string& kept);

// Takes them out but for `kept`, and the line `also`, which either may be empty. A file that dmgr
// made, by the record of the account, and in which nothing is left goes. The shared lock is held.
void RemoveClusterKeys(Context& context, const User& user, const LineFile& made,
                       const std::string& also, const std::string& kept);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_CLUSTER_KEYS_H_
