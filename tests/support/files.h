#ifndef DMGR_TESTS_SUPPORT_FILES_H_
#define DMGR_TESTS_SUPPORT_FILES_H_

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace dmgr::testing {

// All bytes of a file; nothing when there is none.
inline std::string Contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_FILES_H_
