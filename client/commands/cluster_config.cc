// cluster show-config, edit-config.
#include "client/commands/cluster_config.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <optional>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/topology_file.h"
#include "client/editor.h"
#include "client/output/diff.h"
#include "client/output/next_actions.h"
#include "client/topology/settings.h"
#include "client/topology/topology.h"

namespace dmgr::client {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr char kHeader[] =
    "# The configuration of cluster {}. Names, hosts, ports and directories stay as they are.\n"
    "# Not shown, and kept where they are left out: remote_config, additional_scrape_conf,\n"
    "# additional_args, and the content of rule_dir, config_file and dashboard_dir.\n";

Run DeclareShowConfig(const Syntax& syntax) {
  auto name = DeclareArgument(syntax, "NAME", "cluster");
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const auto cluster, GetCluster(environment, *name));
    if (environment.structured()) {
      environment.PrintStructured(WantedTopology(cluster));
    } else {
      environment.terminal->out() << TopologyText(WantedTopology(cluster));
    }
    return kDone;
  };
}

struct EditOptions {
  std::string name;
  std::string file;
  std::vector<std::string> settings;
  bool discard = false;
  ChangeOptions change;
};

// What the user wrote, and where.
struct Edited {
  TopologyFile file;
  v1::Topology topology;
};

// A folder or file that the topology named before is not read again: its content stays.
template <typename Server>
void HideUnchanged(const google::protobuf::RepeatedPtrField<Server>& before,
                   std::string* (Server::*mutable_path)(),
                   const std::string& (Server::*path)() const,
                   google::protobuf::RepeatedPtrField<Server>* servers) {
  for (Server& server : *servers) {
    for (const Server& old : before) {
      if (old.placement().host() == server.placement().host() &&
          (old.*path)() == (server.*path)()) {
        (server.*mutable_path)()->clear();
      }
    }
  }
}

