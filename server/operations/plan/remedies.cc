#include "server/operations/plan/remedies.h"

#include <algorithm>

#include "common/address.h"
#include "common/utf8.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

Remedy RemedyOf(const v1::Difference& difference) {
  if (difference.kind() == v1::DIFFERENCE_KIND_HOST_UNREACHABLE) return Remedy::kLook;
  if (!difference.repairable()) return Remedy::kNone;
  switch (difference.kind()) {
    case v1::DIFFERENCE_KIND_RUNNING:
      return Remedy::kHalt;
    case v1::DIFFERENCE_KIND_NOT_RUNNING:
      return Remedy::kRun;
    case v1::DIFFERENCE_KIND_OLD_PROGRAM:
    case v1::DIFFERENCE_KIND_TARGET_MISSING:
    case v1::DIFFERENCE_KIND_TARGET_STRANGER:
      return Remedy::kRenew;
    default:
      return Remedy::kPlace;
  }
}

// Kinds whose process has other files when they are put right.
bool IsReadByProcess(v1::DifferenceKind kind) {
  switch (kind) {
    case v1::DIFFERENCE_KIND_FILE_MISSING:
    case v1::DIFFERENCE_KIND_FILE_CONTENT:
    case v1::DIFFERENCE_KIND_FILE_ATTRIBUTES:
    case v1::DIFFERENCE_KIND_PROGRAM_MISSING:
    case v1::DIFFERENCE_KIND_PROGRAM_OTHER:
    case v1::DIFFERENCE_KIND_RELEASE_MISSING:
    case v1::DIFFERENCE_KIND_RELEASE_CHANGED:
    case v1::DIFFERENCE_KIND_UNIT_MISSING:
    case v1::DIFFERENCE_KIND_UNIT_CONTENT:
      return true;
    default:
      return false;
  }
}

// As it is stored: hosts and Prometheus have a say in it.
constexpr std::size_t kMaxText = 500;

v1::Difference Stored(v1::Difference difference) {
  difference.set_path(OneLine(difference.path(), kMaxText));
  difference.set_found(OneLine(difference.found(), kMaxText));
  difference.set_text(OneLine(difference.text(), kMaxText));
  // It is what this is.
  if (difference.repairable()) difference.clear_next_actions();
  return difference;
}

bool IsTarget(v1::DifferenceKind kind) {
  return kind == v1::DIFFERENCE_KIND_TARGET_MISSING || kind == v1::DIFFERENCE_KIND_TARGET_STRANGER;
}

}  // namespace

Remedies::Remedies(const topology::Cluster& cluster,
                   const std::vector<v1::Difference>& differences) {
  for (const auto& difference : differences) {
    entries_.push_back({.difference = Stored(difference),
                        .remedy = RemedyOf(difference),
                        .machine = difference.machine_id(),
                        .instance = difference.instance_name()});
  }
  for (auto& entry : entries_) {
    const Instance* started = StartedBy(cluster, entry.difference);
    if (started == nullptr) continue;
    entry.remedy = Remedy::kRun;
    entry.machine = started->machine_id;
    entry.instance = started->name;
    entry.difference.clear_next_actions();
  }
}

const Instance* Remedies::StartedBy(const topology::Cluster& cluster,
                                    const v1::Difference& difference) const {
  const auto of = [&](const Instance& one) {
    switch (difference.kind()) {
      case v1::DIFFERENCE_KIND_MEMBER_DOWN:
      case v1::DIFFERENCE_KIND_TARGETS_UNKNOWN:
        return one.name == difference.instance_name();
      case v1::DIFFERENCE_KIND_MEMBERS_UNKNOWN:
        return one.component == Component::kDmMaster;
      case v1::DIFFERENCE_KIND_TARGET_DOWN:
        return JoinHostPort(one.host, one.port) == difference.path();
      default:
        return false;
    }
  };
  const auto found = std::ranges::find_if(cluster.instances, [&](const Instance& one) {
    return of(one) && Has(Remedy::kRun, one.name);
  });
  return found == cluster.instances.end() ? nullptr : &*found;
}

bool Remedies::Concerns(const std::string& machine) const {
  return std::ranges::any_of(entries_, [&](const Entry& one) {
    return one.remedy != Remedy::kNone && one.machine == machine;
  });
}

bool Remedies::Has(Remedy remedy, const std::string& instance) const {
  return std::ranges::any_of(
      entries_, [&](const Entry& one) { return one.remedy == remedy && one.instance == instance; });
}

bool Remedies::IsToRenew(const Instance& instance) const {
  return std::ranges::any_of(entries_, [&](const Entry& one) {
    if (one.instance != instance.name) return false;
    return one.remedy == Remedy::kRenew ||
           (one.remedy == Remedy::kPlace && IsReadByProcess(one.difference.kind()));
  });
}

bool Remedies::IsToRead(const Instance& instance) const {
  return std::ranges::any_of(entries_, [&](const Entry& one) {
    return one.instance == instance.name && IsTarget(one.difference.kind());
  });
}

std::vector<v1::Difference> Remedies::Take(Remedy remedy, const std::string& machine,
                                           const std::vector<std::string>& instances) {
  std::vector<v1::Difference> found;
  for (auto& one : entries_) {
    const bool is_theirs =
        one.machine == machine &&
        (one.instance.empty() || std::ranges::find(instances, one.instance) != instances.end());
    if (one.taken || one.remedy != remedy || !is_theirs) continue;
    one.taken = true;
    found.push_back(one.difference);
  }
  return found;
}

std::vector<v1::Difference> Remedies::TakeRest() {
  std::vector<v1::Difference> rest;
  for (auto& one : entries_) {
    if (!one.taken) rest.push_back(one.difference);
    one.taken = true;
  }
  return rest;
}

}  // namespace dmgr::operations
