// Numbers as people write them in configurations, and as dmgr writes them.
#ifndef DMGR_COMMON_NUMBERS_H_
#define DMGR_COMMON_NUMBERS_H_

#include <string>
#include <string_view>

namespace dmgr {

// The shortest text that is read as the same number; a whole one below 1e15 without an exponent.
std::string NumberText(double number);

// Whether a text reads as a finite number in decimal, and is not how dmgr would write it: "0123",
// "1.10", "+5", "1e3". Who keeps it as a number loses the text.
bool IsOddNumber(std::string_view text);

}  // namespace dmgr

#endif  // DMGR_COMMON_NUMBERS_H_
