// Private to this room: what a host's shell runs to start the far end, or to take it; as root, or
// as the login where there is no root.
#ifndef DMGR_SERVER_HOST_NEAR_START_SCRIPTS_H_
#define DMGR_SERVER_HOST_NEAR_START_SCRIPTS_H_

#include <string>
#include <string_view>

namespace dmgr::host {

// How the scripts end when they do not do what they are for.
inline constexpr int kUnsafeFolder = 90;  // With kUnsafeWords and the folder on stderr.
inline constexpr int kOtherProgram = 91;  // With words on stderr.
inline constexpr int kProgramMissing = 92;
inline constexpr std::string_view kUnsafeWords = "dmgr-unsafe: ";

// Commands for `sh -c '...'`, of plain paths; they hold no single quote and no backslash.
// Every folder from / down to `folder` that is there must be root's or the shell's own user's, and
// be writable to nobody else: no one can then put another program, or a link, in their place
// between the look and the use. Ends the shell with kUnsafeFolder else.
std::string CheckFolders(const std::string& folder);
// Runs {folder}/dmgr-host if it is that user's alone and its content has this BLAKE2b-256, where
// the host can tell that (a fifth of the time; coreutils before 8.26 cannot), else this SHA-256;
// both hex.
std::string ServeProgram(const std::string& folder, const std::string& blake2b,
                         const std::string& sha256, bool without_root);

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_START_SCRIPTS_H_
