#include "server/operations/calls/replacements.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

absl::Status WrongReplacement(int index, const char* field, const std::string& machine,
                              const std::string& text) {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "machine {} cannot be replaced by that", machine)
      .Field(fmt::format("replacements[{}].{}", index, field), text);
}

}  // namespace

absl::StatusOr<std::vector<Replaced>> ReadReplacements(
    const topology::Cluster& cluster,
    const google::protobuf::RepeatedPtrField<v1::Replacement>& replacements) {
  if (replacements.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "no machine of cluster {} is named", cluster.name)
        .Field("replacements", "must name a machine, and which one takes its place");
  }
  std::vector<Replaced> replaced;
  std::set<std::string> old;
  for (const auto& one : replacements) old.insert(one.from_machine_id());
  for (const auto& one : replacements) {
    const int index = static_cast<int>(replaced.size());
    RETURN_IF_ERROR(RequireOn(cluster, one.from_machine_id(),
                              fmt::format("replacements[{}].from_machine_id", index)));
    const auto is_same = [&](const Replaced& other) { return other.from == one.from_machine_id(); };
    if (std::ranges::any_of(replaced, is_same)) {
      return WrongReplacement(index, "from_machine_id", one.from_machine_id(),
                              "must be there once");
    }
    if (old.contains(one.to_machine_id())) {
      return WrongReplacement(index, "to_machine_id", one.from_machine_id(),
                              "must not be given up itself");
    }
    replaced.push_back(
        {.from = one.from_machine_id(), .to = one.to_machine_id(), .address = one.address()});
  }
  return replaced;
}

std::set<std::string> GivenUp(const std::vector<Replaced>& replaced) {
  std::set<std::string> machines;
  for (const auto& one : replaced) machines.insert(one.from);
  return machines;
}

std::vector<const Instance*> InstancesOn(const topology::Cluster& cluster,
                                         const std::set<std::string>& machines) {
  std::vector<const Instance*> there;
  for (const auto& one : cluster.instances) {
    if (machines.contains(one.machine_id)) there.push_back(&one);
  }
  return there;
}

LeftOut WithoutMachines(LeftOut left_out, const std::set<std::string>& machines) {
  std::erase_if(left_out.machines,
                [&](const auto& one) { return machines.contains(one.machine_id()); });
  std::erase_if(left_out.instances,
                [&](const Instance* one) { return machines.contains(one->machine_id); });
  return left_out;
}

}  // namespace dmgr::operations
