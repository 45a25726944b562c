#include "server/operations/calls/unreachable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/machines/access.h"
#include "server/machines/each.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kAnswerTimeout = absl::Seconds(10);

}  // namespace

UnreachableMachines FindUnreachable(const Resources& resources,
                                    const std::vector<std::string>& machines) {
  const absl::Time deadline = SteadyNow() + kAnswerTimeout;
  const auto statuses = machines::InParallel(
      resources.threads, machines, [&](const std::string& machine) -> absl::Status {
        ASSIGN_OR_RETURN(auto access, machines::LoadAccess(resources, machine));
        return machines::OpenReader(resources, access, deadline).status();
      });
  UnreachableMachines unreachable;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    if (!statuses[i].ok()) unreachable.emplace(machines[i], statuses[i]);
  }
  return unreachable;
}

std::string WordsOf(const UnreachableMachines& unreachable) {
  std::vector<std::string> words;
  for (const auto& [machine, why] : unreachable) {
    words.push_back(fmt::format("machine {}: {}", machine, Message(why)));
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

}  // namespace dmgr::operations
