#include "server/host/far/base/paths.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>
#include <utility>

#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

constexpr int kMaxLinks = 40;
constexpr int kDirFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// What root alone writes elsewhere, and where a login has it: the longest first.
constexpr std::pair<std::string_view, std::string_view> kOfLogin[] = {
    {"/etc/systemd/system/multi-user.target.wants", "/.config/systemd/user/default.target.wants"},
    {"/etc/systemd/system", "/.config/systemd/user"},
    {"/var/lib/dmgr", "/.dmgr"},
};

class Walker {
 public:
  // A login trusts root as well.
  Walker(int root, uid_t root_user, bool is_login) : root_user_(root_user), is_login_(is_login) {
    Push(Fd(openat(root, ".", kDirFlags)), "/");
  }

  Walked::End Enter(const std::string& name);
  int top() const { return stack_.back().get(); }
  Fd TakeTop() { return std::move(stack_.back()); }
  bool root_only() const { return root_only_; }
  dev_t device() const {
    struct stat info = {};
    if (fstat(top(), &info) != 0) throw SystemFailure("cannot look at", "a directory", errno);
    return info.st_dev;
  }

 private:
  bool IsTrusted(uid_t user) const { return user == root_user_ || (is_login_ && user == 0); }
  bool OnlyRootWrites(const struct stat& info) const {
    return IsTrusted(info.st_uid) && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  }
  void Push(Fd fd, const std::string& name);
  Walked::End Follow(const std::string& name);

  const uid_t root_user_;
  const bool is_login_;
  std::vector<Fd> stack_;
  bool root_only_ = true;
  int links_ = 0;
};

void Walker::Push(Fd fd, const std::string& name) {
  struct stat info = {};
  if (!fd.ok() || fstat(fd.get(), &info) != 0) throw SystemFailure("cannot enter", name, errno);
  root_only_ = root_only_ && OnlyRootWrites(info);
  stack_.push_back(std::move(fd));
}

