#include "server/auth/rights.h"

#include <algorithm>
#include <utility>

namespace dmgr::auth {
namespace {

bool Covers(const v1::Grant& grant, const std::string& name, const Labels& labels) {
  if (std::find(grant.cluster_names().begin(), grant.cluster_names().end(), name) !=
      grant.cluster_names().end()) {
    return true;
  }
  if (grant.labels().empty()) return false;
  return std::all_of(grant.labels().begin(), grant.labels().end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

// A number that no build of dmgrd knows is no role.
v1::Role Known(v1::Role role) { return v1::Role_IsValid(role) ? role : v1::ROLE_UNSPECIFIED; }

v1::Role HighestOf(const Roles& roles) {
  v1::Role highest = Known(roles.everywhere);
  for (const auto& grant : roles.grants) highest = std::max(highest, Known(grant.role()));
  return highest;
}

// The lowest of what is said of both; none when there are none.
template <typename Say>
v1::Role Least(const std::vector<Roles>& both, const Say& say) {
  v1::Role least = both.empty() ? v1::ROLE_UNSPECIFIED : v1::Role_MAX;
  for (const Roles& roles : both) least = std::min(least, say(roles));
  return least;
}

}  // namespace

Rights::Rights(Roles user, std::optional<Roles> token) {
  both_.push_back(std::move(user));
  if (token.has_value()) both_.push_back(*std::move(token));
}

v1::Role Rights::ForCluster(const std::string& name, const Labels& labels) const {
  return Least(both_, [&](const Roles& roles) {
    v1::Role highest = Known(roles.everywhere);
    for (const auto& grant : roles.grants) {
      if (Covers(grant, name, labels)) highest = std::max(highest, Known(grant.role()));
    }
    return highest;
  });
}

v1::Role Rights::WithoutCluster() const {
  return Least(both_, [](const Roles& roles) {
    const v1::Role viewer =
        HighestOf(roles) == v1::ROLE_UNSPECIFIED ? v1::ROLE_UNSPECIFIED : v1::ROLE_VIEWER;
    return std::max(Known(roles.everywhere), viewer);
  });
}

v1::Role Rights::Highest() const { return Least(both_, HighestOf); }

v1::Role Rights::Everywhere() const {
  return Least(both_, [](const Roles& roles) { return Known(roles.everywhere); });
}

std::set<std::string> Rights::NamedClusters() const {
  std::set<std::string> names;
  for (const Roles& roles : both_) {
    for (const auto& grant : roles.grants) {
      names.insert(grant.cluster_names().begin(), grant.cluster_names().end());
    }
  }
  return names;
}

bool Rights::AsksForLabels() const {
  return std::any_of(both_.begin(), both_.end(), [](const Roles& roles) {
    return std::any_of(roles.grants.begin(), roles.grants.end(),
                       [](const v1::Grant& grant) { return !grant.labels().empty(); });
  });
}

}  // namespace dmgr::auth
