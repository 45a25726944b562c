#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <unordered_set>

#include "server/topology/config.h"
#include "server/topology/draft.h"
#include "server/topology/machine_index.h"
#include "server/topology/monitored.h"
#include "server/topology/monitoring.h"
#include "server/topology/paths.h"
#include "server/topology/sections.h"
#include "server/topology/systemd_mode.h"
#include "server/topology/topology.h"
#include "server/topology/values.h"

namespace dmgr::topology {
namespace {

constexpr int kMaxInstances = 1000;
constexpr const char* kDefaultUser = "tidb";

// The Struct of this name, or nullptr when the message has none.
const google::protobuf::Struct* StructIn(const google::protobuf::Message& message,
                                         std::string_view name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  if (field == nullptr) return nullptr;
  return &dynamic_cast<const google::protobuf::Struct&>(
      message.GetReflection()->GetMessage(message, field));
}

class Expander {
 public:
  Expander(const ExpandInput& input, std::vector<Problem>* problems)
      : input_(input),
        global_(input.topology.global()),
        problems_(problems),
        machines_(input.machines),
        topology_(WithExporters(input, machines_, &listed_)) {}

  Cluster Run() {
    CheckCluster();
    if (!CheckNumbers()) return std::move(cluster_);
    ForEachSection([this](const auto& section) { ExpandSection(section); });
    BorrowExporters(input_.occupied, &drafts_, &cluster_, problems_);
    if (input_.current != nullptr) cluster_.borrowed = input_.current->borrowed;
    NameBesideMasters(input_.existing, &drafts_);
    CheckLoopback(drafts_, global_.listen_host(), input_.existing, problems_);
    CheckConflicts(drafts_, input_.occupied, problems_);
    if (input_.existing != nullptr) CheckNew(drafts_, *input_.existing, problems_);
    CheckTls(drafts_, cluster_.enable_tls, problems_);
    for (Draft& draft : drafts_) cluster_.instances.push_back(std::move(draft.instance));
    return std::move(cluster_);
  }

 private:
  void Report(std::string field, std::string text) {
    problems_->push_back({std::move(field), std::move(text)});
  }
  // For what many instances inherit.
  void ReportOnce(const std::string& field, std::string text) {
    if (reported_.insert(field).second) Report(field, std::move(text));
  }

  void CheckCluster() {
    cluster_.name = input_.cluster_name;
    cluster_.version = input_.version;
    cluster_.cluster_path = TrimSlashes(input_.cluster_path);
    cluster_.user_mode = IsUserMode(global_);
    cluster_.skip_create_user = input_.skip_create_user || cluster_.user_mode;
    cluster_.user_login = input_.user_login;
    cluster_.enable_tls = global_.enable_tls();
    cluster_.user = global_.user().empty() ? kDefaultUser : global_.user();
    // Of a user whom somebody else made, the group is that of the user.
    cluster_.group =
        global_.group().empty() && !cluster_.skip_create_user ? cluster_.user : global_.group();
    if (!IsClusterName(cluster_.name)) {
      Report("cluster_name", Quote(cluster_.name) +
                                 " is not a cluster name: 1 to 64 letters, digits and . _ -, "
                                 "beginning with a letter or digit");
    }
    if (!IsCleanPath(cluster_.cluster_path)) {
      Report("cluster_path", Quote(cluster_.cluster_path) +
                                 " must be an absolute path of letters, digits and . _ @ + - /");
    }
    CheckSystemdMode(global_, problems_);
    CheckAccount("topology.global.user", cluster_.user, cluster_.skip_create_user, problems_);
    if (!global_.group().empty()) {
      CheckAccount("topology.global.group", cluster_.group, cluster_.skip_create_user, problems_);
    }
    CheckSshPort("topology.global.ssh_port", global_.ssh_port(), problems_);
    CheckBindAddress("topology.global.listen_host", global_.listen_host(), problems_);
    CheckPlatform("topology.global", global_.os(), global_.arch());
    CheckResourceControl(global_.resource_control(), "topology.global.resource_control", problems_);
  }

  // False when the topology is too large to look at closer.
  bool CheckNumbers() {
    int instances = 0;
    ForEachSection([&](const auto& section) { instances += section.Of(topology_).size(); });
    if (instances > kMaxInstances) {
      Report("topology", fmt::format("has {} instances; a cluster can have {} at most", instances,
                                     kMaxInstances));
      return false;
    }
    const bool alone = input_.existing == nullptr;
    if (alone && topology_.master_servers().empty()) {
      Report("topology.master_servers", "a cluster needs at least one dm-master");
    }
    const bool collected = !topology_.monitoring_servers().empty() ||
                           (!alone && !input_.existing->Of(Component::kPrometheus).empty());
    if (!topology_.grafana_servers().empty() && !collected) {
      Report("topology.grafana_servers",
             "Grafana shows what Prometheus collects: add monitoring_servers, or leave it out");
    }
    return true;
  }

