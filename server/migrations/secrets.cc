// Passwords in a text, and what stands for them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/error.h"
#include "server/migrations/config.h"
#include "server/migrations/document.h"

namespace dmgr::migrations {
namespace {

// Of a database's account, and of its certificates where they are not named by their files.
constexpr std::array<std::string_view, 7> kSecretKeys = {
    "password",      "ssl-ca-bytes",    "ssl-cert-bytes", "ssl-key-bytes",
    "ssl-ca-base64", "ssl-cert-base64", "ssl-key-base64"};

bool IsSecretKey(std::string_view key) {
  return std::ranges::find(kSecretKeys, key) != kSecretKeys.end();
}

std::optional<std::size_t> EndOfQuoted(const std::string& yaml, std::size_t begin) {
  const char quote = yaml[begin];
  for (std::size_t at = begin + 1; at < yaml.size() && yaml[at] != '\n'; ++at) {
    if (quote == '"' && yaml[at] == '\\') {
      ++at;
    } else if (yaml[at] == quote) {
      if (quote == '"' || at + 1 == yaml.size() || yaml[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return std::nullopt;
}

// Bytes as a list of numbers; nullopt when it is another list.
std::optional<std::string> BytesOf(const Node& list) {
  std::string bytes;
  for (const Node& item : list.children) {
    unsigned value = 0;
    const char* end = item.text.data() + item.text.size();
    const auto [at, error] = std::from_chars(item.text.data(), end, value);
    if (item.kind != Node::Kind::kScalar || error != std::errc() || at != end || value > 255) {
      return std::nullopt;
    }
    bytes += static_cast<char>(value);
  }
  return bytes;
}

// Where the list ends that has its last number here.
std::optional<std::size_t> EndOfList(const std::string& yaml, const Node& list) {
  const auto end = EndOfScalar(yaml, list.children.back());
  if (!end.has_value() || !list.is_flow) return end;
  const std::size_t bracket = yaml.find_first_not_of(" \t\r\n,", *end);
  if (bracket == std::string::npos || yaml[bracket] != ']') return std::nullopt;
  return bracket + 1;
}

// What stands for a secret; nullopt when it cannot be told where it ends.
std::optional<SecretValue> ValueOf(const std::string& yaml, const Node& node) {
  SecretValue value;
  value.line = node.line;
  value.begin = node.position;
  if (node.kind == Node::Kind::kScalar) {
    const auto end = EndOfScalar(yaml, node);
    if (!end.has_value()) return std::nullopt;
    value.end = *end;
    value.is_hidden = node.text == kHidden;
    value.written = Quoted(node.text);
    return value;
  }
  if (node.kind != Node::Kind::kList || node.children.empty()) return std::nullopt;
  const auto bytes = BytesOf(node);
  const auto end = EndOfList(yaml, node);
  if (!bytes.has_value() || !end.has_value()) return std::nullopt;
  value.end = *end;
  value.written = ByteList(*bytes);
  if (!node.is_flow) {
    value.begin = yaml.find(':', node.key_position + node.key.size());
    if (value.begin == std::string::npos || value.begin >= value.end) return std::nullopt;
    value.begin += 1;
    value.follows_colon = true;
  }
  return value;
}

class Walk {
 public:
  Walk(const std::string* yaml, Mistakes* mistakes) : yaml_(*yaml), mistakes_(mistakes) {}

  void Visit(const Node& node, const std::string& path, const std::string& top) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const Node& child = node.children[i];
      const std::string step = node.kind == Node::Kind::kMap ? child.key : fmt::format("[{}]", i);
      const std::string at = path.empty() ? step : path + "." + step;
      const std::string& first = top.empty() ? child.key : top;
      if (node.kind == Node::Kind::kMap && IsSecretKey(child.key)) {
        Add(child, at, first);
      } else {
        Visit(child, at, first);
      }
    }
  }
  std::vector<SecretValue> found;

 private:
  void Add(const Node& node, const std::string& path, const std::string& top) {
    const bool is_empty = node.kind == Node::Kind::kNothing ||
                          (node.kind == Node::Kind::kScalar && node.text.empty()) ||
                          (node.kind == Node::Kind::kList && node.children.empty());
    if (is_empty) return;
    auto value = ValueOf(yaml_, node);
    if (!value.has_value()) {
      mistakes_->Add(node.line, fmt::format("{} must be written on one line, in quotes", node.key));
      return;
    }
    value->path = path;
    value->top = top;
    found.push_back(*std::move(value));
  }

  const std::string& yaml_;
  Mistakes* mistakes_;
};

// The text with something else in the places of secrets.
template <typename Replace>
std::string WithOther(const std::string& yaml, const std::vector<SecretValue>& secrets,
                      const Replace& replace) {
  std::string text;
  std::size_t from = 0;
  for (const SecretValue& secret : secrets) {
    text += yaml.substr(from, secret.begin - from);
    if (secret.follows_colon) text += ' ';
    text += replace(secret);
    from = secret.end;
  }
  return text + yaml.substr(from);
}

std::string TextOf(const Node& root, const std::string& top, std::string_view key) {
  const Node* part = root.Find(top);
  const Node* value = part == nullptr ? nullptr : part->Find(key);
  return value == nullptr ? "" : value->text;
}

// A secret is sent to the database that it is of, and to no other.
bool IsOfSameDatabase(const Node& root, const Node& older, const std::string& top) {
  return TextOf(root, top, "host") == TextOf(older, top, "host") &&
         TextOf(root, top, "port") == TextOf(older, top, "port");
}

absl::Status NothingHidden(const SecretValue& secret, std::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "HIDDEN_SECRET",
               "line {}: {} is {}, which stands for the one that there is: {}", secret.line,
               secret.path, kHidden, why)
      .Field("config_yaml", fmt::format("line {}: {} must be given", secret.line, secret.path))
      .Remedy("give it in clear");
}

}  // namespace

std::string Quoted(std::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') quoted += '\\';
    if (byte < ' ' || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string ByteList(std::string_view bytes) {
  std::vector<int> numbers;
  for (const char c : bytes) numbers.push_back(static_cast<unsigned char>(c));
  return fmt::format("[{}]", fmt::join(numbers, ", "));
}

std::optional<std::size_t> EndOfScalar(const std::string& yaml, const Node& scalar) {
  const std::size_t begin = scalar.position;
  if (begin >= yaml.size()) return std::nullopt;
  if (yaml[begin] == '"' || yaml[begin] == '\'') return EndOfQuoted(yaml, begin);
  // A text that goes on in the next line, or is a block of lines, is not what is written.
  if (yaml.compare(begin, scalar.text.size(), scalar.text) != 0) return std::nullopt;
  return begin + scalar.text.size();
}

std::vector<SecretValue> SecretsOf(const std::string& yaml, const Node& root, Mistakes* mistakes) {
  Walk walk(&yaml, mistakes);
  walk.Visit(root, "", "");
  return std::move(walk.found);
}

std::string HideSecrets(const std::string& yaml) {
  Mistakes mistakes;
  const auto root = ReadDocument(yaml, &mistakes);
  if (!root.has_value()) return "";
  const auto secrets = SecretsOf(yaml, *root, &mistakes);
  const std::string hidden =
      WithOther(yaml, secrets, [](const SecretValue&) { return Quoted(kHidden); });
  // What is shown is looked at once more, as whoever reads it would.
  const auto shown = ReadDocument(hidden, &mistakes);
  if (!shown.has_value() || !mistakes.empty()) return "";
  const auto left = SecretsOf(hidden, *shown, &mistakes);
  const bool all = std::ranges::all_of(left, [](const auto& one) { return one.is_hidden; });
  return mistakes.empty() && all && left.size() == secrets.size() ? hidden : "";
}

absl::StatusOr<std::string> FillHidden(const std::string& yaml, const std::string& older) {
  Mistakes mistakes;
  const auto root = ReadDocument(yaml, &mistakes);
  if (!root.has_value()) return mistakes.ToStatus("source or task");
  auto secrets = SecretsOf(yaml, *root, &mistakes);
  Mistakes old_mistakes;
  const auto before = older.empty() ? std::nullopt : ReadDocument(older, &old_mistakes);
  const auto known =
      before.has_value() ? SecretsOf(older, *before, &old_mistakes) : std::vector<SecretValue>();
  std::erase_if(secrets, [](const auto& secret) { return !secret.is_hidden; });
  for (SecretValue& secret : secrets) {
    const auto found = std::ranges::find(known, secret.path, &SecretValue::path);
    if (found == known.end() || found->is_hidden) return NothingHidden(secret, "there is none");
    if (!IsOfSameDatabase(*root, *before, secret.top)) {
      return NothingHidden(secret, "that one is of a database of another host or port");
    }
    secret.written = found->written;
  }
  return WithOther(yaml, secrets, [](const SecretValue& secret) { return secret.written; });
}

}  // namespace dmgr::migrations
