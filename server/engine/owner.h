// The name of an executor in its leases, by which others can prove that it has ended, and then go
// on with its operations before its leases run out. There are three proofs:
// - Its process is seen to have ended: on the same machine, in the same pid namespace.
// - It held the lock of the database's data folder, and that is ours now.
// - Its session at the database has ended, by which its name was present (store::IsAbsent).
//
// An executor that is paused, or cannot reach the database for a while, keeps its process, its lock
// and its session: it is waited for until its lease has run out. One whose session broke but which
// lives may be taken for gone. That is as safe as a lease that ran out: whoever takes over has a
// new epoch, so what the old one writes changes no row; its far ends are ended by the first one of
// the new epoch on their host, and begin no more there; and calls to DM ask for the claim before.
// Meanwhile it claims nothing; when its session is back, it asks at once for every claim that it
// has.
#ifndef DMGR_SERVER_ENGINE_OWNER_H_
#define DMGR_SERVER_ENGINE_OWNER_H_

#include <string>

namespace dmgr::engine {

// Names an executor of this process: host, boot, pid namespace, pid, start time, whether the
// process holds the lock of the database's data folder, and a random part, so no two are the same,
// ever.
std::string NewOwner(bool holds_data_folder);

// True when the owner was a process of this boot of this machine and of this pid namespace and has
// ended, or, if this process holds the data folder's lock, when it held that before. False for all
// that it cannot tell. Not for one's own name.
bool HasEnded(const std::string& owner, bool holds_data_folder);

// Whether the owner is present at the database (see store::Listener) for as long as it lives: those
// of older versions are not.
bool IsPresentWhileAlive(const std::string& owner);

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_OWNER_H_
