#include "server/rpc/pages.h"

#include <algorithm>

#include "common/error.h"
#include "common/ids.h"

namespace dmgr::rpc {
namespace {

constexpr int kDefaultSize = 100;
// Tells our tokens from other text, and one form from a later one.
constexpr char kPrefix[] = "1:";

}  // namespace

absl::StatusOr<int> PageSize(int asked) {
  if (asked < 0) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "page_size {} is negative",
                 asked)
        .Field("page_size", "must not be negative");
  }
  return asked == 0 ? kDefaultSize : std::min(asked, kMaxPageSize);
}

std::string PageToken(const std::string& key) { return Base64UrlEncode(kPrefix + key); }

absl::StatusOr<std::string> PageKey(const std::string& token) {
  if (token.empty()) return std::string();
  const auto decoded = Base64UrlDecode(token);
  if (!decoded.has_value() || decoded->rfind(kPrefix, 0) != 0) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "page_token is not one that dmgrd gave out")
        .Field("page_token", "pass next_page_token of the page before, unchanged");
  }
  return decoded->substr(sizeof(kPrefix) - 1);
}

}  // namespace dmgr::rpc
