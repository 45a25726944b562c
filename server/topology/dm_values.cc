#include "server/topology/dm_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "server/topology/values.h"

namespace dmgr::topology {
namespace {

using google::protobuf::Value;

constexpr std::string_view kGoDigits = "0123456789";
// Of int64_t in nanoseconds, where Go's durations end.
constexpr double kMaxNanoseconds = 9.2e18;
// etcd grants no longer lease.
constexpr double kMaxLeaseSeconds = 9e9;

struct GoUnit {
  std::string_view name;
  double nanoseconds;
};
// The longer names first: "m" is the beginning of "ms".
constexpr std::array<GoUnit, 8> kGoUnits = {
    GoUnit{"ns", 1},   GoUnit{"us", 1e3}, GoUnit{"\u00b5s", 1e3}, GoUnit{"\u03bcs", 1e3},
    GoUnit{"ms", 1e6}, GoUnit{"s", 1e9},  GoUnit{"m", 6e10},      GoUnit{"h", 3.6e12}};

// Takes a number such as "1", "1.5", ".5" or "1." off the front; false when there is none.
bool TakeGoNumber(std::string_view* text, double* number) {
  const std::size_t end = std::min(text->find_first_not_of("0123456789."), text->size());
  const std::string digits(text->substr(0, end));
  if (digits.find_first_of(kGoDigits) == std::string::npos ||
      std::count(digits.begin(), digits.end(), '.') > 1) {
    return false;
  }
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *number);
  if (error != std::errc() || at != digits.data() + digits.size()) return false;
  text->remove_prefix(end);
  return true;
}

bool IsCompactionRetention(std::string_view text) {
  return text.empty() || text.find_first_not_of(kGoDigits) == std::string_view::npos ||
         IsGoDuration(text);
}

bool IsLogLevel(std::string_view text) {
  const std::string lower = absl::AsciiStrToLower({text.data(), text.size()});
  static constexpr std::array<std::string_view, 8> kLevels = {"",      "debug",  "info",  "warn",
                                                              "error", "dpanic", "panic", "fatal"};
  return std::find(kLevels.begin(), kLevels.end(), lower) != kLevels.end();
}

}  // namespace

bool IsGoDuration(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text == "0") return true;
  if (text.empty()) return false;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    if (!TakeGoNumber(&text, &number)) return false;
    const auto unit =
        std::find_if(kGoUnits.begin(), kGoUnits.end(), [text](const GoUnit& candidate) {
          return text.substr(0, candidate.name.size()) == candidate.name;
        });
    if (unit == kGoUnits.end()) return false;
    total += number * unit->nanoseconds;
    text.remove_prefix(unit->name.size());
  }
  return total < kMaxNanoseconds;
}

std::string FormProblem(ValueForm form, const Value& value) {
  const std::string& text = value.string_value();
  const double number = value.number_value();
  switch (form) {
    case ValueForm::kAny:
      return "";
    case ValueForm::kLogLevel:
      if (IsLogLevel(text)) return "";
      return Quote(text) + " is none of debug, info, warn, error, dpanic, panic and fatal";
    case ValueForm::kLogFormat:
      if (text.empty() || text == "text" || text == "json") return "";
      return Quote(text) + " is neither \"text\" nor \"json\"";
    case ValueForm::kDuration:
      if (text.empty() || IsGoDuration(text)) return "";
      return Quote(text) + " is not a duration such as \"30s\", with h, m, s or ms";
    case ValueForm::kCompactionMode:
      if (text.empty() || text == "periodic" || text == "revision") return "";
      return Quote(text) + " is neither \"periodic\" nor \"revision\"";
    case ValueForm::kCompactionRetention:
      if (IsCompactionRetention(text)) return "";
      return Quote(text) + " is neither a duration such as \"1h\" nor a whole number";
    case ValueForm::kNotNegative:
      return number < 0 ? fmt::format("{:.0f} is below 0", number) : "";
    case ValueForm::kLeaseTtl:
      return number > kMaxLeaseSeconds ? fmt::format("{:.0f} is too long: {:.0f} seconds at most",
                                                     number, kMaxLeaseSeconds)
                                       : "";
  }
  return "";
}

}  // namespace dmgr::topology
