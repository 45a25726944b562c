// Texts of DM for messages and screens. Private to this room.
#ifndef DMGR_SERVER_DM_TEXT_H_
#define DMGR_SERVER_DM_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace dmgr::dm {

// Without passwords, and with a blank for control characters and what is no UTF-8; blanks at the
// ends go, and several become one. Cut between two characters after max_bytes, with "..." then.
std::string CleanLine(std::string_view text, std::size_t max_bytes);

// The same, but line breaks stay.
std::string CleanLines(std::string_view text, std::size_t max_bytes);

// The text with *** for every password that this YAML gives, be it quoted or not.
std::string WithoutPasswordsOf(std::string_view yaml, std::string text);

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_TEXT_H_
