// Text of others, character by character. All functions may be called by any thread.
#ifndef DMGR_COMMON_UTF8_H_
#define DMGR_COMMON_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace dmgr {

// Bytes of the well-formed UTF-8 sequence at the start of the text, which is not empty; 0 when
// there is none.
std::size_t Utf8Length(std::string_view text);

// Whether this one sequence is what a terminal may obey: below a space, DEL, U+0080 to U+009F.
bool IsControl(std::string_view sequence);

// As one line that shows all there is: control characters and bytes that are no UTF-8 become \n,
// \t, \r and \x1b, a backslash is doubled. Of a longer text, what begins in its first max_bytes,
// and how much is left out.
std::string OneLine(std::string_view text, std::size_t max_bytes);

}  // namespace dmgr

#endif  // DMGR_COMMON_UTF8_H_
