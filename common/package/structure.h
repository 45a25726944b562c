// The compulsory structure of a package.
#ifndef DMGR_COMMON_PACKAGE_STRUCTURE_H_
#define DMGR_COMMON_PACKAGE_STRUCTURE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/components/traits.h"
#include "common/package/release.h"

namespace dmgr::package {

// Something that is missing or wrong.
struct Problem {
  std::string part;  // Path in the package; of what is in grafana.tar.gz below "grafana/".
  std::string text;
};

// INVALID_ARGUMENT with reason PACKAGE_INVALID: the message has the first problems, the field
// violations have (nearly) all.
absl::Status PackageInvalid(std::string_view what, const std::vector<Problem>& problems);

// The architecture of a program, "amd64" or "arm64"; INVALID_ARGUMENT when the file is none for
// Linux on one of them.
absl::StatusOr<std::string> ArchOf(const std::string& path);

struct Structure {
  std::string arch;
  std::vector<Problem> problems;
};
// Checks an unpacked package, with grafana.tar.gz unpacked as tree_dir/grafana. Programs become
// executable.
Structure CheckStructure(const std::string& tree_dir);

// Where a component's bin/ is in an unpacked package: "" or "grafana/".
std::string_view FolderOf(components::Packing packing);

// What goes to hosts of a package that passed.
struct ComponentSources {
  std::string component;
  std::vector<ReleaseSource> sources;
};
std::vector<ComponentSources> ComponentsOf(const std::string& tree_dir);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_STRUCTURE_H_
