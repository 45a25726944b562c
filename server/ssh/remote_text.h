// What a host says, made fit for messages.
#ifndef DMGR_SERVER_SSH_REMOTE_TEXT_H_
#define DMGR_SERVER_SSH_REMOTE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace dmgr::ssh {

// Valid UTF-8 without control characters but newline and tab, trimmed, at most max_bytes long; of
// a longer text the end is kept, which is where programs say what went wrong.
std::string RemoteText(std::string_view text, std::size_t max_bytes);

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_REMOTE_TEXT_H_
