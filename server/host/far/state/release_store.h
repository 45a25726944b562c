// Release stores: {store}/{hash}/ holds a release, owned by root; its file .complete, with
// the hash of the archive it came in, says that all of it is there.
// {store}/../holders/{hash}/{cluster} says who wants it.
#ifndef DMGR_SERVER_HOST_FAR_STATE_RELEASE_STORE_H_
#define DMGR_SERVER_HOST_FAR_STATE_RELEASE_STORE_H_

#include <string>

#include "server/host/far/base/context.h"
#include "server/host/far/base/fd.h"

namespace dmgr::far {

inline constexpr char kComplete[] = ".complete";

// Where the store is whose directory, which only root can write, is this one.
std::string StoreBelow(const std::string& dir);
// Made when missing.
Fd MakeStore(const Tree& tree, const std::string& store_dir);
bool HasRelease(int store, const std::string& hash);
std::string HoldersDir(const std::string& store_dir, const std::string& hash = {});

// What a far end of this cluster makes or removes in a store has such a name until it is ready.
std::string StoreTemporary(Session& session, const std::string& hash);
// Removes what dead far ends of this cluster left in the store.
void SweepStore(const Session& session, int store, const std::string& store_dir);

// Removes a tree of a store, all of it dmgr's.
void RemoveOwnTree(int parent, const std::string& name, const std::string& path);
// First out of the way, then away: it is never there in part.
void RemoveRelease(Session& session, int store, const std::string& store_dir,
                   const std::string& hash);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_RELEASE_STORE_H_
