#include "server/verify/findings.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace dmgr::verify {
namespace {

v1::NextAction Action(v1::Action action, const std::string& key, const std::string& value) {
  v1::NextAction next;
  next.set_action(action);
  (*next.mutable_arguments())[key] = value;
  return next;
}

// What helps where a repair does not.
std::vector<v1::NextAction> OtherHelp(const std::string& cluster,
                                      const v1::Difference& difference) {
  switch (difference.kind()) {
    case v1::DIFFERENCE_KIND_HOST_UNREACHABLE:
      return {Action(v1::ACTION_CHECK_MACHINE, "machine_id", difference.machine_id()),
              MakeNextAction(v1::ACTION_MOVE_MACHINE, {{"cluster_name", cluster},
                                                       {"from_machine_id", difference.machine_id()},
                                                       {"force", "true"}})};
    case v1::DIFFERENCE_KIND_MEMBER_STRANGER:
      return {Action(v1::ACTION_PRUNE_CLUSTER, "cluster_name", cluster)};
    case v1::DIFFERENCE_KIND_PORT_SILENT:
    case v1::DIFFERENCE_KIND_MEMBER_DOWN:
    case v1::DIFFERENCE_KIND_MEMBER_MISSING: {
      v1::NextAction logs = Action(v1::ACTION_READ_LOGS, "cluster_name", cluster);
      (*logs.mutable_arguments())["selection.nodes"] = difference.instance_name();
      return {logs};
    }
    // Of a cluster that no repair is for.
    case v1::DIFFERENCE_KIND_NOT_RUNNING:
      return {Action(v1::ACTION_START_CLUSTER, "cluster_name", cluster)};
    case v1::DIFFERENCE_KIND_RUNNING:
      return {Action(v1::ACTION_STOP_CLUSTER, "cluster_name", cluster)};
    case v1::DIFFERENCE_KIND_MEMBERS_UNKNOWN:
    case v1::DIFFERENCE_KIND_TARGETS_UNKNOWN:
    case v1::DIFFERENCE_KIND_TARGET_DOWN:
      return {Action(v1::ACTION_GET_CLUSTER_STATUS, "cluster_name", cluster)};
    default:
      return {};
  }
}

}  // namespace

bool IsRepairable(v1::DifferenceKind kind) {
  switch (kind) {
    // What is another's, or what no record can bring back.
    case v1::DIFFERENCE_KIND_UNSPECIFIED:
    case v1::DIFFERENCE_KIND_HOST_UNREACHABLE:
    case v1::DIFFERENCE_KIND_STRAY:
    case v1::DIFFERENCE_KIND_UNIT_DROP_IN:
    case v1::DIFFERENCE_KIND_PORT_SILENT:
    case v1::DIFFERENCE_KIND_PORT_TAKEN:
    case v1::DIFFERENCE_KIND_MEMBERS_UNKNOWN:
    case v1::DIFFERENCE_KIND_MEMBER_MISSING:
    case v1::DIFFERENCE_KIND_MEMBER_STRANGER:
    case v1::DIFFERENCE_KIND_MEMBER_ADDRESS:
    case v1::DIFFERENCE_KIND_MEMBER_DOWN:
    case v1::DIFFERENCE_KIND_TARGETS_UNKNOWN:
    case v1::DIFFERENCE_KIND_TARGET_DOWN:
      return false;
    default:
      return true;
  }
}

void Findings::Add(v1::DifferenceKind kind, const Subject& subject, const std::string& expected,
                   const std::string& found, const std::string& text) {
  v1::Difference difference;
  difference.set_kind(kind);
  difference.set_machine_id(subject.machine);
  difference.set_instance_name(subject.instance);
  difference.set_path(subject.path);
  difference.set_expected(expected);
  difference.set_found(found);
  difference.set_text(text);
  difference.set_repairable(may_repair_ && IsRepairable(kind));
  const auto next = difference.repairable()
                        ? std::vector{Action(v1::ACTION_REPAIR_CLUSTER, "cluster_name", cluster_)}
                        : OtherHelp(cluster_, difference);
  *difference.mutable_next_actions() = {next.begin(), next.end()};
  differences_.push_back(std::move(difference));
}

std::vector<v1::NextAction> NextActionsOf(const std::vector<v1::Difference>& differences) {
  std::vector<v1::NextAction> all;
  for (const auto& difference : differences) {
    for (const auto& action : difference.next_actions()) {
      const bool known = std::any_of(all.begin(), all.end(), [&](const v1::NextAction& one) {
        return google::protobuf::util::MessageDifferencer::Equals(one, action);
      });
      if (!known) all.push_back(action);
    }
  }
  std::stable_partition(all.begin(), all.end(), [](const v1::NextAction& action) {
    return action.action() == v1::ACTION_REPAIR_CLUSTER;
  });
  return all;
}

}  // namespace dmgr::verify