  void CheckPlatform(const std::string& prefix, const std::string& os, const std::string& arch) {
    if (!os.empty() && os != "linux") Report(prefix + ".os", Quote(os) + " is not \"linux\"");
    if (!arch.empty() && NormalArch(arch).empty()) {
      Report(prefix + ".arch", Quote(arch) + " is neither \"amd64\" nor \"arm64\"");
    }
  }

  template <typename Section>
  void ExpandSection(const Section& section);
  // What a server says beyond what all of them do. config: its own keys, not yet merged.
  void Add(const v1::MasterServer& server, FlatConfig* config, Draft* draft);
  void Add(const v1::MonitoringServer& server, FlatConfig* config, Draft* draft);
  void Add(const v1::AlertmanagerServer& server, FlatConfig* config, Draft* draft);
  void Add(const v1::GrafanaServer& server, FlatConfig* config, Draft* draft);

  void CheckPacked(const components::Traits& traits, const Draft& draft);
  // field: empty for what "monitored" stands for.
  template <typename Server>
  Draft& Begin(Component component, const Server& server, std::string field);
  void SetPorts(const google::protobuf::Message& server, Draft* draft);
  void SetName(const std::string& name, Draft* draft);
  void SetLimits(const v1::Placement& placement, Draft* draft);
  void Place(const v1::Placement& placement, Draft* draft);
  void CheckArch(const v1::Placement& placement, const MachineRef& machine, const Draft& draft);
  void SetDirs(const v1::Placement& placement, Draft* draft);
  bool CheckDir(const std::string& path, const std::string& own, const Draft& draft,
                const std::string& name);
  int Port(std::uint32_t given, int usual, const std::string& field);
  FlatConfig ReadConfig(Component component, const google::protobuf::Struct& config,
                        const std::string& field);

