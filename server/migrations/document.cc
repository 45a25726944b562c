#include "server/migrations/document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "common/error.h"
#include "common/near.h"
#include "common/utf8.h"

namespace dmgr::migrations {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxNodes = 200'000;
constexpr std::size_t kMaxDepth = 24;
constexpr std::size_t kMaxName = 64;
// Told at once; more would not be read.
constexpr std::size_t kMaxTold = 20;
constexpr std::size_t kShown = 60;

// Ends the reading of a text.
struct Refused {
  int line;
  const char* text;
};

// Makes the tree of what the parser comes by. Its own nodes share memory by aliases, and throw when
// they are asked for what they are not.
class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refused{mark.line + 1, "there must be one document only"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node = NodeAt(Node::Kind::kNothing, mark, "?", anchor);
    // A key may look like nothing.
    if (WantsKey()) throw Refused{mark.line + 1, "a key is empty"};
    Put(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark.line + 1, "anchors and aliases are not taken: write it out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = NodeAt(Node::Kind::kScalar, mark, tag, anchor);
    if (WantsKey()) return SetKey(value, mark);
    node.text = value;
    Put(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    Open(Node::Kind::kList, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    Open(Node::Kind::kMap, mark, tag, anchor, style);
  }
  void OnMapEnd() override { Close(); }

  Node root{};

 private:
  struct Level {
    Node node;
    // Of a map, between a key and its value.
    std::optional<Node> key{};
    std::set<std::string> keys{};
  };

  bool WantsKey() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::kMap &&
           !open_.back().key.has_value();
  }
  Node NodeAt(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
              YAML::anchor_t anchor) {
    if (anchor != 0) {
      throw Refused{mark.line + 1, "anchors and aliases are not taken: write it out"};
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refused{mark.line + 1, "tags are not taken"};
    }
    if (++nodes_ > kMaxNodes) throw Refused{mark.line + 1, "there is too much in it"};
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.position = static_cast<std::size_t>(std::max(mark.pos, 0));
    return node;
  }
  void SetKey(const std::string& key, const YAML::Mark& mark) {
    Level& map = open_.back();
    if (!map.keys.insert(key).second) throw Refused{mark.line + 1, "a key is given twice"};
    map.key.emplace();
    map.key->key = key;
    map.key->key_position = static_cast<std::size_t>(std::max(mark.pos, 0));
    map.key->key_column = mark.column;
  }
  void Open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    Node node = NodeAt(kind, mark, tag, anchor);
    if (WantsKey()) throw Refused{mark.line + 1, "a key is no word"};
    if (open_.size() == kMaxDepth) throw Refused{mark.line + 1, "it is nested too deep"};
    node.is_flow = style == YAML::EmitterStyle::Flow;
    open_.push_back({.node = std::move(node)});
  }
  void Close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    Put(std::move(node));
  }
  void Put(Node node) {
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    Level& level = open_.back();
    if (level.key.has_value()) {
      node.key = std::move(level.key->key);
      node.key_position = level.key->key_position;
      node.key_column = level.key->key_column;
      level.key.reset();
    }
    level.node.children.push_back(std::move(node));
  }

  std::vector<Level> open_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

// What the parser would take for something else, or lose count of.
const char* ProblemOf(const std::string& yaml) {
  if (yaml.size() > kMaxBytes) return "it is longer than 1 MiB";
  if (yaml.starts_with("\xEF\xBB\xBF")) return "it begins with a byte order mark";
  std::string_view rest = yaml;
  while (!rest.empty()) {
    const std::size_t length = Utf8Length(rest);
    if (length == 0) return "it is not UTF-8";
    const bool is_blank = rest[0] == '\n' || rest[0] == '\r' || rest[0] == '\t';
    if (!is_blank && IsControl(rest.substr(0, length))) return "it has control characters";
    rest.remove_prefix(length);
  }
  return nullptr;
}

std::string ShownWord(const std::string& text) { return "\"" + OneLine(text, kShown) + "\""; }

}  // namespace

const Node* Node::Find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(children, [&](const Node& child) { return child.key == name; });
  return found == children.end() || found->kind == Kind::kNothing ? nullptr : &*found;
}

absl::Status Mistakes::ToStatus(std::string_view what) const {
  if (all_.empty()) return absl::OkStatus();
  const auto words = [](const Mistake& one) {
    return fmt::format("line {}: {}", one.line, one.text);
  };
  Error error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID",
              "the configuration of a {} is wrong: {}{}", what, words(all_.front()),
              all_.size() == 1 ? "" : fmt::format(", and {} more", all_.size() - 1));
  for (std::size_t i = 0; i < std::min(all_.size(), kMaxTold); ++i) {
    error.Field("config_yaml", words(all_[i]));
  }
  return error.Remedy("correct what is named");
}

std::optional<Node> ReadDocument(const std::string& yaml, Mistakes* mistakes) {
  if (const char* problem = ProblemOf(yaml); problem != nullptr) {
    mistakes->Add(1, problem);
    return std::nullopt;
  }
  Builder builder;
  try {
    std::istringstream in(yaml);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused& refused) {
    mistakes->Add(refused.line, refused.text);
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    mistakes->Add(error.mark.line + 1, fmt::format("it is no YAML: {}", error.msg));
    return std::nullopt;
  }
  if (builder.root.kind == Node::Kind::kMap && !builder.root.is_flow) {
    return std::move(builder.root);
  }
  mistakes->Add(1, "it must be keys and values, each on a line of its own");
  return std::nullopt;
}

void CheckKeys(const Node& map, std::string_view where, const std::vector<std::string>& known,
               Mistakes* mistakes) {
  for (const Node& child : map.children) {
    if (std::ranges::find(known, child.key) != known.end()) continue;
    const std::string near = NearestOf(child.key, known);
    mistakes->Add(child.line, fmt::format("DM has no key {}{}{}", ShownWord(child.key),
                                          where.empty() ? "" : fmt::format(" in {}", where),
                                          near.empty() ? "" : fmt::format("; is it {}?", near)));
  }
}

std::string RequireText(const Node& map, std::string_view where, std::string_view key,
                        Mistakes* mistakes) {
  const Node* value = map.Find(key);
  const std::string name = where.empty() ? std::string(key) : fmt::format("{}.{}", where, key);
  if (value == nullptr || (value->kind == Node::Kind::kScalar && value->text.empty())) {
    mistakes->Add(map.line, fmt::format("{} is missing", name));
    return "";
  }
  if (value->kind != Node::Kind::kScalar || value->text.find('\n') != std::string::npos) {
    mistakes->Add(value->line, fmt::format("{} must be a text on one line", name));
    return "";
  }
  return value->text;
}

void CheckName(const Node& map, std::string_view key, Mistakes* mistakes) {
  const Node* value = map.Find(key);
  if (value == nullptr || value->kind != Node::Kind::kScalar || value->text.empty()) return;
  const bool is_name =
      value->text.size() <= kMaxName && std::ranges::none_of(value->text, [](char c) {
        return (c >= 0 && c <= ' ') || c == '/' || c == 0x7f;
      });
  if (is_name) return;
  mistakes->Add(value->line,
                fmt::format("{} must be one word of at most {} bytes, without /", key, kMaxName));
}

}  // namespace dmgr::migrations
