// Paths on the host, taken component by component, so that nobody but root can lead the far end
// somewhere else by a symbolic link: a link is followed only where root alone could have put it.
#ifndef DMGR_SERVER_HOST_FAR_BASE_PATHS_H_
#define DMGR_SERVER_HOST_FAR_BASE_PATHS_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/host/far/base/fd.h"

namespace dmgr::far {

// BAD_REQUEST unless path is absolute and plain: no empty component, "." or "..", no control
// character. A '/' at the end is not plain, but "/" is.
void CheckPath(const std::string& path);
std::vector<std::string> Components(std::string_view path);
std::string ParentOf(const std::string& path);
std::string BaseName(const std::string& path);
// The path of what has that name in the directory.
std::string PathIn(const std::string& dir, const std::string& name);

// A name in an open directory.
struct Entry {
  Fd dir;  // O_PATH
  std::string name;
  std::string path;  // For people.

  // nullopt when it is not there. Never follows.
  std::optional<struct stat> Stat() const;
};

// How far a path leads through directories.
struct Walked {
  enum class End {
    kThere,         // All of it is directories.
    kAbsent,        // The next component does not exist.
    kNotDirectory,  // The next component is something else.
    kUntrusted,     // The next component is a link that not only root could have put there.
  };
  End end = End::kThere;
  Fd dir;            // The last directory (O_PATH).
  std::string path;  // Its path, a part of what was asked for.
  // The last directory on the way, `path` included, up to which only root can write.
  std::string root_only;
  dev_t root_only_device = 0;
};

struct FileOwner {
  uid_t user = 0;
  gid_t group = 0;
};

// Whom a far end without root works as.
struct Login {
  FileOwner owner;
  std::string home;
};

// All the paths of a host, below a directory that takes the place of / (for tests; "" is /).
class Tree {
 public:
  // A login has no root: what is root's elsewhere is its own.
  explicit Tree(std::string root_dir, std::optional<Login> login = std::nullopt);

  // The path as programs see it.
  std::string Real(const std::string& path) const { return root_dir_ + Place(path); }
  // Where a path is that only root can write: a login has its own folders in the place of
  // /var/lib/dmgr and /etc/systemd/system. Any other path is where it says.
  std::string Place(const std::string& path) const;
  // Null with root.
  const Login* login() const { return login_.has_value() ? &*login_ : nullptr; }
  const std::string& root_dir() const { return root_dir_; }
  // Whose is what is root's: root; below a directory for tests its owner, so that they need not run
  // as root; without root the login.
  const FileOwner& root() const { return root_owner_; }

  Walked Walk(const std::string& asked) const;
  // A directory that exists (O_PATH); throws otherwise.
  Fd OpenDir(const std::string& path) const;
  // The parent must exist; throws otherwise.
  Entry OpenEntry(const std::string& asked) const;
  // The same, nullopt when the parent does not exist.
  std::optional<Entry> FindEntry(const std::string& asked) const;

 private:
  std::string root_dir_;
  Fd root_;
  FileOwner root_owner_;
  std::optional<Login> login_;
};

// Where the login's systemd has its sockets.
std::string RuntimeDir(const Login& login);

// A directory (O_PATH or not) opened for reading; for fsync, fchown, readdir.
Fd Reopen(int dir, const std::string& path);
// Names in a directory without "." and "..", sorted.
std::vector<std::string> List(int dir, const std::string& path);
// A directory that is there and not empty.
bool HasEntries(const Tree& tree, const std::string& path);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_PATHS_H_
