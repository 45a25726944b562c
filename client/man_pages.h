// The manual of dmgrctl, made from what it declares.
#ifndef DMGR_CLIENT_MAN_PAGES_H_
#define DMGR_CLIENT_MAN_PAGES_H_

#include <map>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own.
class App;
}

namespace dmgr::client {

// The first word of a command line that has the pages written into the folder that follows.
inline constexpr char kManPagesWord[] = "__man-pages";

// Pages of section 1 in roff, as man(7) describes it, by their names: "dmgrctl", and one for each
// command, such as "dmgrctl-cluster-start".
std::map<std::string, std::string> ManPages(const CLI::App& root);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_MAN_PAGES_H_
