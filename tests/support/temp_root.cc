#include "tests/support/temp_root.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "tests/support/files.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

void Check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

}  // namespace

TempRoot::TempRoot() {
  for (const char* dir : {"etc/systemd/system", "usr/bin", "usr/sbin", "var/lib", "tmp"}) {
    fs::create_directories(dir_ / dir);
  }
  const std::string root = std::to_string(geteuid()) + ":" + std::to_string(getegid());
  const std::string user = geteuid() == 0 ? "4201:4201" : root;
  Write("etc/passwd",
        "root:x:" + root + ":root:/root:/bin/bash\ntidb:x:" + user + "::/home/tidb:/bin/bash\n");
  Write("etc/group", "root:x:" + root.substr(root.find(':') + 1) +
                         ":\ntidb:x:" + user.substr(user.find(':') + 1) + ":\n");
  Write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
}

TempRoot::~TempRoot() {
  for (auto mount = mounts_.rbegin(); mount != mounts_.rend(); ++mount) {
    umount2(mount->c_str(), MNT_DETACH);
  }
}

void TempRoot::Write(const std::string& path, const std::string& content, int mode) const {
  const std::string full = dir_.Write(path, content);
  Check(chmod(full.c_str(), static_cast<mode_t>(mode)) == 0, "chmod");
}

std::string TempRoot::Read(const std::string& path) const {
  return testing::Contents(*this / path);
}

bool TempRoot::Exists(const std::string& path) const {
  return fs::symlink_status(*this / path).type() != fs::file_type::not_found;
}

void TempRoot::AddProgram(const std::string& name, const std::string& script) const {
  Write("usr/bin/" + name, "#!/bin/bash\nROOT=" + dir_.path() + "\n" + script, 0755);
}

void TempRoot::Mount(const std::string& path, std::size_t bytes) {
  const std::string full = *this / path;
  fs::create_directories(full);
  const std::string options = "mode=755,size=" + std::to_string(bytes);
  Check(mount("tmpfs", full.c_str(), "tmpfs", 0, options.c_str()) == 0, "mount");
  mounts_.push_back(full);
}

void TempRoot::Bind(const std::string& path) {
  const std::string full = *this / path;
  Check(mount(full.c_str(), full.c_str(), nullptr, MS_BIND, nullptr) == 0, "bind");
  mounts_.push_back(full);
}

}  // namespace dmgr::test
