// The version of dmgr, and versions of DM.
#ifndef DMGR_COMMON_VERSION_H_
#define DMGR_COMMON_VERSION_H_

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace dmgr {

// Of this build, such as "0.1.0".
std::string_view BuildVersion();

// A version of DM, such as v7.5.1 or v8.0.0-beta.1 ("v" is required, as in TiUP), in the order of
// Semantic Versioning 2.0.0. v7.5.1+2 is the same DM in another package, with another Prometheus,
// say; it is newer than v7.5.1.
struct DmVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  // Without the dash; empty for a release. A pre-release is older than its release.
  std::string pre;
  // Without the plus.
  std::string build = {};

  // nullopt for anything else, such as "nightly".
  static std::optional<DmVersion> Parse(std::string_view text);
  // Without what makes it a pre-release. A pre-release has what is new in its release, so that this
  // is what is compared when the question is what a version knows.
  DmVersion Release() const { return {major, minor, patch, {}, {}}; }
  std::strong_ordering operator<=>(const DmVersion& other) const;
  bool operator==(const DmVersion& other) const = default;
};

// What DM says of itself in a package of this version: "v7.5.1" of v7.5.1+2.
std::string_view WithoutBuild(std::string_view version);

}  // namespace dmgr

#endif  // DMGR_COMMON_VERSION_H_
