#include "server/host/near/start_scripts.h"

#include <fmt/format.h>

namespace dmgr::host {
namespace {

// Unpacking needs a window of up to 64 MiB: in huge pages it is there with a hundredth of the page
// faults (glibc's manual, "Memory Allocation Tunables").
constexpr char kTuned[] = "env GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
// What `stat -c %A:%u`, which follows no link, says of root's and of the user's own, which is root,
// too, but where there is none: nobody else's w.
constexpr char kSafeFolder[] = "d????[-]??[-]?:0|d????[-]??[-]?:$u";
constexpr char kOwnFile[] = "-????[-]??[-]?:$u";

}  // namespace

std::string CheckFolders(const std::string& folder) {
  std::string all = "/";
  for (auto slash = folder.find('/', 1); slash != folder.npos;
       slash = folder.find('/', slash + 1)) {
    all += " " + folder.substr(0, slash);
  }
  all += " " + folder;
  return fmt::format(
      "u=$(id -u); for p in {}; do s=$(stat -c %A:%u $p 2>/dev/null) || break; case $s in {}) ;; "
      "*) echo \"{}$(stat -c \"%n (%A, %U)\" $p)\" >&2; exit {};; esac; done; ",
      all, kSafeFolder, kUnsafeWords, kUnsafeFolder);
}

std::string ServeProgram(const std::string& folder, const std::string& blake2b,
                         const std::string& sha256, bool without_root) {
  return fmt::format(
      "{checked}f={folder}/dmgr-host; s=$(stat -c %A:%u $f 2>/dev/null) || exit {missing}; "
      "case $s in {own}) ;; *) echo \"$f is not a file of this user alone\" >&2; exit {other};; "
      "esac; "
      "s={sha256}; c=sha256sum; ! command -v b2sum >/dev/null || {{ s={blake2b}; c=b2sum; }}; "
      "echo \"$s  $f\" | $c -c --status - || "
      "{{ echo \"$f is not what was sent\" >&2; exit {other}; }}; exec {tuned} $f serve{home}",
      fmt::arg("checked", CheckFolders(folder)), fmt::arg("folder", folder),
      fmt::arg("missing", kProgramMissing), fmt::arg("own", kOwnFile),
      fmt::arg("home", without_root ? " --home \"$HOME\"" : ""), fmt::arg("other", kOtherProgram),
      fmt::arg("sha256", sha256), fmt::arg("blake2b", blake2b), fmt::arg("tuned", kTuned));
}

}  // namespace dmgr::host
