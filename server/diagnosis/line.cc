#include "server/diagnosis/line.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/untrusted_json.h"

namespace dmgr::diagnosis {
namespace {

using Fields = std::map<std::string, std::string>;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

Level LevelOf(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static const std::map<std::string, Level> kLevels = {
      {"debug", Level::kDebug},  {"dbug", Level::kDebug},      {"info", Level::kInfo},
      {"warn", Level::kWarning}, {"warning", Level::kWarning}, {"error", Level::kError},
      {"eror", Level::kError},   {"crit", Level::kFatal},      {"critical", Level::kFatal},
      {"dpanic", Level::kFatal}, {"panic", Level::kFatal},     {"fatal", Level::kFatal}};
  const auto level = kLevels.find(word);
  return level == kLevels.end() ? Level::kNone : level->second;
}

std::string Joined(const std::string& message, const std::string& error) {
  if (message.empty() || error.empty()) return message + error;
  return message.find(error) == std::string::npos ? message + ": " + error : message;
}

// The first of these that there is.
std::string FirstOf(const Fields& fields, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto field = fields.find(key);
    if (field != fields.end() && !field->second.empty()) return field->second;
  }
  return {};
}

Line ByFields(const Fields& fields, const std::string& message) {
  Line line;
  line.level = LevelOf(FirstOf(fields, {"level", "lvl", "L"}));
  line.said = Joined(message, FirstOf(fields, {"error", "err", "reason"}));
  return line;
}

// What a quoted text stands for; `at` is behind its first quote, and then behind its last.
std::string TakeQuoted(std::string_view text, std::size_t* at) {
  std::string value;
  for (; *at < text.size() && text[*at] != '"'; ++*at) {
    if (text[*at] != '\\' || *at + 1 == text.size()) {
      value += text[*at];
      continue;
    }
    const char escaped = text[++*at];
    value += escaped == 'n' || escaped == 't' ? ' ' : escaped;
  }
  if (*at < text.size()) ++*at;
  return value;
}

// A value up to one of these characters, or in quotes.
std::string TakeValue(std::string_view text, std::string_view ends, std::size_t* at) {
  if (*at < text.size() && text[*at] == '"') {
    ++*at;
    return TakeQuoted(text, at);
  }
  const std::size_t end = std::min(text.find_first_of(ends, *at), text.size());
  std::string value(text.substr(*at, end - *at));
  *at = end;
  return value;
}

// [2026/11/27 00:47:58.123 +00:00] [ERROR] [main.go:77] ["fail to start"] [error="..."]
std::optional<Line> ParseZapText(std::string_view text) {
  if (text.size() < 2 || text[0] != '[' || !IsDigit(text[1])) return std::nullopt;
  std::vector<std::string> bare;
  Fields fields;
  for (std::size_t at = 0; at < text.size() && text[at] == '[';) {
    ++at;
    std::string word = TakeValue(text, "=]", &at);
    if (at < text.size() && text[at] == '=') {
      ++at;
      fields[word] = TakeValue(text, "]", &at);
    } else {
      bare.push_back(std::move(word));
    }
    if (at >= text.size() || text[at] != ']') break;
    at = std::min(text.find_first_not_of(' ', at + 1), text.size());
  }
  if (bare.size() < 2 || LevelOf(bare[1]) == Level::kNone) return std::nullopt;
  fields["level"] = bare[1];
  const bool has_place =
      bare.size() > 3 || (bare.size() == 3 && bare[2].find(".go:") != std::string::npos);
  const std::size_t message = has_place ? 3 : 2;
  return ByFields(fields, message < bare.size() ? bare[message] : "");
}

std::optional<Line> ParseJson(std::string_view text) {
  if (text.empty() || text[0] != '{') return std::nullopt;
  const auto json = ParseUntrustedJson(text);
  if (!json.has_value() || !json->is_object()) return std::nullopt;
  Fields fields;
  for (const auto& [key, value] : json->items()) {
    if (value.is_string()) fields[key] = value.get<std::string>();
  }
  Line line = ByFields(fields, FirstOf(fields, {"msg", "message", "M"}));
  if (line.level == Level::kNone) return std::nullopt;
  return line;
}

// level=error ts=... caller=main.go:77 msg="..." err="..."
std::optional<Line> ParseLogfmt(std::string_view text) {
  Fields fields;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t equals = text.find('=', at);
    if (equals == std::string_view::npos) break;
    const std::string key(text.substr(at, equals - at));
    if (key.empty() || key.find_first_of(" \"") != std::string::npos) return std::nullopt;
    at = equals + 1;
    fields[key] = TakeValue(text, " ", &at);
    at = std::min(text.find_first_not_of(' ', at), text.size());
  }
  Line line = ByFields(fields, FirstOf(fields, {"msg"}));
  if (line.level == Level::kNone) return std::nullopt;
  return line;
}

// EROR[11-27|00:47:58] Failed to read a file     logger=x error="..."
std::optional<Line> ParseConsole(std::string_view text) {
  const std::size_t bracket = text.find('[');
  const std::size_t end = text.find("] ");
  if (bracket == std::string_view::npos || bracket > 5 || end == std::string_view::npos) {
    return std::nullopt;
  }
  Line line;
  line.level = LevelOf(std::string(text.substr(0, bracket)));
  if (line.level == Level::kNone) return std::nullopt;
  line.said = text.substr(end + 2);
  return line;
}

// Without colours and other control characters; a tab is a space, and so is the end of a line.
std::string Plain(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\x1b' && at + 1 < text.size() && text[at + 1] == '[') {
      at += 2;
      while (at < text.size() && !std::isalpha(static_cast<unsigned char>(text[at]))) ++at;
    } else if (c == '\t' || c == '\n') {
      plain += ' ';
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      plain += c;
    }
  }
  return plain;
}

// A line that can stand in the stack of a goroutine.
bool IsFrame(std::string_view line) {
  return line.empty() || line.front() == '\t' || line.starts_with("goroutine ") ||
         line.starts_with("created by ") || (line.back() == ')' && line.find('(') != line.npos) ||
         line.starts_with("...");
}

}  // namespace

bool IsBlank(std::string_view text) { return text.find_first_not_of(' ') == text.npos; }

Line ParseLine(std::string_view text) {
  for (const auto parse : {ParseZapText, ParseJson, ParseLogfmt, ParseConsole}) {
    auto line = parse(text);
    if (!line.has_value()) continue;
    // An escape may have stood for any character.
    line->said = Plain(line->said);
    // Of a form, but with nothing where that has its message: better the whole.
    if (IsBlank(line->said)) line->said = text;
    return *std::move(line);
  }
  return {Level::kNone, std::string(text)};
}

std::vector<std::string> LinesOf(std::string_view log) {
  std::vector<std::string> lines;
  bool in_stack = false;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = std::min(log.find('\n', at), log.size());
    const std::string_view line = log.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("goroutine ") && line.ends_with("]:")) in_stack = true;
    if (in_stack && IsFrame(line)) continue;
    in_stack = false;
    std::string plain = Plain(line);
    if (!IsBlank(plain)) lines.push_back(std::move(plain));
  }
  return lines;
}

}  // namespace dmgr::diagnosis
