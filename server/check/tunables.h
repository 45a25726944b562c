// Settings of a host's kernel that DM wants, as data. Pure.
#ifndef DMGR_SERVER_CHECK_TUNABLES_H_
#define DMGR_SERVER_CHECK_TUNABLES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dmgr::check {

enum class Relation {
  kAtLeast,
  kAtMost,
  kIsNot,
  // The value stands in brackets among others, as "always madvise [never]".
  kChosen,
};

struct Tunable {
  // As sysctl(8) has it, or "transparent_hugepage".
  std::string_view name;
  std::string_view file;
  Relation relation;
  std::uint64_t limit = 0;
  // What it is set to.
  std::string_view set_to;
  // What happens otherwise.
  std::string_view why;
  // An instance cannot run well, or not at all.
  bool is_hard = false;
};

// In the order in which they are told.
std::span<const Tunable> Tunables();
// nullptr when there is none of that name.
const Tunable* FindTunable(std::string_view name);

bool IsMet(const Tunable& tunable, std::string_view value);
// "at least 32768", "never".
std::string WantedWords(const Tunable& tunable);

// Files that set them at each boot: of sysctl.d(5) and tmpfiles.d(5).
inline constexpr char kSysctlFile[] = "/etc/sysctl.d/90-dmgr.conf";
inline constexpr char kTmpfilesFile[] = "/etc/tmpfiles.d/90-dmgr.conf";
// One of these files with these settings added; those that it has stay. content: as it is, or
// empty. The same when none of them belongs there.
std::string KeepIn(const std::string& file, const std::string& content,
                   const std::vector<std::string>& names);

}  // namespace dmgr::check

#endif  // DMGR_SERVER_CHECK_TUNABLES_H_
