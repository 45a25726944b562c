#include <yaml-cpp/yaml.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "client/topology/topology.h"

namespace dmgr::client {
namespace {

constexpr std::string_view kRoot = "topology.";
// In the API's paths, and not in the file.
constexpr std::string_view kPlacementPrefix = "placement.";

void Skip(std::string_view prefix, std::string_view* path) {
  if (path->substr(0, prefix.size()) == prefix) path->remove_prefix(prefix.size());
}

// The tree of a file; a server may name hundreds of fields of the same one.
const YAML::Node& TreeOf(const std::string& text) {
  thread_local std::pair<std::string, YAML::Node> last;
  if (last.first != text || !last.second.IsDefined() || last.second.IsNull()) {
    last = {text, YAML::Load(text)};
  }
  return last.second;
}

// Goes on to the value of the longest key that path begins with, dots within keys included; false
// when there is none.
bool EnterKey(YAML::Node* node, std::string_view* path, int* line) {
  std::size_t longest = 0;
  YAML::Node found;
  for (const auto& pair : *node) {
    if (!pair.first.IsScalar()) continue;
    const std::string& key = pair.first.Scalar();
    if (key.size() <= longest || path->substr(0, key.size()) != key) continue;
    if (key.size() < path->size() && (*path)[key.size()] != '.' && (*path)[key.size()] != '[') {
      continue;
    }
    longest = key.size();
    *line = pair.first.Mark().line + 1;
    found.reset(pair.second);
  }
  if (longest == 0) return false;
  path->remove_prefix(longest);
  node->reset(found);
  return true;
}

// Goes on to the element of a list that path begins with: "[1]".
bool EnterElement(YAML::Node* node, std::string_view* path, int* line) {
  if (path->empty() || path->front() != '[') return false;
  std::size_t index = 0;
  const char* end = path->data() + path->size();
  const auto [at, error] = std::from_chars(path->data() + 1, end, index);
  if (error != std::errc() || at == end || *at != ']' || index >= node->size()) return false;
  path->remove_prefix(static_cast<std::size_t>(at - path->data()) + 1);
  node->reset(YAML::Node((*node)[index]));
  *line = node->Mark().line + 1;
  return true;
}

int Find(const std::string& text, std::string_view path) {
  YAML::Node node;
  node.reset(TreeOf(text));
  int line = 0;
  while (!path.empty()) {
    const bool entered = node.IsMap()        ? EnterKey(&node, &path, &line)
                         : node.IsSequence() ? EnterElement(&node, &path, &line)
                                             : false;
    if (!entered) break;
    Skip(".", &path);
    Skip(kPlacementPrefix, &path);
  }
  return line;
}

}  // namespace

int LineOf(const std::string& text, const std::string& field_path) {
  std::string_view path = field_path;
  if (path.substr(0, kRoot.size()) != kRoot) return 0;
  path.remove_prefix(kRoot.size());
  try {
    return Find(text, path);
  } catch (const YAML::Exception&) {
    return 0;
  }
}

std::string KeyOf(const std::string& field_path) {
  std::string_view path = field_path;
  Skip(kRoot, &path);
  const auto element = path.rfind("].");
  if (element != std::string_view::npos) path.remove_prefix(element + 2);
  Skip(kPlacementPrefix, &path);
  return std::string(path);
}

}  // namespace dmgr::client
