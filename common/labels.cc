#include "common/labels.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

#include "common/error.h"

namespace dmgr {
namespace {

constexpr int kMaxLabels = 64;
constexpr std::size_t kMaxKey = 63;
constexpr std::size_t kMaxValue = 255;
constexpr std::size_t kMaxDescription = 1024;

bool IsKey(std::string_view key) {
  return !key.empty() && key.size() <= kMaxKey &&
         std::all_of(key.begin(), key.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 ||
                  std::string_view("._/-").find(static_cast<char>(c)) != std::string_view::npos;
         });
}

bool IsLine(std::string_view text, std::size_t most) {
  return text.size() <= most &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' '; });
}

}  // namespace

absl::Status CheckLabels(const std::string& prefix, const std::string& description,
                         const google::protobuf::Map<std::string, std::string>& labels) {
  Error error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
              "the labels or the description cannot be kept");
  bool wrong = false;
  const auto refuse = [&](const std::string& field, const std::string& what) {
    error.Field(prefix + field, what);
    wrong = true;
  };
  if (!IsLine(description, kMaxDescription)) {
    refuse("description", "must be one line of at most 1024 bytes");
  }
  if (labels.size() > kMaxLabels) refuse("labels", "must be at most 64");
  // Named in one order, however the map was filled.
  for (const auto& [key, value] :
       std::map<std::string, std::string>(labels.begin(), labels.end())) {
    if (!IsKey(key)) refuse("labels", "a key must be 1 to 63 of letters, digits and . _ / -");
    if (!IsLine(value, kMaxValue)) {
      refuse("labels", "the value of " + key + " must be one line of at most 255 bytes");
    }
  }
  return wrong ? static_cast<absl::Status>(error) : absl::OkStatus();
}

}  // namespace dmgr
