#include "ini.h"

#include <filesystem>
#include <fstream>
#include <string_view>

namespace dmsim {
namespace {

std::string Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

// A quoted value is taken as it is; of another, a comment is cut off.
std::string Value(const std::string& raw) {
  for (const std::string quote : {"\"\"\"", "`", "\"", "'"}) {
    if (!raw.starts_with(quote) || raw.size() < 2 * quote.size()) continue;
    const auto end = raw.find(quote, quote.size());
    if (end != std::string::npos) return raw.substr(quote.size(), end - quote.size());
  }
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if ((raw[i] == '#' || raw[i] == ';') && (i == 0 || raw[i - 1] == ' ')) {
      return Trim(raw.substr(0, i));
    }
  }
  return raw;
}

void ReadYamlLines(const std::string& file, std::vector<YamlItem>* items) {
  std::ifstream in(file);
  for (std::string raw; std::getline(in, raw);) {
    std::string line = Trim(raw);
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("- ")) {
      items->emplace_back();
      line = Trim(line.substr(2));
    }
    const auto colon = line.find(':');
    if (items->empty() || colon == std::string::npos) continue;
    items->back()[Trim(line.substr(0, colon))] = Value(Trim(line.substr(colon + 1)));
  }
}

}  // namespace

bool ReadIni(const std::string& file, Ini* ini) {
  std::ifstream in(file);
  if (!in) return false;
  std::string section;
  for (std::string raw; std::getline(in, raw);) {
    const std::string line = Trim(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      section = line.substr(1, line.size() - 2);
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    (*ini)[section + "." + Trim(line.substr(0, equals))] = Value(Trim(line.substr(equals + 1)));
  }
  return true;
}

std::string IniValue(const Ini& ini, const std::string& key, const std::string& fallback) {
  const auto it = ini.find(key);
  return it == ini.end() || it->second.empty() ? fallback : it->second;
}

std::vector<YamlItem> ReadProvisioning(const std::string& folder) {
  std::vector<YamlItem> items;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string extension = entry.path().extension();
    if (extension == ".yml" || extension == ".yaml") ReadYamlLines(entry.path(), &items);
  }
  return items;
}

}  // namespace dmsim
