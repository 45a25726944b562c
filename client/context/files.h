// The folder in which dmgrctl keeps its own files.
#ifndef DMGR_CLIENT_CONTEXT_FILES_H_
#define DMGR_CLIENT_CONTEXT_FILES_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace dmgr::client {

// The environment's value, or `fallback` when it is not set or empty.
std::string EnvironmentOr(const char* name, const std::string& fallback);

// A file of $XDG_CONFIG_HOME/dmgr, or of ~/.config/dmgr.
std::string ConfigFile(const std::string& name);

// Makes the folder of a file, where nobody else looks in; one that is there already stays as it is.
void MakeFolderOf(const std::string& path);

// The object in a file; an empty one when the file is not there. FAILED_PRECONDITION when it is
// damaged.
absl::StatusOr<nlohmann::ordered_json> LoadObject(const std::string& path);
// Replaces the file by a rename, mode 0600.
absl::Status SaveObject(const std::string& path, const nlohmann::ordered_json& object);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_CONTEXT_FILES_H_
