// Whether dmgrd could start with a configuration, without starting anything.
#ifndef DMGR_SERVER_CONFIG_CHECK_H_
#define DMGR_SERVER_CONFIG_CHECK_H_

#include <optional>
#include <string>
#include <vector>

#include "common/secret.h"
#include "server/config.h"

namespace dmgr {

struct ConfigFindings {
  // With these it does not start, or could not work.
  std::vector<std::string> problems;
  // What a person may want to know.
  std::vector<std::string> notes;
};

// Looks at the files, folders and addresses that a configuration names, and at its database if that
// is not dmgrd's own; changes nothing. Keys that have a problem already are left out. Each finding
// begins with the place of its key in the file.
ConfigFindings CheckNamed(const Config& config, const std::string& file,
                          std::optional<Secret> key_variable, std::optional<Secret> s3_variable);

// Prints all that is wrong with a file on standard error; the exit code.
int CheckConfigFile(const std::string& file, std::optional<Secret> key_variable,
                    std::optional<Secret> s3_variable);

}  // namespace dmgr

#endif  // DMGR_SERVER_CONFIG_CHECK_H_
