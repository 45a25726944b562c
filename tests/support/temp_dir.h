// A folder for a test's files.
#ifndef DMGR_TESTS_SUPPORT_TEMP_DIR_H_
#define DMGR_TESTS_SUPPORT_TEMP_DIR_H_

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace dmgr::test {

// A folder of its own below the system's temporary one that other users may enter; removed at the
// end, whoever owns what is in it.
class TempDir {
 public:
  TempDir() : path_((std::filesystem::temp_directory_path() / "dmgr-test-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
    // PostgreSQL's user must get through.
    if (chmod(path_.c_str(), 0755) != 0) throw std::runtime_error("chmod " + path_);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // Parents are made. Returns the file's path.
  std::string Write(const std::string& name, const std::string& content) const {
    const std::string file = *this / name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

 private:
  std::string path_;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_SUPPORT_TEMP_DIR_H_
