// What dmgrd says can be done next, as commands that a person can type.
#ifndef DMGR_CLIENT_OUTPUT_NEXT_ACTIONS_H_
#define DMGR_CLIENT_OUTPUT_NEXT_ACTIONS_H_

#include <string>
#include <string_view>
#include <vector>

namespace dmgr::v1 {
class NextAction;
}

namespace dmgr::client {

// The text as one word of a command line of a shell, in one line; unchanged where no shell sees
// anything in it.
std::string ShellQuoted(std::string_view text);

// "dmgrctl cluster start demo". What dmgrd does not know stays as NAME, FILE and so on. Empty for
// an action that this dmgrctl does not know: a newer dmgrd may have more.
std::string CommandOf(const v1::NextAction& action);

// The lines below an error: "next: ", the remedy, and the first command; the others each on a line
// of its own. Empty when there is neither.
std::string NextText(const std::string& remedy, const std::vector<v1::NextAction>& actions);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_OUTPUT_NEXT_ACTIONS_H_
