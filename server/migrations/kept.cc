// What dm-master keeps of sources and tasks, as people would write it.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "common/error.h"
#include "common/secret.h"
#include "common/toml_keys.h"
#include "server/migrations/config.h"
#include "server/migrations/document.h"

namespace dmgr::migrations {
namespace {

constexpr std::size_t kMaxKept = 1 << 20;
constexpr int kMaxKeptDepth = 16;

absl::Status Unreadable(std::string_view why) {
  return Error(absl::StatusCode::kDataLoss, "MIGRATION_UNREADABLE",
               "what the dm-masters keep of it cannot be read: {}", why)
      .Remedy("create it anew, or leave it to what has made it");
}

std::string KeyText(std::string_view key) {
  const bool plain = !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  return plain ? std::string(key) : Quoted(key);
}

std::string ScalarText(const toml::node& node) {
  if (const auto* text = node.as_string()) return Quoted(text->get());
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  std::ostringstream out;
  out << toml::node_view<const toml::node>(node);
  return Quoted(out.str());
}

// In brackets: on one line, as passwords must be.
std::string FlowText(const toml::node& node, int depth) {
  if (depth > kMaxKeptDepth) return "null";
  std::string text;
  if (const auto* array = node.as_array()) {
    for (const auto& item : *array) {
      text += (text.empty() ? "" : ", ") + FlowText(item, depth + 1);
    }
    return "[" + text + "]";
  }
  if (const auto* table = node.as_table()) {
    for (const auto& [key, value] : *table) {
      text += (text.empty() ? "" : ", ") + KeyText(key.str()) + ": " + FlowText(value, depth + 1);
    }
    return "{" + text + "}";
  }
  return ScalarText(node);
}

void AddTable(const toml::table& table, int depth, std::string* yaml) {
  for (const auto& [key, value] : table) {
    *yaml += std::string(static_cast<std::size_t>(depth) * 2, ' ') + KeyText(key.str()) + ":";
    const auto* inner = value.as_table();
    if (inner == nullptr || inner->empty() || depth >= kMaxKeptDepth) {
      *yaml += " " + FlowText(value, depth) + "\n";
      continue;
    }
    *yaml += "\n";
    AddTable(*inner, depth + 1, yaml);
  }
}

std::string YamlOf(const toml::table& table) {
  std::string yaml;
  AddTable(table, 0, &yaml);
  return yaml;
}

template <typename Work>
absl::StatusOr<std::string> Translated(const std::string& toml, const Work& work) {
  if (toml.size() > kMaxKept) return Unreadable("it is longer than 1 MiB");
  if (LineOfLongTomlKey(toml) != 0) return Unreadable("it has a key of too many parts");
  try {
    return work(toml::parse(toml));
  } catch (const toml::parse_error& error) {
    // What it says of the text may have a password in it.
    return Unreadable(fmt::format("line {} is no TOML", error.source().begin.line));
  }
}

}  // namespace

absl::StatusOr<std::string> SourceOfKey(const std::string& toml) {
  return Translated(toml, [](const toml::table& table) { return YamlOf(table); });
}

absl::StatusOr<std::string> TaskOfKey(const std::string& masked, const std::string& toml) {
  ASSIGN_OR_RETURN(auto older, Translated(toml, [](const toml::table& table) {
                     toml::table task;
                     if (const auto* to = table["to"].as_table()) {
                       task.insert("target-database", *to);
                     }
                     return YamlOf(task);
                   }));
  const WipeAtEnd wiped(&older);
  return FillHidden(masked, older);
}

}  // namespace dmgr::migrations
