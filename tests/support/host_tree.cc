#include "tests/support/host_tree.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kSmall = 64 << 10;

/// What changes without dmgr: by the kernel, by systemd and its timers, by a login, by sudo, and
/// the copies that useradd makes of its files.
bool IsVolatile(const std::string& path) {
  static const std::regex kVolatile(
      "/(proc|sys|dev|run|tmp|var/(tmp|log|cache|lib/(systemd|sudo|dbus|private|dmgr|apt)))"
      "|/etc/(passwd|shadow|group|gshadow|subuid|subgid)-|/etc/\\.pwd\\.lock"
      "|/(etc|var)/\\.updated|/etc/(resolv\\.conf|mtab)|/etc/sysusers.*|.*/\\.bash_history");
  return std::regex_match(path, kVolatile);
}

bool IsUuid(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return text.size() == kShape.size() &&
         std::equal(text.begin(), text.end(), kShape.begin(), [](char c, char shape) {
           const bool digit = ('0' <= c && c <= '9') || ('a' <= c && c <= 'f');
           return shape == 'x' ? digit : c == shape;
         });
}

/// Keys and certificates without what is in them.
void EmptyPem(std::string* text) {
  for (const std::string_view kind : {"CERTIFICATE", "PRIVATE KEY"}) {
    const std::string begin = fmt::format("-----BEGIN {}-----", kind);
    const std::string end = fmt::format("-----END {}-----", kind);
    for (auto at = text->find(begin); at != std::string::npos; at = text->find(begin, at)) {
      at += begin.size();
      const auto until = text->find(end, at);
      if (until == std::string::npos) break;
      text->erase(at, until - at);
    }
  }
}

/// Without what is made anew for each cluster. A regex would take most of the time of a look.
std::string Normal(std::string text) {
  EmptyPem(&text);
  constexpr std::size_t kUuidSize = 36;
  constexpr std::size_t kFirstDash = 8;
  for (auto dash = text.find('-'); dash != std::string::npos; dash = text.find('-', dash + 1)) {
    if (dash < kFirstDash) continue;
    const std::size_t begin = dash - kFirstDash;
    if (!IsUuid(std::string_view(text).substr(begin, kUuidSize))) continue;
    text.replace(begin, kUuidSize, "UUID");
    dash = begin;
  }
  if (text.find("ssh-ed25519") == std::string::npos) return text;
  static const std::regex kKey("(ssh-ed25519) [A-Za-z0-9+/=]+");
  return std::regex_replace(text, kKey, "$1 KEY");
}

struct Path {
  bool is_volatile = false;
  std::string normal;
};

/// The same paths come again and again.
const Path& PathOf(const std::string& path) {
  static std::map<std::string, Path> known;
  const auto [at, is_new] = known.try_emplace(path);
  if (is_new) at->second = {IsVolatile(path), Normal(path)};
  return at->second;
}

/// Only small files are read: programs are told apart by their size.
std::string ContentOf(const fs::path& path, const struct stat& seen) {
  if (static_cast<std::uintmax_t>(seen.st_size) > kSmall) {
    return fmt::format("{} bytes", seen.st_size);
  }
  // Most files are read again and again: nothing of a file changes without its ctime.
  static std::map<std::tuple<dev_t, ino_t, time_t, long>, std::string> known;
  const auto key = std::tuple(seen.st_dev, seen.st_ino, seen.st_ctim.tv_sec, seen.st_ctim.tv_nsec);
  const auto [at, is_new] = known.try_emplace(key);
  if (is_new) {
    std::ifstream in(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    at->second = fmt::format("content {:016x}", std::hash<std::string>()(Normal(text)));
  }
  return at->second;
}

std::string Describe(const fs::path& path, const struct stat& seen) {
  const std::string owner =
      fmt::format("{:04o} {}:{}", seen.st_mode & 07777, seen.st_uid, seen.st_gid);
  switch (seen.st_mode & S_IFMT) {
    case S_IFDIR:
      return "dir " + owner;
    case S_IFLNK:
      return "link -> " + Normal(fs::read_symlink(path).string());
    case S_IFREG:
      return "file " + owner + " " + ContentOf(path, seen);
    default:
      return "other " + owner;
  }
}

using Skip = std::function<bool(const std::string&)>;

// A recursive_directory_iterator would end altogether at a directory that goes meanwhile.
void ReadDir(const fs::path& dir, const std::string& prefix, const Skip& skip, HostTree* tree) {
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; it != end; it.increment(error)) {
    const std::string path = prefix + "/" + it->path().filename().string();
    const Path& known = PathOf(path);
    if (known.is_volatile || (skip && skip(path))) continue;
    struct stat seen = {};
    // What goes while it is looked at was not there.
    if (::lstat(it->path().c_str(), &seen) != 0) continue;
    (*tree)[known.normal] = Describe(it->path(), seen);
    if (S_ISDIR(seen.st_mode)) ReadDir(it->path(), path, skip, tree);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw fs::filesystem_error("cannot read a host's tree", dir, error);
  }
}

}  // namespace

HostTree ReadHostTree(const fs::path& root, const Skip& skip) {
  HostTree tree;
  ReadDir(root, "", skip, &tree);
  if (tree.empty()) throw std::runtime_error("nothing is in " + root.string());
  return tree;
}

std::string Difference(const HostTree& before, const HostTree& after, std::size_t max_lines) {
  std::vector<std::string> lines;
  for (const auto& [path, what] : before) {
    const auto other = after.find(path);
    if (other == after.end()) {
      lines.push_back(fmt::format("- {} {}\n", path, what));
    } else if (other->second != what) {
      lines.push_back(fmt::format("~ {} {} => {}\n", path, what, other->second));
    }
  }
  for (const auto& [path, what] : after) {
    if (before.count(path) == 0) lines.push_back(fmt::format("+ {} {}\n", path, what));
  }
  if (lines.size() > max_lines) {
    const auto more = lines.size() - max_lines;
    lines.resize(max_lines);
    lines.push_back(fmt::format("and {} more\n", more));
  }
  return fmt::format("{}", fmt::join(lines, ""));
}

}  // namespace dmgr::testing
