// Archives as a fuzzer can change them: packed, hardly any change leaves one that can be read.
#ifndef DMGR_TESTS_FUZZ_ARCHIVE_H_
#define DMGR_TESTS_FUZZ_ARCHIVE_H_

#include <string>
#include <string_view>

namespace dmgr::fuzz {

// By `how` the bytes as they are, or packed by gzip or zstd.
std::string Packed(unsigned how, std::string_view bytes);

}  // namespace dmgr::fuzz

#endif  // DMGR_TESTS_FUZZ_ARCHIVE_H_
