// Page tokens, and what says which rows a list has.
#include "server/rpc/pages.h"

#include "client/commands/when.h"
#include "common/error.h"
#include "common/ids.h"
#include "common/labels.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {

void FuzzPages(std::string_view input) {
  const std::string text(input);
  if (const auto key = rpc::PageKey(text); key.ok() && !text.empty()) {
    Must(rpc::PageToken(*key) == text, "two tokens for one key");
  }
  const auto key = rpc::PageKey(rpc::PageToken(text));
  Must(key.ok() && *key == text, "a token of ours is not read");
  const auto decoded = Base64UrlDecode(text);
  Must(!decoded.has_value() || Base64UrlEncode(*decoded) == text, "two texts for the same bytes");
  IsUuid(text);

  const auto span = client::ParseSpan(text);
  Must(!span.ok() || *span > absl::ZeroDuration(), "a span of no time");
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  (void)client::ParseWhen(text, now);

  google::protobuf::Map<std::string, std::string> labels;
  std::string_view rest = input;
  while (!rest.empty()) {
    const std::string name = TakeUntil(&rest, '=');
    labels[name] = TakeUntil(&rest, '\n');
  }
  (void)CheckLabels("machine.", text, labels);
}

}  // namespace dmgr::fuzz
