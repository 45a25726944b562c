// A cluster leaves what clusters share on a host; the last one takes away what dmgr made. Whoever
// calls a Leave function has the shared lock.
#ifndef DMGR_SERVER_HOST_FAR_ACTIONS_REMOVE_SHARED_H_
#define DMGR_SERVER_HOST_FAR_ACTIONS_REMOVE_SHARED_H_

#include <set>
#include <string>
#include <vector>

#include "server/host/far/base/context.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {

// A path that a request has removed. Throws BAD_REQUEST.
void CheckRemovable(const std::string& path);
// Throws CONFLICT when one of them is not down. systemd forgets how they ended.
void CheckStopped(Context& context, const UnitNames& units);
// Takes the key out of authorized_keys. Says in the reply whether the account stays, and what of
// its home is the reason: one in whose home is what dmgr did not put there is left to whoever did.
void LeaveAccount(Context& context, const std::string& user, const std::string& public_key,
                  hv1::LeaveClusterReply* reply);
// Gives up all releases, or those of hashes. Removes what nobody wants any more, and the store when
// it is empty.
void LeaveStore(Context& context, const std::string& store_dir,
                const std::set<std::string>* hashes);
// Removes the cluster's record and, when it was the last, all of dmgr's but the fence.
void LeaveHost(Context& context);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_ACTIONS_REMOVE_SHARED_H_
