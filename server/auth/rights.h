// What a caller may do: its user's roles, and those of the API token that it comes with.
#ifndef DMGR_SERVER_AUTH_RIGHTS_H_
#define DMGR_SERVER_AUTH_RIGHTS_H_

#include <google/protobuf/map.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dmgr/v1/access.pb.h"

namespace dmgr::auth {

using Labels = google::protobuf::Map<std::string, std::string>;

// The roles of a user, or of a token: one for everything, or none, and some for some clusters.
struct Roles {
  v1::Role everywhere = v1::ROLE_UNSPECIFIED;
  std::vector<v1::Grant> grants{};
};

// A value: what it was when the caller was let in.
class Rights {
 public:
  Rights() = default;
  explicit Rights(Roles user, std::optional<Roles> token = std::nullopt);

  // For a cluster, which may not exist; ROLE_UNSPECIFIED: the caller is not to know of it. labels:
  // of the cluster; none of one that does not exist.
  v1::Role ForCluster(const std::string& name, const Labels& labels) const;
  // For what is of no cluster. Whoever has a role for some clusters only is a viewer of that.
  v1::Role WithoutCluster() const;
  // The highest one of all.
  v1::Role Highest() const;
  // For everything, whatever cluster it is of.
  v1::Role Everywhere() const;
  // Every cluster, also one that comes later.
  bool SeesAll() const { return Everywhere() != v1::ROLE_UNSPECIFIED; }
  // Clusters that are named, whether they exist or not.
  std::set<std::string> NamedClusters() const;
  // Whether labels of clusters matter.
  bool AsksForLabels() const;

 private:
  // The user's, and the token's: the lower role counts.
  std::vector<Roles> both_;
};

}  // namespace dmgr::auth

#endif  // DMGR_SERVER_AUTH_RIGHTS_H_
