// cluster label, cluster update, machine label.
#include "client/commands/labels.h"

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"

namespace dmgr::client {
namespace {

struct LabelOptions {
  ChangeOptions change;
  std::string name;
  std::vector<std::string> changes;
};

std::shared_ptr<LabelOptions> DeclareLabels(const Syntax& syntax, const char* argument,
                                            const char* text) {
  auto options = std::make_shared<LabelOptions>();
  syntax.Add(argument, &options->name, text).Required();
  syntax.Add("LABEL", &options->changes, "KEY=VALUE to set one, KEY- to take one off").Required();
  DeclareDryRun(syntax, &options->change);
  return options;
}

Run DeclareLabelCluster(const Syntax& syntax) {
  auto options = DeclareLabels(syntax, "NAME", "cluster");
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::GetClusterRequest get;
    get.set_cluster_name(options->name);
    get.set_view(v1::CLUSTER_VIEW_BASIC);
    ASSIGN_OR_RETURN(const auto before, environment.Call<v1::GetClusterResponse>(get));
    v1::UpdateClusterRequest request;
    request.mutable_cluster()->set_name(options->name);
    *request.mutable_cluster()->mutable_labels() = before.cluster().labels();
    RETURN_IF_ERROR(ChangeLabels(options->changes, request.mutable_cluster()->mutable_labels()));
    request.mutable_update_mask()->add_paths("labels");
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::UpdateClusterResponse>(environment, options->change, request));
    return Tell(environment, options->change, response, "labelled cluster " + options->name);
  };
}

Run DeclareUpdateCluster(const Syntax& syntax) {
  auto options = std::make_shared<LabelOptions>();
  auto description = std::make_shared<std::string>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("--description", description.get(), "what the cluster is for; may be empty").Given();
  DeclareDryRun(syntax, &options->change);
  return [options, description](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::UpdateClusterRequest request;
    request.mutable_cluster()->set_name(options->name);
    request.mutable_cluster()->set_description(*description);
    request.mutable_update_mask()->add_paths("description");
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::UpdateClusterResponse>(environment, options->change, request));
    return Tell(environment, options->change, response, "updated cluster " + options->name);
  };
}

Run DeclareLabelMachine(const Syntax& syntax) {
  auto options = DeclareLabels(syntax, "MACHINE", "machine id");
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::GetMachineRequest get;
    get.set_machine_id(options->name);
    ASSIGN_OR_RETURN(const auto before, environment.Call<v1::GetMachineResponse>(get));
    v1::UpdateMachineRequest request;
    auto* machine = request.mutable_machine();
    machine->set_machine_id(options->name);
    // Nobody else's labels are lost: ABORTED when they have changed since.
    machine->set_etag(before.machine().etag());
    *machine->mutable_labels() = before.machine().labels();
    RETURN_IF_ERROR(ChangeLabels(options->changes, machine->mutable_labels()));
    request.mutable_update_mask()->add_paths("labels");
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::UpdateMachineResponse>(environment, options->change, request));
    return Tell(environment, options->change, response, "labelled machine " + options->name);
  };
}

}  // namespace

absl::Status ChangeLabels(const std::vector<std::string>& changes,
                          google::protobuf::Map<std::string, std::string>* labels) {
  for (const auto& change : changes) {
    const auto equals = change.find('=');
    if (equals != std::string::npos && equals > 0) {
      (*labels)[change.substr(0, equals)] = change.substr(equals + 1);
    } else if (equals == std::string::npos && change.size() > 1 && change.back() == '-') {
      labels->erase(change.substr(0, change.size() - 1));
    } else {
      return Error(absl::StatusCode::kInvalidArgument, "LABEL_INVALID", "\"{}\" is no label",
                   change)
          .Remedy("KEY=VALUE sets one, KEY- takes one off");
    }
  }
  return absl::OkStatus();
}

std::vector<Command> LabelCommands() {
  return {{"cluster label", "set labels of a cluster, or take them off",
           "dmgrctl cluster label demo env=prod team-", DeclareLabelCluster},
          {"cluster update", "change what is noted of a cluster",
           "dmgrctl cluster update demo --description orders", DeclareUpdateCluster},
          {"machine label", "set labels of a machine, or take them off",
           "dmgrctl machine label 10.0.0.11 rack=a1", DeclareLabelMachine}};
}

}  // namespace dmgr::client
