#include "server/machines/each.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/error.h"

namespace dmgr::machines {
namespace {

constexpr std::size_t kMaxThreads = 32;

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
  Error error(absl::StatusCode::kFailedPrecondition, "HOSTS_NOT_READY",
              "{} hosts are not ready: {}", failed.size(), fmt::join(texts, "; "));
  for (const auto& status : failed) {
    error.Precondition(Reason(status), Metadata(status, "machine"), Message(status));
  }
  return error.Remedy("mend them, then try again");
}

std::vector<absl::Status> InParallel(
    const std::vector<std::string>& machines,
    const std::function<absl::Status(const std::string& machine)>& work) {
  std::vector<absl::Status> statuses(machines.size());
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::min(machines.size(), kMaxThreads); ++i) {
    threads.emplace_back([&] {
      for (std::size_t k = next++; k < machines.size(); k = next++) statuses[k] = work(machines[k]);
    });
  }
  for (auto& thread : threads) thread.join();
  return statuses;
}

}  // namespace dmgr::machines
