// Tables of what hosts are like, and of what is not as it is recorded.
#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "client/output/format.h"
#include "client/output/next_actions.h"
#include "client/output/tables.h"
#include "common/enum_words.h"
#include "dmgr/v1/check_service.pb.h"
#include "dmgr/v1/next_action.pb.h"
#include "dmgr/v1/operation_service.pb.h"

namespace dmgr::client {
namespace {

using CheckRows = std::vector<std::vector<std::string>>;

std::string CountOf(std::size_t differences) {
  return fmt::format("{} difference{}", differences, differences == 1 ? "" : "s");
}

std::vector<std::string> DifferenceRow(const v1::Difference& d) {
  return {OrDash(d.machine_id()), OrDash(d.instance_name()), ToWord(d.kind()), d.text()};
}

// Of all checks of hosts: a table, and what can be set.
template <typename Response>
std::string HostChecks(const Response& response) {
  CheckRows rows = {{"HOST", "CHECK", "RESULT", "WHAT WAS SEEN"}};
  int failed = 0;
  int warnings = 0;
  int tunable = 0;
  for (const auto& check : response.checks()) {
    const auto& item = check.item();
    rows.push_back({check.machine_id(), item.name(),
                    Word(v1::CheckItem::Level_Name(item.level()), "LEVEL_"), item.message()});
    failed += item.level() == v1::CheckItem::LEVEL_FAILED ? 1 : 0;
    warnings += item.level() == v1::CheckItem::LEVEL_WARNING ? 1 : 0;
    tunable += check.tunable() ? 1 : 0;
  }
  std::string text = Table(rows) + fmt::format("{} failed, {} warnings\n", failed, warnings);
  if (tunable > 0) text += fmt::format("{} of them can be set by --apply\n", tunable);
  return text;
}

}  // namespace

std::string DifferencesText(const v1::Operation& operation) {
  CheckRows mended = {{"PUT RIGHT BY", "HOST", "INSTANCE", "PATH", "EXPECTED", "FOUND"}};
  CheckRows others = {{"HOST", "INSTANCE", "DIFFERENCE", "WHAT"}};
  std::vector<v1::NextAction> next;
  std::set<std::string> commands;
  for (const auto& step : operation.steps()) {
    for (const auto& d : step.differences()) {
      if (!step.host().empty()) {
        mended.push_back({step.step_id(), OrDash(d.machine_id()), OrDash(d.instance_name()),
                          OrDash(d.path()), OrDash(d.expected()), OrDash(d.found())});
        continue;
      }
      others.push_back(DifferenceRow(d));
      for (const auto& action : d.next_actions()) {
        if (commands.insert(CommandOf(action)).second) next.push_back(action);
      }
    }
  }
  std::string text;
  if (mended.size() > 1) text += "\n" + CountOf(mended.size() - 1) + ":\n" + Table(mended);
  if (others.size() > 1) {
    text += fmt::format("\n{} that no repair mends:\n", CountOf(others.size() - 1)) +
            Table(others) + NextText("", next);
  }
  return text;
}

std::string ToTable(const v1::VerifyClusterResponse& response) {
  std::string text;
  if (response.matches()) {
    text = fmt::format("no difference: cluster {} is as it is recorded\n", response.cluster_name());
  } else {
    CheckRows rows = {{"HOST", "INSTANCE", "DIFFERENCE", "WHAT"}};
    for (const auto& d : response.differences()) {
      rows.push_back(DifferenceRow(d));
    }
    text = Table(rows) + fmt::format("{} from the record of cluster {}\n",
                                     CountOf(static_cast<std::size_t>(response.differences_size())),
                                     response.cluster_name());
  }
  if (!response.active_operation_id().empty()) {
    text += fmt::format("held by operation {}: what it has not done yet is told as a difference\n",
                        response.active_operation_id());
  }
  return text + NextText("", {response.next_actions().begin(), response.next_actions().end()});
}

std::string ToTable(const v1::CheckClusterResponse& response) { return HostChecks(response); }

std::string ToTable(const v1::CheckTopologyResponse& response) { return HostChecks(response); }

}  // namespace dmgr::client
