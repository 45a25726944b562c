// The word that was meant.
#ifndef DMGR_COMMON_NEAR_H_
#define DMGR_COMMON_NEAR_H_

#include <string>
#include <string_view>
#include <vector>

namespace dmgr {

// The word among `known` that is `word` but for a slip of the fingers, or empty.
std::string NearestOf(std::string_view word, const std::vector<std::string>& known);

}  // namespace dmgr

#endif  // DMGR_COMMON_NEAR_H_
