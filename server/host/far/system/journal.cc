#include "server/host/far/system/journal.h"

#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxText = 64U << 10;
constexpr milliseconds kTimeout{10000};

}  // namespace

std::string JournalTail(Context& context, const std::string& unit, std::uint32_t lines) {
  if (!context.programs.Has("journalctl")) return {};
  ProgramOptions options;
  options.timeout = kTimeout;
  options.output_limit = kMaxText;
  try {
    return context.programs
        .Run(context.call,
             {"journalctl", "-u", unit, "-n", std::to_string(lines), "--no-pager", "-q"}, options)
        .out;
  } catch (const Failed& failed) {
    if (failed.message().kind() == hv1::Failure::KIND_CANCELLED) throw;
    return {};
  }
}

}  // namespace dmgr::far
