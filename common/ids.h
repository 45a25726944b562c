// Identifiers and random values.
#ifndef DMGR_COMMON_IDS_H_
#define DMGR_COMMON_IDS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dmgr {

// A random UUID (version 4), lower case.
std::string NewUuid();
// 8-4-4-4-12 hex digits, either case.
bool IsUuid(std::string_view text);
// size random bytes from the system.
std::string RandomBytes(std::size_t size);
std::string HexEncode(std::string_view bytes);
// URL-safe base64 without padding.
std::string Base64UrlEncode(std::string_view bytes);
// nullopt when text is anything else.
std::optional<std::string> Base64UrlDecode(std::string_view text);

}  // namespace dmgr

#endif  // DMGR_COMMON_IDS_H_
