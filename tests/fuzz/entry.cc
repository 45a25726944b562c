// The program of one target: libFuzzer calls this. What the target throws ends it, as a finding.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    dmgr::fuzz::DMGR_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  } catch (const std::exception& e) {
    std::cerr << "thrown: " << e.what() << "\n";
    std::terminate();
  }
  return 0;
}
