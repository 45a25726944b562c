#include "server/topology/values.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "absl/strings/ascii.h"
#include "common/address.h"

namespace dmgr::topology {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kAlnum =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool OnlyOf(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [more](char c) {
    return kAlnum.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
  });
}

// Takes the longest run of digits off the front; false when there is none.
bool TakeDigits(std::string_view* text) {
  const std::size_t end = std::min(text->find_first_not_of(kDigits), text->size());
  text->remove_prefix(end);
  return end > 0 && end <= 15;
}

// "1" or "1.5".
bool TakeNumber(std::string_view* text) {
  if (!TakeDigits(text)) return false;
  if (text->empty() || text->front() != '.') return true;
  text->remove_prefix(1);
  return TakeDigits(text);
}

// "4G", "1.5G", "1048576".
bool IsSize(std::string_view text) {
  if (!TakeNumber(&text)) return false;
  return text.empty() ||
         (text.size() == 1 && std::string_view("BKMGTPE").find(text[0]) != std::string_view::npos);
}

bool IsPercent(std::string_view text) { return TakeNumber(&text) && text == "%"; }

bool IsMemoryLimit(std::string_view text) {
  return text == "infinity" || IsSize(text) || IsPercent(text);
}

// Links in /dev/disk have more in their names than other paths; a '%' would be systemd's.
bool IsDevice(std::string_view path) {
  std::string plain(path);
  std::replace_if(
      plain.begin(), plain.end(),
      [](char c) { return std::string_view(":,=#~").find(c) != std::string_view::npos; }, '-');
  return IsCleanPath(plain);
}

// "/dev/sda 100M".
bool IsBandwidth(std::string_view text) {
  const std::size_t space = text.find(' ');
  return space != std::string_view::npos && IsDevice(text.substr(0, space)) &&
         IsSize(text.substr(space + 1));
}

// "infinity", "1G", or soft and hard limit: "0:infinity".
bool IsLimit(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    return text.find(':', colon + 1) == std::string_view::npos && IsLimit(text.substr(0, colon)) &&
           IsLimit(text.substr(colon + 1));
  }
  return text == "infinity" || IsSize(text);
}

// "90", "90s", "5min 20s", "infinity".
bool IsTimespan(std::string_view text) {
  if (text == "infinity") return true;
  static constexpr std::array<std::string_view, 16> kUnits = {
      "",       "ms",      "s", "sec", "second", "seconds", "m", "min",
      "minute", "minutes", "h", "hr",  "hour",   "hours",   "d", "day"};
  while (true) {
    if (!TakeNumber(&text)) return false;
    const std::size_t end = std::min(text.find(' '), text.size());
    if (std::find(kUnits.begin(), kUnits.end(), text.substr(0, end)) == kUnits.end()) return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string Quote(std::string_view value) {
  constexpr std::size_t kShown = 80;
  std::string quoted = "\"";
  for (char c : value.substr(0, kShown)) quoted += c >= ' ' && c <= '~' ? c : '?';
  quoted += value.size() > kShown ? "...\"" : "\"";
  return quoted;
}

bool IsIpv6(std::string_view host) { return host.find(':') != std::string_view::npos; }

bool IsHost(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  if (IsIpv6(host)) {
    // What is not an address will not be a registered machine's either.
    return host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  }
  return OnlyOf(host, "._-") && host.front() != '.' && host.front() != '-';
}

bool IsInstanceName(std::string_view name) {
  return !name.empty() && name.size() <= 128 && OnlyOf(name, "._:-") &&
         kAlnum.find(name.front()) != std::string_view::npos;
}

bool IsClusterName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && OnlyOf(name, "._-") && name.front() != '.' &&
         name.front() != '-';
}

bool IsUserName(std::string_view name) {
  if (name.empty() || name.size() > 31) return false;
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz_";
  return kFirst.find(name.front()) != std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [kFirst](char c) {
           return kFirst.find(c) != std::string_view::npos ||
                  kDigits.find(c) != std::string_view::npos || c == '-';
         });
}

bool IsOtherUserName(std::string_view name) {
  return !name.empty() && name.size() <= 32 && OnlyOf(name, "._-") &&
         kDigits.find(name.front()) == std::string_view::npos && name.front() != '.' &&
         name.front() != '-';
}

bool IsGrafanaUser(std::string_view name) {
  return !name.empty() && name.size() <= 64 && OnlyOf(name, "._@+-");
}

