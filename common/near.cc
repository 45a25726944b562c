#include "common/near.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace dmgr {
namespace {

// How many letters must be changed, put in, left out or swapped with their neighbour to make one
// word of the other.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> older;
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<std::size_t> row = {i + 1};
    for (std::size_t j = 0; j < b.size(); ++j) {
      row.push_back(std::min({row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1)}));
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) {
        row[j + 1] = std::min(row[j + 1], older[j - 1] + 1);
      }
    }
    older = std::exchange(last, std::move(row));
  }
  return last[b.size()];
}

}  // namespace

std::string NearestOf(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > 64) return "";
  std::string nearest;
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = Distance(word, candidate);
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace dmgr
