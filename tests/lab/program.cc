#include "tests/lab/program.h"

#include <cstring>

#include "tests/support/files.h"

namespace dmgr::testing {

std::filesystem::path Program(const Site& site, const std::string& component,
                              const std::string& file, const std::string& version,
                              Elf64_Half machine) {
  std::string program = Contents(std::filesystem::path(DMGR_BINARY_DIR) / "dmsim" / component);
  REQUIRE(program.size() > sizeof(Elf64_Ehdr));
  std::memcpy(program.data() + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof(machine));
  return site.WriteFile(file, program + "\nDMSIM-VERSION=" + version + "\n");
}

}  // namespace dmgr::testing
