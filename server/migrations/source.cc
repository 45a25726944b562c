#include <charconv>

#include "server/migrations/config.h"
#include "server/migrations/document.h"

namespace dmgr::migrations {
namespace {

// Of DM v5.4 to v8.5.
const std::vector<std::string>& SourceKeys() {
  static const std::vector<std::string> keys = {"source-id",
                                                "enable",
                                                "enable-gtid",
                                                "auto-fix-gtid",
                                                "relay-dir",
                                                "meta-dir",
                                                "flavor",
                                                "charset",
                                                "enable-relay",
                                                "relay-binlog-name",
                                                "relay-binlog-gtid",
                                                "from",
                                                "purge",
                                                "checker",
                                                "server-id",
                                                "tracer",
                                                "filters",
                                                "case-sensitive"};
  return keys;
}

int PortOf(const Node& from, Mistakes* mistakes) {
  const std::string text = RequireText(from, "from", "port", mistakes);
  if (text.empty()) return 0;
  int port = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  if (error == std::errc() && at == end && port >= 1 && port <= 65535) return port;
  mistakes->Add(from.Find("port")->line, "from.port must be a number from 1 to 65535");
  return 0;
}

enum class Keys { kKnown, kAny };

absl::StatusOr<SourceConfig> Read(const std::string& yaml, Keys keys) {
  Mistakes mistakes;
  const auto root = ReadDocument(yaml, &mistakes);
  if (!root.has_value()) return mistakes.ToStatus("source");
  if (keys == Keys::kKnown) CheckKeys(*root, "", SourceKeys(), &mistakes);
  SourceConfig config;
  config.source_id = RequireText(*root, "", "source-id", &mistakes);
  CheckName(*root, "source-id", &mistakes);
  const Node* from = root->Find("from");
  if (from == nullptr || from->kind != Node::Kind::kMap) {
    mistakes.Add(from == nullptr ? 1 : from->line, "from must be there, with host, port and user");
  } else {
    config.host = RequireText(*from, "from", "host", &mistakes);
    config.port = PortOf(*from, &mistakes);
    config.user = RequireText(*from, "from", "user", &mistakes);
  }
  const Node* relay = root->Find("enable-relay");
  config.enables_relay = relay != nullptr && relay->text == "true";
  SecretsOf(yaml, *root, &mistakes);
  if (!mistakes.empty()) return mistakes.ToStatus("source");
  return config;
}

}  // namespace

absl::StatusOr<SourceConfig> ReadSource(const std::string& yaml) {
  return Read(yaml, Keys::kKnown);
}

absl::StatusOr<SourceConfig> ReadKnownSource(const std::string& yaml) {
  return Read(yaml, Keys::kAny);
}

}  // namespace dmgr::migrations