Walked::End Walker::Enter(const std::string& name) {
  if (name == ".") return Walked::End::kThere;
  if (name == "..") {
    if (stack_.size() > 1) stack_.pop_back();
    return Walked::End::kThere;
  }
  Fd fd(openat(top(), name.c_str(), kDirFlags));
  if (fd.ok()) {
    Push(std::move(fd), name);
    return Walked::End::kThere;
  }
  if (errno == ENOENT) return Walked::End::kAbsent;
  if (errno != ENOTDIR && errno != ELOOP) throw SystemFailure("cannot enter", name, errno);
  struct stat info = {};
  if (fstatat(top(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Walked::End::kAbsent;
  if (!S_ISLNK(info.st_mode)) return Walked::End::kNotDirectory;
  if (!IsTrusted(info.st_uid) || !root_only_) return Walked::End::kUntrusted;
  return Follow(name);
}

Walked::End Walker::Follow(const std::string& name) {
  if (++links_ > kMaxLinks) throw SystemFailure("cannot enter", name, ELOOP);
  char target[PATH_MAX];
  const ssize_t size = readlinkat(top(), name.c_str(), target, sizeof(target));
  if (size <= 0) throw SystemFailure("cannot read the link", name, errno);
  if (target[0] == '/') stack_.resize(1);
  for (const auto& component : Components({target, static_cast<std::size_t>(size)})) {
    const Walked::End end = Enter(component);
    if (end != Walked::End::kThere) return end;
  }
  return Walked::End::kThere;
}

}  // namespace

void CheckPath(const std::string& path) {
  if (path == "/") return;
  const bool plain =
      std::none_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (!plain || path.empty() || path[0] != '/' || path.size() >= PATH_MAX) {
    throw BadRequest("not an absolute plain path: " + path, path);
  }
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    if (name.empty() || name == "." || name == ".." || name.size() > NAME_MAX) {
      throw BadRequest("not an absolute plain path: " + path, path);
    }
    at = end + 1;
  }
}

std::vector<std::string> Components(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at) parts.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string ParentOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string PathIn(const std::string& dir, const std::string& name) { return dir + "/" + name; }

std::optional<struct stat> Entry::Stat() const {
  struct stat info = {};
  if (fstatat(dir.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return info;
  if (errno == ENOENT) return std::nullopt;
  throw SystemFailure("cannot look at", path, errno);
}

Tree::Tree(std::string root_dir, std::optional<Login> login)
    : root_dir_(std::move(root_dir)), login_(std::move(login)) {
  const std::string root = root_dir_.empty() ? "/" : root_dir_;
  root_ = Fd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_.ok()) throw SystemFailure("cannot enter", root, errno);
  if (login_.has_value()) {
    CheckPath(login_->home);
    root_owner_ = login_->owner;
    return;
  }
  if (root_dir_.empty()) return;
  struct stat info = {};
  if (fstat(root_.get(), &info) != 0) throw SystemFailure("cannot look at", root, errno);
  root_owner_ = {info.st_uid, info.st_gid};
}

std::string Tree::Place(const std::string& path) const {
  if (!login_.has_value()) return path;
  for (const auto& [from, to] : kOfLogin) {
    const std::string_view rest = std::string_view(path).substr(std::min(from.size(), path.size()));
    if (path.compare(0, from.size(), from) != 0 || (!rest.empty() && rest[0] != '/')) continue;
    return login_->home + std::string(to) + std::string(rest);
  }
  return path;
}

Walked Tree::Walk(const std::string& asked) const {
  CheckPath(asked);
  const std::string path = Place(asked);
  Walker walker(root_.get(), root_owner_.user, login_.has_value());
  Walked walked;
  walked.root_only = "/";
  walked.root_only_device = walker.device();
  std::string seen;
  for (const auto& name : Components(path)) {
    walked.end = walker.Enter(name);
    if (walked.end != Walked::End::kThere) break;
    seen += "/" + name;
    if (!walker.root_only()) continue;
    walked.root_only = seen;
    walked.root_only_device = walker.device();
  }
  walked.path = seen.empty() ? "/" : seen;
  if (walked.end == Walked::End::kThere) {
    walked.dir = walker.TakeTop();
    return walked;
  }
  // After a link that led nowhere the walker stands elsewhere.
  walked.dir = Fd(-1);
  Walker again(root_.get(), root_owner_.user, login_.has_value());
  for (const auto& name : Components(seen)) {
    if (again.Enter(name) != Walked::End::kThere) {
      throw SystemFailure("cannot enter", walked.path, ENOENT);
    }
  }
  walked.dir = again.TakeTop();
  return walked;
}

Fd Tree::OpenDir(const std::string& path) const {
  Walked walked = Walk(path);
  switch (walked.end) {
    case Walked::End::kThere:
      return std::move(walked.dir);
    case Walked::End::kAbsent:
      throw SystemFailure("cannot enter", path, ENOENT);
    case Walked::End::kNotDirectory:
      throw SystemFailure("cannot enter", path, ENOTDIR);
    case Walked::End::kUntrusted:
      break;
  }
  throw Conflict("cannot enter " + path + ": below " + walked.path +
                     " the way leads over a symbolic link that others than root may change",
                 path);
}

Entry Tree::OpenEntry(const std::string& asked) const {
  CheckPath(asked);
  const std::string path = Place(asked);
  if (path == "/") throw BadRequest("/ is not a name in a directory", path);
  return Entry{OpenDir(ParentOf(path)), BaseName(path), path};
}

std::optional<Entry> Tree::FindEntry(const std::string& asked) const {
  CheckPath(asked);
  const std::string path = Place(asked);
  if (path == "/") throw BadRequest("/ is not a name in a directory", path);
  Walked walked = Walk(ParentOf(path));
  if (walked.end == Walked::End::kAbsent || walked.end == Walked::End::kNotDirectory) {
    return std::nullopt;
  }
  if (walked.end == Walked::End::kUntrusted) return OpenEntry(path);  // Throws.
  return Entry{std::move(walked.dir), BaseName(path), path};
}

std::string RuntimeDir(const Login& login) {
  return "/run/user/" + std::to_string(login.owner.user);
}

Fd Reopen(int dir, const std::string& path) {
  Fd fd(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok()) throw SystemFailure("cannot open", path, errno);
  return fd;
}

std::vector<std::string> List(int dir, const std::string& path) {
  Fd fd = Reopen(dir, path);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fd.get()), closedir);
  if (stream == nullptr) throw SystemFailure("cannot list", path, errno);
  fd.Release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) throw SystemFailure("cannot list", path, errno);
  std::sort(names.begin(), names.end());
  return names;
}

bool HasEntries(const Tree& tree, const std::string& path) {
  const Walked walked = tree.Walk(path);
  return walked.end == Walked::End::kThere && !List(walked.dir.get(), path).empty();
}

}  // namespace dmgr::far
