#include <charconv>

#include "absl/strings/escaping.h"
#include "common/error.h"
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

// A list of numbers, or base64.
std::string PemOf(const Node& security, const std::string& name) {
  const Node* bytes = security.Find(name + "-bytes");
  std::string text;
  if (bytes != nullptr) {
    for (const Node& item : bytes->children) {
      unsigned value = 0;
      std::from_chars(item.text.data(), item.text.data() + item.text.size(), value);
      text += static_cast<char>(value);
    }
    return text;
  }
  const Node* encoded = security.Find(name + "-base64");
  if (encoded != nullptr) absl::Base64Unescape(ToAbsl(encoded->text), &text);
  return text;
}

}  // namespace

absl::StatusOr<SourceLogin> ReadSourceLogin(const std::string& yaml) {
  ASSIGN_OR_RETURN(const auto config, ReadKnownSource(yaml));
  Mistakes mistakes;
  const auto root = ReadDocument(yaml, &mistakes);
  if (!root.has_value()) return mistakes.ToStatus("source");
  SourceLogin login{.host = config.host, .port = config.port, .user = config.user, .password = {}};
  const Node* from = root->Find("from");
  const Node* password = from->Find("password");
  if (password != nullptr) login.password = password->text;
  const Node* gtid = root->Find("enable-gtid");
  login.enables_gtid = gtid != nullptr && gtid->text == "true";
  const Node* security = from->Find("security");
  if (security == nullptr) return login;
  login.ca = PemOf(*security, "ssl-ca");
  login.certificate = PemOf(*security, "ssl-cert");
  login.key = PemOf(*security, "ssl-key");
  const Node* file = security->Find("ssl-ca");
  login.names_files = login.ca.empty() && file != nullptr && !file->text.empty();
  return login;
}

absl::StatusOr<SourceConfig> ReadSource(const std::string& yaml) {
  return Read(yaml, Keys::kKnown);
}

absl::StatusOr<SourceConfig> ReadKnownSource(const std::string& yaml) {
  return Read(yaml, Keys::kAny);
}

}  // namespace dmgr::migrations