bool IsNumaNodes(std::string_view nodes) {
  if (nodes.size() > 128) return false;
  while (true) {
    if (!TakeDigits(&nodes)) return false;
    if (!nodes.empty() && nodes.front() == '-') {
      nodes.remove_prefix(1);
      if (!TakeDigits(&nodes)) return false;
    }
    if (nodes.empty()) return true;
    if (nodes.front() != ',') return false;
    nodes.remove_prefix(1);
  }
}

bool IsRetention(std::string_view time) {
  if (time.size() < 2 || time.size() > 6 || time.back() != 'd' || time.front() == '0') return false;
  time.remove_suffix(1);
  return time.find_first_not_of(kDigits) == std::string_view::npos;
}

bool IsStorageSize(std::string_view size) {
  if (size.empty() || size.front() == '0' || !TakeDigits(&size)) return false;
  static constexpr std::array<std::string_view, 7> kUnits = {"B",  "KB", "MB", "GB",
                                                             "TB", "PB", "EB"};
  return std::find(kUnits.begin(), kUnits.end(), size) != kUnits.end();
}

std::int64_t DurationMs(std::string_view duration) {
  struct Unit {
    std::string_view name;
    std::int64_t ms;
  };
  // Prometheus wants them in this order.
  static constexpr std::array<Unit, 5> kUnits = {Unit{"d", 86400000}, Unit{"h", 3600000},
                                                 Unit{"m", 60000}, Unit{"s", 1000}, Unit{"ms", 1}};
  std::int64_t total = 0;
  auto unit = kUnits.begin();
  while (!duration.empty()) {
    std::int64_t number = 0;
    const auto [at, error] =
        std::from_chars(duration.data(), duration.data() + duration.size(), number);
    if (error != std::errc() || number < 0 || number > 1000000) return 0;
    duration.remove_prefix(static_cast<std::size_t>(at - duration.data()));
    const std::string_view name =
        duration.substr(0, std::min(duration.find_first_of(kDigits), duration.size()));
    unit = std::find_if(unit, kUnits.end(), [name](const Unit& u) { return u.name == name; });
    if (unit == kUnits.end()) return 0;
    total += number * unit->ms;
    ++unit;
    duration.remove_prefix(name.size());
  }
  return total;
}

bool IsHostPort(std::string_view address) {
  const auto parsed = ParseHostPort(address);
  return parsed.has_value() && IsHost(parsed->host) && parsed->port > 0;
}

bool IsOneLine(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 32 || byte == 127;
  });
}

void CheckResourceControl(const v1::ResourceControl& control, const std::string& prefix,
                          std::vector<Problem>* problems) {
  struct Rule {
    const char* key;
    const std::string& value;
    bool (*accepts)(std::string_view);
    const char* example;
  };
  const Rule rules[] = {
      {"memory_limit", control.memory_limit(), IsMemoryLimit, "4G"},
      {"cpu_quota", control.cpu_quota(), IsPercent, "200%"},
      {"io_read_bandwidth_max", control.io_read_bandwidth_max(), IsBandwidth, "/dev/sda 100M"},
      {"io_write_bandwidth_max", control.io_write_bandwidth_max(), IsBandwidth, "/dev/sda 100M"},
      {"limit_core", control.limit_core(), IsLimit, "infinity"},
      {"timeout_start_sec", control.timeout_start_sec(), IsTimespan, "60s"},
      {"timeout_stop_sec", control.timeout_stop_sec(), IsTimespan, "90s"},
  };
  for (const Rule& rule : rules) {
    if (rule.value.empty() || (rule.value.size() <= 128 && rule.accepts(rule.value))) continue;
    problems->push_back({prefix + "." + rule.key,
                         Quote(rule.value) + " is not what systemd takes here; write it like \"" +
                             rule.example + "\""});
  }
}

v1::ResourceControl Merge(const v1::ResourceControl& defaults, const v1::ResourceControl& own) {
  v1::ResourceControl merged = defaults;
  merged.MergeFrom(own);  // Skips what is empty in own.
  return merged;
}

std::string_view NormalArch(std::string_view arch) {
  const std::string lower = absl::AsciiStrToLower({arch.data(), arch.size()});
  if (lower == "amd64" || lower == "x86_64") return "amd64";
  if (lower == "arm64" || lower == "aarch64") return "arm64";
  return "";
}

}  // namespace dmgr::topology
