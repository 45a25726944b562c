// The part of the screen that is redrawn in place.
#ifndef DMGR_CLIENT_PROGRESS_BLOCK_H_
#define DMGR_CLIENT_PROGRESS_BLOCK_H_

#include <string>
#include <vector>

#include "client/terminal.h"

namespace dmgr::client {

// The first `columns` columns, with "..." at the end when that is not all. UTF-8, a column a
// character.
std::string Cut(const std::string& text, int columns);

// The last lines of a terminal. Lines are cut to its width, and there are never more than fit on
// the screen, so that the way back up is known, also after the terminal was made narrower.
class Block {
 public:
  explicit Block(Terminal* terminal) : terminal_(terminal) {}

  void Draw(const std::vector<std::string>& lines);
  // Takes it off the screen.
  void Clear();
  // Prints a line above it that stays.
  void Above(const std::string& line, const std::vector<std::string>& lines);

 private:
  std::string Erase();
  std::string Show(const std::vector<std::string>& lines);

  Terminal* terminal_;
  std::vector<int> drawn_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_PROGRESS_BLOCK_H_
