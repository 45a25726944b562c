// Files of the host, read and written whole. A file is never written in place: it is made under a
// temporary name in its directory and renamed, so that a crash leaves the old one or the new one.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_FILES_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_FILES_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/host/far/base/context.h"
#include "server/host/far/base/fd.h"
#include "server/host/far/base/paths.h"

namespace dmgr::far {

hv1::PathState::Type TypeOf(const struct stat& info);

// nullopt when it does not exist or is none for OpenRegular. Throws when it is bigger than
// max_size.
std::optional<std::string> ReadFile(const Entry& entry, std::size_t max_size);
// The regular file, opened for reading; not ok when it is none or cannot be opened, and when a user
// may have given it this name to have another's file read: where not only root can write, it must
// have no other name, and belong to root or to the folder's owner.
Fd OpenRegular(const Entry& entry);
// The same of a file of a release, which has a name in every place it is installed to. Only its
// hash leaves the host.
Fd OpenLinked(const Entry& entry);
// A file of /proc or /sys of this machine itself; empty when it cannot be read.
std::string ReadProc(const std::string& path);

// Carries the cluster, the epoch and the start number; see IsTemporaryOf.
std::string TemporaryName(Session& session);
// A temporary name that some far end of the cluster used.
bool IsTemporaryOf(std::string_view name, std::string_view cluster);
// Removes what dead far ends of this cluster left in a directory. This one must have none there.
void RemoveTemporaries(const Session& session, int dir, const std::string& path);

// Returns false, and only mends mode and owner, when the content was there already. The directory
// is not synced. CONFLICT when a directory is in the way.
bool WriteFile(Session& session, const Entry& entry, std::string_view content, mode_t mode,
               const FileOwner& owner);
void WriteAll(int fd, std::string_view content, const std::string& path);
void SyncDir(int dir, const std::string& path);
// False when it was not there.
bool RemoveFile(const Entry& entry);

// Makes what is missing on the way, 0755 and root's, and the last one with mode. The last one must
// be root's alone.
Fd MakeRootDir(const Tree& tree, const std::string& path, mode_t mode);

// Takes a lock on a file, which is made; waits at most `timeout`. -1: it was not free in time.
Fd LockFile(const Call& call, int dir, const std::string& name, milliseconds timeout);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_FILES_H_