  const ExpandInput& input_;
  const v1::GlobalOptions& global_;
  std::vector<Problem>* problems_;
  const MachineIndex machines_;
  Listed listed_;
  const v1::Topology topology_;
  Cluster cluster_;
  std::vector<Draft> drafts_;
  std::unordered_set<std::string> reported_;
  std::unordered_set<std::string> seen_machines_;
};

template <typename Section>
void Expander::ExpandSection(const Section& section) {
  const components::Traits& traits = components::TraitsOf(section.component);
  FlatConfig defaults;
  if (!traits.config_section.empty()) {
    defaults =
        ReadConfig(section.component, *StructIn(topology_.server_configs(), traits.config_section),
                   fmt::format("topology.server_configs.{}", traits.config_section));
  }
  const auto& servers = section.Of(topology_);
  for (int i = 0; i < servers.size(); ++i) {
    const bool monitored = i >= listed_[section.component];
    Draft& draft = Begin(section.component, servers[i],
                         monitored ? "" : fmt::format("topology.{}[{}]", traits.section, i));
    CheckPacked(traits, draft);
    FlatConfig own;
    if (const auto* config = StructIn(servers[i], "config"); config != nullptr) {
      own = ReadConfig(section.component, *config, draft.Field("config"));
    }
    if constexpr (!Section::kIsPlain) Add(servers[i], &own, &draft);
    draft.instance.config = MergeConfigs(defaults, own);
  }
}

void Expander::Add(const v1::MasterServer& server, FlatConfig*, Draft* draft) {
  Instance& instance = draft->instance;
  instance.v1_source_path = TrimSlashes(server.v1_source_path());
  if (!instance.v1_source_path.empty() && !IsCleanPath(instance.v1_source_path)) {
    Report(draft->Field("v1_source_path"), Quote(server.v1_source_path()) +
                                               " must be an absolute path of letters, digits and "
                                               ". _ @ + - /");
  }
}

void Expander::Add(const v1::MonitoringServer& server, FlatConfig*, Draft* draft) {
  SetMonitoring(server, draft, problems_);
}

void Expander::Add(const v1::AlertmanagerServer& server, FlatConfig*, Draft* draft) {
  CheckListenHost(draft->Field("listen_host"), server.listen_host(), problems_);
  if (!server.listen_host().empty()) draft->instance.listen_host = server.listen_host();
  SetAlertmanager(server, draft, problems_);
}

void Expander::Add(const v1::GrafanaServer& server, FlatConfig* config, Draft* draft) {
  Instance& instance = draft->instance;
  SetGrafana(server, draft, problems_);
  config->merge(GrafanaKeys(server));  // What is there stays.
  instance.grafana_user = !server.username().empty()           ? server.username()
                          : !input_.grafana_admin_user.empty() ? input_.grafana_admin_user
                                                               : "admin";
  if (IsGrafanaUser(instance.grafana_user)) return;
  const std::string text =
      Quote(instance.grafana_user) + " must be 1 to 64 letters, digits and . _ @ + -";
  if (server.username().empty()) {
    ReportOnce("grafana_admin_user", text);
  } else {
    Report(draft->Field("username"), text);
  }
}

void Expander::CheckPacked(const components::Traits& traits, const Draft& draft) {
  const auto& lacks = input_.package_lacks;
  if (std::ranges::find(lacks, traits.component) == lacks.end()) return;
  ReportOnce(draft.Field(traits.service_port().field),
             fmt::format("package {} has no {}: build and upload one with the tarball of {}, or "
                         "leave it out",
                         input_.version, traits.name, traits.tarball_name()));
}

template <typename Server>
Draft& Expander::Begin(Component component, const Server& server, std::string field) {
  Draft& draft = drafts_.emplace_back();
  draft.monitored = field.empty();
  draft.field = draft.monitored ? "topology.monitored" : std::move(field);
  draft.instance.component = component;
  SetPorts(server, &draft);
  Place(server.placement(), &draft);
  SetName(server.name(), &draft);
  SetLimits(server.placement(), &draft);
  SetDirs(server.placement(), &draft);
  if (cluster_.user_mode) CheckWithoutRoot(draft, problems_);
  return draft;
}

void Expander::SetPorts(const google::protobuf::Message& server, Draft* draft) {
  for (const components::Port& port : components::TraitsOf(draft->instance.component).ports) {
    draft->instance.SetPort(port.use,
                            Port(PortIn(server, port.field), port.usual, draft->Field(port.field)));
  }
}

void Expander::SetName(const std::string& name, Draft* draft) {
  Instance& instance = draft->instance;
  const std::string_view prefix = components::TraitsOf(instance.component).name_prefix;
  instance.name =
      name.empty() ? fmt::format("{}-{}-{}", prefix, instance.host, instance.port) : name;
  // A name that is made from a wrong host would only repeat that problem.
  if (!IsInstanceName(instance.name) && (!name.empty() || IsHost(instance.host))) {
    Report(draft->Field("name"), Quote(instance.name) +
                                     " is not a name: 1 to 128 letters, digits and . _ : -, "
                                     "beginning with a letter or digit");
  }
}

void Expander::SetLimits(const v1::Placement& placement, Draft* draft) {
  Instance& instance = draft->instance;
  CheckResourceControl(placement.resource_control(), draft->Field("placement.resource_control"),
                       problems_);
  instance.resource_control = Merge(global_.resource_control(), placement.resource_control());
  instance.numa_node = placement.numa_node();
  if (!instance.numa_node.empty() && !IsNumaNodes(instance.numa_node)) {
    Report(draft->Field("placement.numa_node"),
           Quote(instance.numa_node) + " is not a list of nodes such as \"0,1\"");
  }
}

void Expander::Place(const v1::Placement& placement, Draft* draft) {
  Instance& instance = draft->instance;
  instance.host = placement.host();
  instance.manage_host =
      placement.manage_host().empty() ? placement.host() : placement.manage_host();
  const std::string field = draft->Field("placement.host");
  draft->identity = "unknown host " + instance.host;
  CheckPlatform(draft->Field("placement"), placement.os(), placement.arch());
  CheckSshPort(draft->Field("placement.ssh_port"), placement.ssh_port(), problems_);
  CheckListenHost(draft->Field("placement.manage_host"), placement.manage_host(), problems_);
  if (instance.host.empty()) return Report(field, "is missing");
  if (!IsHost(instance.host) || instance.host == "0.0.0.0" || instance.host == "::") {
    return Report(field, Quote(instance.host) +
                             " is not a host name or an address by which others reach it (IPv6 "
                             "without brackets)");
  }
  const std::uint32_t asked = placement.ssh_port() != 0 ? placement.ssh_port() : global_.ssh_port();
  if (asked > 65535 || !IsHost(instance.manage_host)) return;
  const int ssh_port = static_cast<int>(asked);
  std::string why;
  const MachineRef* machine = machines_.Find(instance.manage_host, ssh_port, &why);
  if (machine == nullptr) {
    const bool is_one = instance.manage_host == instance.host;
    return Report(is_one ? field : draft->Field("placement.manage_host"), why);
  }
  const MachineRef* other = machines_.Find(instance.host, ssh_port, &why);
  if (other != nullptr && other != machine) {
    return Report(field, fmt::format("is machine {}, and manage_host is machine {}",
                                     other->machine_id, machine->machine_id));
  }
  // A machine id is no address: what it stands for is.
  if (instance.host == machine->machine_id) instance.host = machine->host;
  if (instance.manage_host == machine->machine_id) instance.manage_host = machine->host;
  instance.listen_host = !global_.listen_host().empty() ? global_.listen_host()
                         : IsIpv6(instance.host)        ? "::"
                                                        : "0.0.0.0";
  instance.machine_id = machine->machine_id;
  instance.arch = NormalArch(machine->arch);
  draft->identity = machine->identity.empty() ? machine->machine_id : machine->identity;
  CheckMachineMode(cluster_, *machine, field, problems_);
  CheckArch(placement, *machine, *draft);
}

void Expander::CheckArch(const v1::Placement& placement, const MachineRef& machine,
                         const Draft& draft) {
  const std::string& asked = placement.arch().empty() ? global_.arch() : placement.arch();
  const std::string_view wanted = NormalArch(asked);
  const std::string_view real = NormalArch(machine.arch);
  const auto& archs = input_.package_archs;
  if (!wanted.empty() && !real.empty() && wanted != real) {
    return Report(draft.Field("placement.arch"), fmt::format("asks for {}, but machine {} is {}",
                                                             wanted, machine.machine_id, real));
  }
  const std::string_view arch = real.empty() ? wanted : real;
  if (arch.empty() || archs.empty() || std::ranges::find(archs, arch) != archs.end()) return;
  if (!seen_machines_.insert(machine.machine_id).second) return;
  Report(draft.Field("placement.host"),
         fmt::format("machine {} is {}, but package {} is for {}; upload a package for {}",
                     machine.machine_id, arch, input_.version, fmt::join(archs, " and "), arch));
}

void Expander::SetDirs(const v1::Placement& placement, Draft* draft) {
  Instance& instance = draft->instance;
  const std::string role_port = fmt::format("{}-{}", Name(instance.component), instance.port);
  const std::string user = IsOtherUserName(cluster_.user) ? cluster_.user : kDefaultUser;
  const std::string& dir = placement.deploy_dir();
  instance.deploy_dir =
      UnderHome(dir.empty() ? DeployDirOf(global_) + "/" + role_port : TrimSlashes(dir), user);
  instance.tiup_shape = input_.as_tiup;
  // TiUP's Grafana has both in its deploy directory, whatever global says.
  const bool own_only = instance.tiup_shape && instance.component == Component::kGrafana;
  const auto leaf_dir = instance.tiup_shape ? TiupDir : LeafDir;
  instance.data_dir = leaf_dir("data", placement.data_dir(), own_only ? "" : global_.data_dir(),
                               instance.deploy_dir, role_port);
  instance.log_dir = leaf_dir("log", placement.log_dir(), own_only ? "" : global_.log_dir(),
                              instance.deploy_dir, role_port);
  draft->bad_deploy_dir =
      !CheckDir(instance.deploy_dir, placement.deploy_dir(), *draft, "deploy_dir");
  const auto check_leaf = [&](const std::string& path, const std::string& own, const char* name) {
    // Below a wrong deploy directory it would only repeat that problem.
    if (draft->bad_deploy_dir && Contains(instance.deploy_dir, path)) return false;
    return CheckDir(path, own, *draft, name);
  };
  draft->bad_data_dir = !check_leaf(instance.data_dir, placement.data_dir(), "data_dir");
  draft->bad_log_dir =
      !check_leaf(instance.log_dir, placement.log_dir(), "log_dir") || input_.as_tiup;
}

// own: what the instance itself says, or empty; then the global section is to blame.
bool Expander::CheckDir(const std::string& path, const std::string& own, const Draft& draft,
                        const std::string& name) {
  std::string problem = PathProblem(path);
  if (problem.empty()) return true;
  if (own.empty()) {
    ReportOnce("topology.global." + name, std::move(problem));
  } else {
    Report(draft.Field("placement." + name), std::move(problem));
  }
  return false;
}

int Expander::Port(std::uint32_t given, int usual, const std::string& field) {
  if (given == 0) return usual;
  if (given > 65535) Report(field, fmt::format("{} is not a port: 1 to 65535", given));
  return static_cast<int>(std::min<std::uint32_t>(given, INT_MAX));
}

FlatConfig Expander::ReadConfig(Component component, const google::protobuf::Struct& config,
                                const std::string& field) {
  FlatConfig flat = Flatten(config, field, problems_);
  CheckConfig(component, input_.version, flat, field, problems_);
  return flat;
}

}  // namespace

Cluster Expand(const ExpandInput& input, std::vector<Problem>* problems) {
  return Expander(input, problems).Run();
}

}  // namespace dmgr::topology
