// What is wrong in a file, and what is no text at all. Private to this room.
#ifndef DMGR_CLIENT_TOPOLOGY_MISTAKES_H_
#define DMGR_CLIENT_TOPOLOGY_MISTAKES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace dmgr::client {

struct Mistake {
  int line;  // From 1.
  std::string text;
};

// INVALID_ARGUMENT (BAD_TOPOLOGY_FILE) with all of them in the order of lines, each a field
// violation of "file:line".
absl::Status BadFile(std::vector<Mistake> mistakes, const std::string& file_name);

// The first line that is not UTF-8 text, or 0.
int LineThatIsNoText(const std::string& text);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_TOPOLOGY_MISTAKES_H_
