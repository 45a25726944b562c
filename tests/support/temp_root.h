// A host's / for a far end that runs here.
#ifndef DMGR_TESTS_SUPPORT_TEMP_ROOT_H_
#define DMGR_TESTS_SUPPORT_TEMP_ROOT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace dmgr::test {

// A directory that takes the place of / and is removed, with what is mounted in it. It has the
// users root and tidb; for whoever is not root both are whoever runs the test.
class TempRoot {
 public:
  TempRoot();
  ~TempRoot();
  TempRoot(const TempRoot&) = delete;
  TempRoot& operator=(const TempRoot&) = delete;

  const std::string& path() const { return dir_.path(); }
  std::string operator/(const std::string& path) const { return dir_ / path; }
  // Parents are made.
  void Write(const std::string& path, const std::string& content, int mode = 0644) const;
  std::string Read(const std::string& path) const;
  bool Exists(const std::string& path) const;
  // A bash script below /usr/bin; $ROOT is the root.
  void AddProgram(const std::string& name, const std::string& script) const;
  // A tmpfs of so many bytes; for root only.
  void Mount(const std::string& path, std::size_t bytes);
  // Has a directory mounted on itself; for root only.
  void Bind(const std::string& path);

 private:
  TempDir dir_;
  std::vector<std::string> mounts_;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_SUPPORT_TEMP_ROOT_H_
