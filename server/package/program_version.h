// What a program of a package says of itself.
#ifndef DMGR_SERVER_PACKAGE_PROGRAM_VERSION_H_
#define DMGR_SERVER_PACKAGE_PROGRAM_VERSION_H_

#include <string>

namespace dmgr::package {

// Runs `path flag` and returns the version that it prints, or "". The program is somebody else's,
// so it runs as nobody, with an empty environment, no network, no input, and not for long; where
// that cannot be had (dmgrd is not root) it is not run.
std::string ProgramVersion(const std::string& path, const std::string& flag);

// "v7.5.1" of "Release Version: v7.5.1", "2.42.0" of "prometheus, version 2.42.0 (branch: ...".
std::string VersionIn(const std::string& output);

}  // namespace dmgr::package

#endif  // DMGR_SERVER_PACKAGE_PROGRAM_VERSION_H_
