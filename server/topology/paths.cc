#include "server/topology/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "server/topology/topology.h"
#include "server/topology/values.h"

namespace dmgr::topology {
namespace {

constexpr std::size_t kMaxPath = 255;

// Nothing of a cluster may be in these.
constexpr std::array<std::string_view, 20> kSystemTrees = {
    "/bin",     "/boot",     "/dev",       "/etc",          "/lib",
    "/lib32",   "/lib64",    "/libx32",    "/lost+found",   "/proc",
    "/run",     "/sbin",     "/sys",       "/usr",          "/var/lib/dmgr",
    "/var/run", "/var/lock", "/var/spool", "/var/lib/dpkg", "/var/lib/rpm"};
// Nothing may be these; below them it may.
constexpr std::array<std::string_view, 16> kSharedDirs = {
    "/",    "/home",    "/media",     "/mnt",     "/opt",     "/root",    "/srv",     "/tmp",
    "/var", "/var/log", "/var/cache", "/var/lib", "/var/tmp", "/var/opt", "/var/www", "/usr/local"};
// The exception to /usr.
constexpr std::string_view kLocal = "/usr/local";
constexpr std::array<std::string_view, 7> kLocalTrees = {
    "/usr/local/bin", "/usr/local/etc",  "/usr/local/include", "/usr/local/lib",
    "/usr/local/man", "/usr/local/sbin", "/usr/local/share"};

std::string_view LastPart(std::string_view path) { return path.substr(path.rfind('/') + 1); }

template <typename Trees>
std::string_view Tree(const Trees& trees, std::string_view path) {
  auto it = std::find_if(trees.begin(), trees.end(),
                         [path](std::string_view tree) { return Contains(tree, path); });
  return it == trees.end() ? std::string_view() : *it;
}

bool HasPart(std::string_view path, std::string_view part) {
  const std::string inner = fmt::format("/{}/", part);
  return (std::string(path) + "/").find(inner) != std::string::npos;
}

}  // namespace

bool Contains(std::string_view outer, std::string_view path) {
  if (outer == "/") return !path.empty() && path.front() == '/';
  return path.substr(0, outer.size()) == outer &&
         (path.size() == outer.size() || path[outer.size()] == '/');
}

bool IsCleanPath(std::string_view path) {
  if (path.empty() || path.front() != '/' || path.size() > kMaxPath) return false;
  if (path == "/") return true;
  if (path.back() == '/') return false;
  constexpr std::string_view kChars =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._@+/-";
  if (path.find_first_not_of(kChars) != std::string_view::npos) return false;
  return path.find("//") == std::string_view::npos && !HasPart(path, ".") && !HasPart(path, "..");
}

std::string TrimSlashes(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return std::string(path);
}

std::string DeployDirOf(const v1::GlobalOptions& global) {
  const std::string dir = TrimSlashes(global.deploy_dir().empty() ? "deploy" : global.deploy_dir());
  return dir == "/" ? "" : dir;
}

std::string UnderHome(const std::string& path, const std::string& user) {
  return path.front() == '/' ? path : fmt::format("/home/{}/{}", user, path);
}

std::string LeafDir(std::string_view leaf, const std::string& own, const std::string& global,
                    const std::string& deploy_dir, const std::string& role_port) {
  const auto absolute = [](const std::string& path) { return !path.empty() && path[0] == '/'; };
  if (absolute(own)) {
    const std::string dir = TrimSlashes(own);
    if (LastPart(dir) == leaf) return dir;
    return fmt::format("{}/{}", dir == "/" ? "" : dir, leaf);
  }
  if (own.empty() && absolute(global)) {
    const std::string dir = TrimSlashes(global);
    return fmt::format("{}/{}/{}", dir == "/" ? "" : dir, role_port, leaf);
  }
  const std::string& relative = own.empty() ? global : own;
  return fmt::format("{}/{}", deploy_dir, relative.empty() ? leaf : TrimSlashes(relative));
}

std::string TiupDir(std::string_view leaf, const std::string& own, const std::string& global,
                    const std::string& deploy_dir, const std::string& role_port) {
  const std::string given = TrimSlashes(own.empty() ? global : own);
  if (given.empty()) return fmt::format("{}/{}", deploy_dir, leaf);
  if (given[0] != '/') return fmt::format("{}/{}", deploy_dir, given);
  if (!own.empty() || leaf == "log") return given;
  return fmt::format("{}/{}", given == "/" ? "" : given, role_port);
}

std::string PathProblem(const std::string& path) {
  if (path.size() > kMaxPath) {
    return fmt::format("{} is longer than {} characters", Quote(path), kMaxPath);
  }
  if (!IsCleanPath(path)) {
    return Quote(path) +
           " is not a plain path: it may have letters, digits and . _ @ + - between single "
           "slashes, and no part '.' or '..'";
  }
  const bool local = Contains(kLocal, path);
  std::string_view tree = local ? Tree(kLocalTrees, path) : Tree(kSystemTrees, path);
  if (!tree.empty()) return fmt::format("{} is in {}, which belongs to the system", path, tree);
  if (std::find(kSharedDirs.begin(), kSharedDirs.end(), path) != kSharedDirs.end()) {
    return fmt::format("{} belongs to the system; choose a directory below it", path);
  }
  if (path.rfind("/home/", 0) == 0 && path.find('/', 6) == std::string::npos) {
    return fmt::format("{} is a user's home; choose a directory below it", path);
  }
  for (std::string_view part : {".ssh", ".dmgr"}) {
    if (HasPart(path, part)) return fmt::format("{} is in a {} directory", path, part);
  }
  return "";
}

}  // namespace dmgr::topology
