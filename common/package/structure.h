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

// The architectures that programs may be for. Those of a second one are in a folder of that name,
// as the others lie at the top: {arch}/bin, {arch}/others/dmctl, {arch}/grafana.tar.gz.
inline constexpr const char* kArchs[] = {"amd64", "arm64"};

struct Structure {
  // Of the programs at the top.
  std::string arch;
  std::vector<Problem> problems;
};
// Checks an unpacked package, with each grafana.tar.gz unpacked as grafana/ beside it. Programs
// become executable. What a program is for is read from its ELF header.
Structure CheckStructure(const std::string& tree_dir);

// Where a component's bin/ is in an unpacked package: "" or "grafana/".
std::string_view FolderOf(components::Packing packing);

// The folder of an architecture's programs in an unpacked package: tree_dir, or the folder of a
// second one.
std::string ProgramsOf(const std::string& tree_dir, const std::string& arch);

// What goes to hosts of a package that passed.
struct ComponentSources {
  std::string component;
  std::vector<ReleaseSource> sources;
};
// tree_dir: where the programs of one architecture are.
std::vector<ComponentSources> ComponentsOf(const std::string& tree_dir);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_STRUCTURE_H_
