#include "common/numbers.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace dmgr {
namespace {

constexpr double kExactBelow = 1e15;

}  // namespace

std::string NumberText(double number) {
  if (std::trunc(number) == number && std::abs(number) < kExactBelow) {
    return fmt::format("{:.0f}", number);
  }
  return fmt::format("{}", number);
}

bool IsOddNumber(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) {
    return false;
  }
  const std::string_view digits = text.front() == '+' ? text.substr(1) : text;
  double number = 0;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && at == digits.data() + digits.size() && NumberText(number) != text;
}

}  // namespace dmgr