absl::Status AttachChangedFiles(const v1::Topology& before, Edited* edited) {
  v1::Topology attached = edited->topology;
  HideUnchanged(before.monitoring_servers(), &v1::MonitoringServer::mutable_rule_dir,
                &v1::MonitoringServer::rule_dir, attached.mutable_monitoring_servers());
  HideUnchanged(before.alertmanager_servers(), &v1::AlertmanagerServer::mutable_config_file,
                &v1::AlertmanagerServer::config_file, attached.mutable_alertmanager_servers());
  HideUnchanged(before.grafana_servers(), &v1::GrafanaServer::mutable_dashboard_dir,
                &v1::GrafanaServer::dashboard_dir, attached.mutable_grafana_servers());
  RETURN_IF_ERROR(AttachFiles(edited->file.text, edited->file.path, &attached));
  v1::Topology& topology = edited->topology;
  for (int i = 0; i < topology.monitoring_servers_size(); ++i) {
    *topology.mutable_monitoring_servers(i)->mutable_rule_files() =
        attached.monitoring_servers(i).rule_files();
  }
  for (int i = 0; i < topology.alertmanager_servers_size(); ++i) {
    if (!attached.alertmanager_servers(i).has_config_file_content()) continue;
    *topology.mutable_alertmanager_servers(i)->mutable_config_file_content() =
        attached.alertmanager_servers(i).config_file_content();
  }
  for (int i = 0; i < topology.grafana_servers_size(); ++i) {
    *topology.mutable_grafana_servers(i)->mutable_dashboards() =
        attached.grafana_servers(i).dashboards();
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::UpdateClusterTopologyResponse> Update(Environment& environment,
                                                         const v1::Cluster& cluster,
                                                         const Edited& edited, bool validate_only) {
  auto response = UpdateTopology(environment, cluster, edited.topology, validate_only);
  if (response.ok()) return response;
  return edited.file.WithLines(response.status());
}

// Has the server check what the text says; an answer without a cluster: nothing changes.
absl::StatusOr<v1::UpdateClusterTopologyResponse> Check(Environment& environment,
                                                        const v1::Cluster& cluster,
                                                        Edited* edited) {
  ASSIGN_OR_RETURN(edited->topology, ParseTopology(edited->file.text, edited->file.path));
  RETURN_IF_ERROR(AttachChangedFiles(WantedTopology(cluster), edited));
  if (MessageDifferencer::Equals(edited->topology, WantedTopology(cluster))) {
    return v1::UpdateClusterTopologyResponse();
  }
  return Update(environment, cluster, *edited, /*validate_only=*/true);
}

// The same of the file as it is now.
absl::StatusOr<v1::UpdateClusterTopologyResponse> ReadAndCheck(Environment& environment,
                                                               const v1::Cluster& cluster,
                                                               Edited* edited) {
  ASSIGN_OR_RETURN(edited->file.text, ReadInput(edited->file.path));
  return Check(environment, cluster, edited);
}

// The same of the present configuration with some settings.
absl::StatusOr<v1::UpdateClusterTopologyResponse> SetAndCheck(
    Environment& environment, const v1::Cluster& cluster, const std::vector<std::string>& settings,
    Edited* edited) {
  v1::Topology topology = WantedTopology(cluster);
  for (const auto& setting : settings) RETURN_IF_ERROR(ApplySetting(setting, &topology));
  edited->file.path = "the new configuration";
  edited->file.text = TopologyText(topology);
  return Check(environment, cluster, edited);
}

// In the user's editor, again and again until it is right or given up.
absl::StatusOr<v1::UpdateClusterTopologyResponse> EditAndCheck(Environment& environment,
                                                               const v1::Cluster& cluster,
                                                               const EditedFile& file,
                                                               Edited* edited) {
  while (true) {
    RETURN_IF_ERROR(file.Edit());
    auto checked = ReadAndCheck(environment, cluster, edited);
    if (checked.ok()) return checked;
    PrintError(environment.terminal, checked.status());
    ASSIGN_OR_RETURN(const bool again, environment.terminal->Confirm("Edit it again?"));
    if (!again) return checked;
  }
}

absl::StatusOr<ExitCode> Store(Environment& environment, const v1::Cluster& cluster,
                               const Edited& edited) {
  ASSIGN_OR_RETURN(const auto response,
                   Update(environment, cluster, edited, /*validate_only=*/false));
  if (environment.structured()) {
    environment.PrintStructured(response);
  } else if (response.changed_instances().empty()) {
    environment.terminal->err() << "stored: no file of an instance changes\n";
  } else {
    environment.terminal->err() << "stored; next: dmgrctl cluster reload "
                                << ShellQuoted(cluster.name()) << "\n";
  }
  return kDone;
}

absl::StatusOr<ExitCode> Discard(Environment& environment, const v1::Cluster& cluster,
                                 const EditOptions& options) {
  Terminal& terminal = *environment.terminal;
  if (!cluster.has_pending_topology()) {
    terminal.err() << "nothing waits for a reload\n";
    return kDone;
  }
  terminal.err() << LineDiff(TopologyText(cluster.pending_topology()),
                             TopologyText(cluster.topology()));
  ASSIGN_OR_RETURN(const bool sure,
                   IsSure(environment, options.change, "Drop what waits for a reload?"));
  if (!sure) return kRefused;
  v1::DiscardPendingTopologyRequest request;
  request.set_cluster_name(cluster.name());
  request.set_topology_etag(cluster.topology_etag());
  ASSIGN_OR_RETURN(const auto response,
                   Make<v1::DiscardPendingTopologyResponse>(environment, options.change, request));
  return Tell(environment, options.change, response, "dropped; nothing waits for a reload");
}

absl::StatusOr<ExitCode> Edit(Environment& environment, const EditOptions& options) {
  ASSIGN_OR_RETURN(const auto cluster, GetCluster(environment, options.name));
  if (options.discard) return Discard(environment, cluster, options);
  Terminal& terminal = *environment.terminal;
  const std::string before = TopologyText(WantedTopology(cluster));
  Edited edited;
  v1::UpdateClusterTopologyResponse checked;
  std::optional<EditedFile> file;
  if (!options.settings.empty()) {
    ASSIGN_OR_RETURN(checked, SetAndCheck(environment, cluster, options.settings, &edited));
  } else if (options.file.empty()) {
    if (!terminal.Interactive()) {
      return Error(absl::StatusCode::kInvalidArgument, "NO_TERMINAL",
                   "there is no terminal for an editor")
          .Remedy("pass --file FILE, or --set KEY=VALUE");
    }
    ASSIGN_OR_RETURN(auto created, EditedFile::Create(fmt::format(kHeader, options.name) + before));
    file.emplace(std::move(created));
    edited.file.path = file->path();
    ASSIGN_OR_RETURN(checked, EditAndCheck(environment, cluster, *file, &edited));
  } else {
    edited.file.path = options.file;
    ASSIGN_OR_RETURN(checked, ReadAndCheck(environment, cluster, &edited));
  }
  if (!checked.has_cluster()) {
    terminal.err() << "nothing changed\n";
    return kDone;
  }
  PrintChange(&terminal, WantedTopology(cluster), edited.topology, checked);
  if (options.change.dry_run) return kDone;
  ASSIGN_OR_RETURN(const bool sure,
                   IsSure(environment, options.change,
                          fmt::format("Store this configuration of {}?", options.name)));
  if (!sure) return kRefused;
  return Store(environment, cluster, edited);
}

Run DeclareEditConfig(const Syntax& syntax) {
  auto options = std::make_shared<EditOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  const Option file =
      syntax.Add("--file", &options->file, "the whole topology, in place of an editor");
  file.File();
  const Option settings = syntax.Add("--set", &options->settings,
                                     "KEY=VALUE, such as server_configs.worker.keepalive-ttl=60; "
                                     "may be given again");
  settings.Excludes(file);
  syntax.Flag("--discard", &options->discard, "drop the change that waits for a reload")
      .Excludes(file)
      .Excludes(settings);
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) { return Edit(environment, *options); };
}

}  // namespace

