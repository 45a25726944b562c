// What of a cluster's status is of its migrations.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>
#include <vector>

#include "client/output/format.h"
#include "client/output/tables.h"
#include "dmgr/v1/migrations_status.pb.h"

namespace dmgr::client {
namespace {

// "3 running, 1 paused".
std::string CountsOf(const v1::MigrationsStatus& status) {
  std::vector<std::string> counts;
  for (const auto& [count, word] :
       {std::pair(status.running_tasks(), "running"), std::pair(status.paused_tasks(), "paused"),
        std::pair(status.changing_tasks(), "changing"),
        std::pair(status.stopped_tasks(), "stopped"),
        std::pair(status.finished_tasks(), "finished"),
        std::pair(status.unknown_tasks(), "not known")}) {
    if (count > 0) counts.push_back(fmt::format("{} {}", count, word));
  }
  return counts.empty() ? "none" : fmt::format("{}", fmt::join(counts, ", "));
}

std::string SourcesText(const v1::MigrationsStatus& status) {
  std::string text = fmt::format("sources: {} bound", status.bound_sources());
  if (status.unbound_sources().empty()) return text + "\n";
  return text + fmt::format(", not bound: {}\n", fmt::join(status.unbound_sources(), ", "));
}

}  // namespace

std::string MigrationsText(const v1::MigrationsStatus& status) {
  if (!status.unknown_reason().empty()) {
    return "tasks and sources: not known: " + status.unknown_reason() + "\n";
  }
  std::string text = "tasks: " + CountsOf(status) + "\n" + SourcesText(status);
  for (const auto& concern : status.concerns()) {
    text += fmt::format("task {}: {}", concern.task_name(), OrDash(concern.stage_text()));
    if (!concern.cause().empty()) text += ": " + concern.cause();
    text += fmt::format("\n  next: {}\n", concern.advice());
  }
  return text;
}

}  // namespace dmgr::client
