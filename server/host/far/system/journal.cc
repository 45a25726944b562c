#include "server/host/far/system/journal.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "server/host/far/base/failure.h"
#include "server/host/far/system/journal_entries.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxText = 64U << 10;
// An exported entry has about 1 KiB of fields beside its message.
constexpr std::size_t kMaxExport = 1U << 20;
constexpr char kMaxEntries[] = "500";
constexpr milliseconds kTimeout{10000};
constexpr std::uint64_t kMicroseconds = 1000000;

// What journalctl prints; empty when it cannot.
std::string Journalctl(Context& context, const std::vector<std::string>& arguments,
                       std::size_t limit) {
  if (!context.programs.Has("journalctl")) return {};
  std::vector<std::string> argv = {"journalctl"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  ProgramOptions options;
  options.timeout = kTimeout;
  options.output_limit = limit;
  try {
    return context.programs.Run(context.call, argv, options).out;
  } catch (const Failed& failed) {
    if (failed.message().kind() == hv1::Failure::KIND_CANCELLED) throw;
    return {};
  }
}

}  // namespace

std::string JournalTail(Context& context, const std::string& unit, std::uint32_t lines) {
  return Journalctl(context, {"-u", unit, "-n", std::to_string(lines), "--no-pager", "-q"},
                    kMaxText);
}

std::string JournalSince(Context& context, const std::string& unit, std::uint64_t since_us,
                         std::size_t max_bytes) {
  // journalctl is told whole seconds, which all of its versions take.
  const std::string text =
      Journalctl(context,
                 {"-u", unit, "--since=@" + std::to_string(since_us / kMicroseconds), "-n",
                  kMaxEntries, "-o", "export", "--no-pager", "-q"},
                 kMaxExport);
  std::string lines;
  // Of more than the limit the beginning is lost, and with it the first entry's.
  const std::size_t first = text.size() < kMaxExport ? 0 : text.find("\n\n");
  JournalParser parser;
  parser.Feed(std::string_view(text).substr(std::min(first, text.size())),
              [&](const JournalEntry& entry) {
                if (entry.time < static_cast<std::int64_t>(since_us)) return;
                lines += entry.Words() + "\n";
              });
  if (lines.size() > max_bytes) lines.erase(0, lines.size() - max_bytes);
  return lines;
}

}  // namespace dmgr::far
