// What is to be known of a TOML text before toml++ reads it. It calls itself once a part of a key,
// also when it frees what it has read, and has a limit for brackets only.
#ifndef DMGR_COMMON_TOML_KEYS_H_
#define DMGR_COMMON_TOML_KEYS_H_

#include <string_view>

namespace dmgr {

inline constexpr int kMaxTomlKeyParts = 32;

// The first line, from 1, with a key of more than kMaxTomlKeyParts parts; 0 when there is none.
// Whether it is TOML otherwise does not matter. Thread-safe.
int LineOfLongTomlKey(std::string_view text);

}  // namespace dmgr

#endif  // DMGR_COMMON_TOML_KEYS_H_
