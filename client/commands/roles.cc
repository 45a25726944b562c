#include "client/commands/roles.h"

#include "client/commands/command.h"
#include "client/commands/labels.h"
#include "common/error.h"

namespace dmgr::client {

Option DeclareRoles(const Syntax& syntax, RoleOptions* options) {
  const std::vector<std::string> words = AllWords<v1::Role>();
  const Option role = syntax.Add("--role", &options->role, "what may be done");
  role.OneOf(words);
  syntax.Add("--cluster", &options->clusters, "only with this cluster, which need not be there yet")
      .List();
  syntax.Add("--label", &options->labels, "only with clusters that have this label, KEY=VALUE")
      .List();
  syntax.Add("--elsewhere", &options->elsewhere, "what may be done with all other clusters")
      .OneOf(words);
  return role;
}

bool IsScoped(const RoleOptions& options) {
  return !options.clusters.empty() || !options.labels.empty();
}

absl::Status CheckRoleOptions(const RoleOptions& options, v1::Grant* grant) {
  if (IsScoped(options) && (options.role.empty() || options.all_clusters)) {
    return Error(absl::StatusCode::kInvalidArgument, "SCOPE_UNCLEAR",
                 "clusters are named, but not what may be done with them alone")
        .Remedy("pass --role ROLE, and no --all-clusters");
  }
  if (!options.elsewhere.empty() && !IsScoped(options)) {
    return Error(absl::StatusCode::kInvalidArgument, "SCOPE_UNCLEAR",
                 "--elsewhere needs clusters that it does not mean")
        .Remedy("pass --cluster NAME or --label KEY=VALUE");
  }
  if (!IsScoped(options)) return absl::OkStatus();
  grant->set_role(FromWord<v1::Role>(options.role));
  for (const auto& name : options.clusters) grant->add_cluster_names(name);
  return ChangeLabels(options.labels, grant->mutable_labels());
}

}  // namespace dmgr::client