absl::StatusOr<v1::Cluster> GetCluster(Environment& environment, const std::string& name) {
  v1::GetClusterRequest request;
  request.set_cluster_name(name);
  ASSIGN_OR_RETURN(const auto response, environment.Call<v1::GetClusterResponse>(request));
  return response.cluster();
}

const v1::Topology& WantedTopology(const v1::Cluster& cluster) {
  return cluster.has_pending_topology() ? cluster.pending_topology() : cluster.topology();
}

absl::StatusOr<v1::UpdateClusterTopologyResponse> UpdateTopology(Environment& environment,
                                                                 const v1::Cluster& cluster,
                                                                 const v1::Topology& topology,
                                                                 bool validate_only) {
  v1::UpdateClusterTopologyRequest request;
  request.set_cluster_name(cluster.name());
  request.set_topology_etag(cluster.topology_etag());
  *request.mutable_topology() = topology;
  return Make<v1::UpdateClusterTopologyResponse>(environment, {.dry_run = validate_only}, request);
}

void PrintChange(Terminal* terminal, const v1::Topology& before, const v1::Topology& after,
                 const v1::UpdateClusterTopologyResponse& checked) {
  terminal->err() << LineDiff(TopologyText(WithoutSecrets(before)),
                              TopologyText(WithoutSecrets(after)));
  if (checked.changed_instances().empty()) return;
  terminal->err() << fmt::format("to reload: {}\n", fmt::join(checked.changed_instances(), ", "));
}

std::vector<Command> ClusterConfigCommands() {
  return {{"cluster show-config", "print the configuration of a cluster as a topology file",
           "dmgrctl cluster show-config demo > topology.yaml", DeclareShowConfig},
          {"cluster edit-config", "change the configuration of a cluster; a reload brings it there",
           "dmgrctl cluster edit-config demo", DeclareEditConfig}};
}

}  // namespace dmgr::client
