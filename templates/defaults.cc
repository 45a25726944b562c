#include "templates/defaults.h"

namespace dmgr::templates {
namespace {

struct File {
  const char* path;
  const char* content;
};

constexpr File kFiles[] = {
#include "default_files.inc"
};

constexpr std::string_view kMasterConfig = "conf/dm-master.toml";

// The variant of dm-master.toml that a version understands: its OpenAPI is experimental in v5.3 and
// unknown before.
std::string_view MasterConfigFor(const DmVersion& version) {
  if (version >= DmVersion{5, 4, 0, ""}) return kMasterConfig;
  return version >= DmVersion{5, 3, 0, ""} ? "conf/dm-master.v5.3.toml"
                                           : "conf/dm-master.v2.0.toml";
}

}  // namespace

std::map<std::string, std::string_view> DefaultFiles(const DmVersion& version) {
  const std::string_view master_config = MasterConfigFor(version);
  std::map<std::string, std::string_view> files;
  for (const File& file : kFiles) {
    const std::string_view path = file.path;
    if (path == master_config) {
      files.emplace(kMasterConfig, file.content);
    } else if (!path.starts_with("conf/dm-master.")) {
      files.emplace(path, file.content);
    }
  }
  return files;
}

}  // namespace dmgr::templates
