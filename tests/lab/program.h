// Programs to patch with.
#ifndef DMGR_TESTS_LAB_PROGRAM_H_
#define DMGR_TESTS_LAB_PROGRAM_H_

#include <elf.h>

#include "tests/lab/site.h"

namespace dmgr::testing {

inline constexpr char kFixed[] = "v7.5.1-fix";

// The stand-in of a component that says another version, as a file of any name. `machine`: of ELF.
std::filesystem::path Program(const Site& site, const std::string& component,
                              const std::string& file, const std::string& version = kFixed,
                              Elf64_Half machine = EM_X86_64);

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_PROGRAM_H_
