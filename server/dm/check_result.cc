#include "server/dm/check_result.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "common/untrusted_json.h"
#include "server/dm/dm_error.h"
#include "server/dm/text.h"

namespace dmgr::dm {
namespace {

using nlohmann::json;

constexpr std::string_view kDetail = "detail:";
constexpr std::size_t kMaxRows = 10'000;
constexpr std::size_t kMaxProblems = 1000;
constexpr std::size_t kMaxCheckText = 4000;

// The object at the beginning of a text; empty when it has no end. What follows it is DM's advice.
std::string_view LeadingObject(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{') ++depth;
    if (c == '}' && --depth == 0) return text.substr(0, i + 1);
  }
  return {};
}

// All of these throw json::exception for a value of another type.
std::string CheckText(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return {};
  return CleanLines(it->get_ref<const std::string&>(), kMaxCheckText);
}

std::int64_t CheckNumber(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return 0;
  if (!it->is_number_integer()) throw std::runtime_error("not a whole number");
  return it->get<std::int64_t>();
}

// The elements of a list that may be missing, as many as may be.
std::vector<const json*> CheckList(const json& object, const char* key, std::size_t most) {
  std::vector<const json*> elements;
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return elements;
  if (!it->is_array()) throw std::runtime_error("not a list");
  for (const json& element : *it) {
    if (elements.size() == most) break;
    if (!element.is_object()) throw std::runtime_error("not an object");
    elements.push_back(&element);
  }
  return elements;
}

CheckState StateOf(const std::string& word) {
  if (word == "fail") return CheckState::kFail;
  return word == "warn" ? CheckState::kWarn : CheckState::kPass;
}

CheckRow RowOf(const json& from) {
  CheckRow row;
  row.id = CheckNumber(from, "id");
  row.name = CheckText(from, "name");
  row.description = CheckText(from, "desc");
  row.state = StateOf(CheckText(from, "state"));
  for (const json* problem : CheckList(from, "errors", kMaxProblems)) {
    row.problems.push_back({CheckText(*problem, "severity"), CheckText(*problem, "short_error")});
  }
  row.instruction = CheckText(from, "instruction");
  row.extra = CheckText(from, "extra");
  return row;
}

// Throws what is wrong.
void ReadDetail(const json& detail, CheckResult* result) {
  for (const json* row : CheckList(detail, "results", kMaxRows)) {
    result->rows.push_back(RowOf(*row));
    if (result->rows.back().state == CheckState::kFail) result->passed = false;
  }
  const auto summary = detail.find("summary");
  if (summary == detail.end() || !summary->is_object()) throw std::runtime_error("no summary");
  const auto passed = summary->find("passed");
  if (passed != summary->end() && !passed->get<bool>()) result->passed = false;
  result->total = CheckNumber(*summary, "total");
  result->successful = CheckNumber(*summary, "successful");
  result->failed = CheckNumber(*summary, "failed");
  result->warning = CheckNumber(*summary, "warning");
}

}  // namespace

std::optional<CheckResult> ParseCheckResult(std::string_view text) {
  const std::size_t at = text.find(kDetail);
  CheckResult result;
  result.sentence = ParseDmError(text.substr(0, at)).message;
  if (at == std::string_view::npos) return result;
  text.remove_prefix(at + kDetail.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  const auto detail = ParseUntrustedJson(LeadingObject(text), kListLimits);
  if (!detail.has_value() || !detail->is_object()) return std::nullopt;
  try {
    ReadDetail(*detail, &result);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return result;
}

}  // namespace dmgr::dm
