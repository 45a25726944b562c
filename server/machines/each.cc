#include "server/machines/each.h"

#include <fmt/format.h>

#include "common/error.h"
#include "common/short_status.h"

namespace dmgr::machines {
namespace {

constexpr std::size_t kAtOnce = 32;

}  // namespace

absl::Status CombineHosts(const std::vector<absl::Status>& statuses) {
  std::vector<absl::Status> failed;
  for (const auto& status : statuses) {
    if (!status.ok()) failed.push_back(status);
  }
  if (failed.empty()) return absl::OkStatus();
  if (failed.size() == 1) return failed.front();
  std::vector<std::string> texts;
  for (const auto& status : failed) texts.emplace_back(Message(status));
  Error error(absl::StatusCode::kFailedPrecondition, "HOSTS_NOT_READY", "{}",
              Findings(fmt::format("{} hosts are not ready", failed.size()), texts));
  for (const auto& status : failed) {
    error.Precondition(Reason(status), Metadata(status, "machine"), Message(status));
  }
  return error.Remedy("mend them, then try again");
}

std::vector<absl::Status> InParallel(
    ThreadPool* threads, const std::vector<std::string>& machines,
    const std::function<absl::Status(const std::string& machine)>& work) {
  std::vector<absl::Status> statuses(machines.size());
  threads->ForEach(machines.size(), kAtOnce,
                   [&](std::size_t i) { statuses[i] = work(machines[i]); });
  return statuses;
}

}  // namespace dmgr::machines
