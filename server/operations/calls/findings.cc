#include "server/operations/calls/findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/machines/each.h"

namespace dmgr::operations {
namespace {

// More would not be read, and not fit into an answer.
constexpr std::size_t kShownFindings = 40;
constexpr char kHostConflict[] = "HOST_CONFLICT";

}  // namespace

void Findings::AddFailure(const std::string& machine, const absl::Status& status) {
  failures_.push_back(Annotate(status, "machine " + machine));
  findings_.push_back({Reason(status), machine, std::string(Message(failures_.back()))});
}

void Findings::AddConflict(const std::string& machine, const std::string& text) {
  findings_.push_back({kHostConflict, machine, fmt::format("machine {}: {}", machine, text)});
  in_the_way_ = true;
}

void Findings::AddLeftover(const std::string& machine, const std::string& what) {
  findings_.push_back(
      {kHostConflict, machine,
       fmt::format("machine {} has what was left there when it could not be reached: {}", machine,
                   what)});
  if (std::ranges::find(to_clean_, machine) == to_clean_.end()) to_clean_.push_back(machine);
}

void Findings::AddUnreached(const std::string& machine, const std::string& text) {
  findings_.push_back({kHostConflict, machine, fmt::format("machine {} {}", machine, text)});
  unreached_ = true;
}

absl::Status Findings::ToStatus() const {
  if (findings_.empty()) return absl::OkStatus();
  if (failures_.size() == findings_.size()) return machines::CombineHosts(failures_);
  std::set<std::string> machines;
  std::vector<std::string> lines;
  for (const Finding& one : findings_) {
    machines.insert(one.machine);
    if (lines.size() < kShownFindings) lines.push_back(one.line);
  }
  if (findings_.size() > lines.size()) {
    lines.push_back(fmt::format("and {} more", findings_.size() - lines.size()));
  }
  const std::string text =
      lines.size() == 1
          ? lines.front()
          : fmt::format("{} problems on {} {}:\n  {}", findings_.size(), machines.size(),
                        machines.size() == 1 ? "host" : "hosts", fmt::join(lines, "\n  "));
  Error error(absl::StatusCode::kFailedPrecondition,
              machines.size() == 1 ? kHostConflict : "HOSTS_NOT_READY", "{}", text);
  for (std::size_t i = 0; i < std::min(findings_.size(), kShownFindings); ++i) {
    error.Precondition(findings_[i].reason, findings_[i].machine, findings_[i].line);
  }
  if (machines.size() == 1) error.With("machine", *machines.begin());
  if (unreached_ && !in_the_way_) {
    return error.Remedy("mend routes, firewalls and names between them");
  }
  if (!to_clean_.empty()) {
    error.Remedy("clean the machine");
    for (const auto& machine : to_clean_) {
      error.Next(v1::ACTION_CLEAN_MACHINE, {{"machine_id", machine}});
    }
    return error;
  }
  return error.Remedy("free what is in the way, or choose other hosts, ports or directories");
}

}  // namespace dmgr::operations
