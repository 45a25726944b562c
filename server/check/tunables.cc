#include "server/check/tunables.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dmgr::check {
namespace {

constexpr Tunable kTunables[] = {
    {"fs.nr_open", "/proc/sys/fs/nr_open", Relation::kAtLeast, 1000000, "1048576",
     "the units ask for 1000000 open files, and do not start with less", true},
    {"fs.file-max", "/proc/sys/fs/file-max", Relation::kAtLeast, 1000000, "1000000",
     "all processes together run out of open files"},
    {"net.core.somaxconn", "/proc/sys/net/core/somaxconn", Relation::kAtLeast, 32768, "32768",
     "connections are refused when many come at once"},
    {"net.ipv4.tcp_syncookies", "/proc/sys/net/ipv4/tcp_syncookies", Relation::kAtMost, 0, "0",
     "connections stall when many come at once"},
    {"vm.swappiness", "/proc/sys/vm/swappiness", Relation::kAtMost, 0, "0",
     "processes are swapped out, and answer late"},
    {"vm.overcommit_memory", "/proc/sys/vm/overcommit_memory", Relation::kIsNot, 2, "0",
     "memory that is asked for and not used is refused"},
    {"transparent_hugepage", "/sys/kernel/mm/transparent_hugepage/enabled", Relation::kChosen, 0,
     "never", "the kernel's work at huge pages makes processes stall"},
};

constexpr char kHead[] =
    "# Written by dmgr when hosts were tuned. Stays when the cluster is destroyed; hosts boot as\n"
    "# before without it.\n";

bool ReadNumber(std::string_view text, std::uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  if (error == std::errc::result_out_of_range) {
    // fs.file-max may be the largest number there is.
    *number = UINT64_MAX;
    return true;
  }
  return error == std::errc() && end == text.data() + text.size();
}

// What a line of the file begins with, and the line.
std::pair<std::string, std::string> LineOf(const Tunable& tunable) {
  if (tunable.relation == Relation::kChosen) {
    return {fmt::format("w {} ", tunable.file),
            fmt::format("w {} - - - - {}\n", tunable.file, tunable.set_to)};
  }
  return {fmt::format("{} =", tunable.name),
          fmt::format("{} = {}\n", tunable.name, tunable.set_to)};
}

std::string_view FileOf(const Tunable& tunable) {
  return tunable.relation == Relation::kChosen ? kTmpfilesFile : kSysctlFile;
}

}  // namespace

std::span<const Tunable> Tunables() { return kTunables; }

const Tunable* FindTunable(std::string_view name) {
  const auto found = std::ranges::find(kTunables, name, &Tunable::name);
  return found == std::end(kTunables) ? nullptr : found;
}

bool IsMet(const Tunable& tunable, std::string_view value) {
  if (tunable.relation == Relation::kChosen) {
    return value == tunable.set_to ||
           value.find(fmt::format("[{}]", tunable.set_to)) != std::string_view::npos;
  }
  std::uint64_t number = 0;
  if (!ReadNumber(value, &number)) return false;
  switch (tunable.relation) {
    case Relation::kAtLeast:
      return number >= tunable.limit;
    case Relation::kAtMost:
      return number <= tunable.limit;
    default:
      return number != tunable.limit;
  }
}

std::string WantedWords(const Tunable& tunable) {
  switch (tunable.relation) {
    case Relation::kAtLeast:
      return fmt::format("at least {}", tunable.limit);
    case Relation::kAtMost:
      return tunable.limit == 0 ? "0" : fmt::format("at most {}", tunable.limit);
    case Relation::kIsNot:
      return fmt::format("not {}", tunable.limit);
    case Relation::kChosen:
      break;
  }
  return std::string(tunable.set_to);
}

std::string KeepIn(const std::string& file, const std::string& content,
                   const std::vector<std::string>& names) {
  std::string kept = content;
  for (const auto& name : names) {
    const Tunable* tunable = FindTunable(name);
    if (tunable == nullptr || FileOf(*tunable) != file) continue;
    if (kept.empty()) kept = kHead;
    const auto [begin, line] = LineOf(*tunable);
    const auto at = ("\n" + kept).find("\n" + begin);
    if (at == std::string::npos) {
      if (kept.back() != '\n') kept += '\n';
      kept += line;
    } else {
      kept.replace(at, std::min(kept.find('\n', at), kept.size() - 1) + 1 - at, line);
    }
  }
  return kept;
}

}  // namespace dmgr::check
