// Pagination of lists: opaque page tokens.
#ifndef DMGR_SERVER_RPC_PAGES_H_
#define DMGR_SERVER_RPC_PAGES_H_

#include <string>

#include "absl/status/statusor.h"

namespace dmgr::rpc {

inline constexpr int kMaxPageSize = 1000;
// The number of rows to read: 0 means 100, more than 1000 means 1000. INVALID_ARGUMENT: negative.
absl::StatusOr<int> PageSize(int asked);
// A token that carries the key of the last row.
std::string PageToken(const std::string& key);
// The key in a token; empty for an empty token. INVALID_ARGUMENT for a token that is not ours.
absl::StatusOr<std::string> PageKey(const std::string& token);

// Puts the first `size` rows on the page by add, which returns the row's key, and sets the token of
// the next page when there are more rows.
template <typename Rows, typename Add, typename Response>
void FillPage(const Rows& rows, int size, Add add, Response* response) {
  std::string last;
  for (std::size_t i = 0; i < rows.size() && i < static_cast<std::size_t>(size); ++i) {
    last = add(rows[i]);
  }
  if (rows.size() > static_cast<std::size_t>(size)) {
    response->set_next_page_token(PageToken(last));
  }
}

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_PAGES_H_
