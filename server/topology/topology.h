// The model of a DM cluster: instances on machines. Pure: no I/O. Defaults and rules follow TiUP's
// topology file (docs.pingcap.com, "tiup-dm-topology-reference"); where TiUP leaves a gap (names,
// log directories, nesting) the rules here are stricter and say so.
#ifndef DMGR_SERVER_TOPOLOGY_TOPOLOGY_H_
#define DMGR_SERVER_TOPOLOGY_TOPOLOGY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/components/component.h"
#include "dmgr/v1/topology.pb.h"

namespace dmgr::topology {

using components::Component;
using components::kComponents;
using components::Name;
using components::ParseComponent;

// Of Prometheus and Alertmanager: dmgr gives it where additional_args do not.
inline constexpr std::string_view kExternalUrlFlag = "--web.external-url";

// How an instance came to its cluster.
enum class Membership {
  kFounder,  // with the deploy
  kJoining,  // a scale-out is adding it: not part of the cluster yet
  kJoined,   // by a scale-out
};

// TLS between the processes of a cluster: of what their certificates follow, see
// server/certificates.
struct Tls {
  std::string cluster_uuid;
  // What is trusted, and what vouches for the instances, in PEM.
  std::string trusted;
  std::string issuer;
  // In seconds since 1970, of all certificates but those two.
  std::int64_t issue_time = 0;
  // Its keys.
  std::string sealed_secrets;
};

// One component on one machine. All paths are absolute and normalized.
struct Instance {
  std::string name;
  Component component = Component::kDmMaster;
  // As in the topology: the address by which the other instances reach it.
  std::string host;
  // Address for SSH and HTTP from dmgrd; host unless the topology says otherwise.
  std::string manage_host;
  std::string machine_id;
  // Of its machine, "amd64" or "arm64"; empty when not known. Kept with the machine.
  std::string arch;
  int port = 0;
  // 0 where the component has none.
  int peer_port = 0;
  int cluster_port = 0;
  std::string listen_host;
  std::string deploy_dir;
  std::string data_dir;  // The effective path, ".../data".
  std::string log_dir;   // The effective path, ".../log".
  std::string numa_node;
  v1::ResourceControl resource_control;
  // server_configs merged with the instance's config (which wins). Flat: dm-master's and
  // dm-worker's keys are full dotted paths ("experimental.openapi"), not yet folded into tables,
  // Grafana's are "section.key"; each value is a scalar or a list of scalars.
  google::protobuf::Struct config;
  std::string v1_source_path;     // dm-master
  std::string storage_retention;  // prometheus
  std::string grafana_user;       // grafana; the password is a secret kept elsewhere
  // What the topology says beyond the above, checked and with its defaults, but for name and
  // placement. May hold secrets: kept sealed.
  v1::MonitoringServer monitoring;      // prometheus
  v1::AlertmanagerServer alertmanager;  // alertmanager
  v1::GrafanaServer grafana;            // grafana: its dashboards

  // Patch whose program it runs in place of its package's, or empty.
  std::string patch;
  Membership membership = Membership::kFounder;
  // Its programs lie where TiUP has them.
  bool tiup_shape = false;
  // What the last operation about it wanted: it runs; its host starts it at boot.
  bool wanted_running = false;
  bool wanted_enabled = true;
  // Of its cluster.
  std::shared_ptr<const Tls> tls;

  // By which DM knows it: its name, but for a dm-worker whose name a dm-master has as well.
  std::string DmName() const;
  // systemd unit, such as "dm-master-8261.service".
  std::string Unit() const;
  // "host:port", with brackets around an IPv6 host.
  std::string NodeId() const;
  // Where a file of its release is on its host: "bin/dm-master" below the deploy directory, or as
  // "bin/dm-master/dm-master" where TiUP has it.
  std::string PathOf(std::string_view source) const;
  // Whether DM itself knows it: a dm-master or dm-worker.
  bool IsDm() const;
  // Whether it has a certificate, if its cluster has TLS: what DM is, and what asks it.
  bool HasCertificate() const;
  // Whether it answers over TLS only.
  bool AnswersOverTls() const { return tls != nullptr && IsDm(); }
  // What stands before the paths of its web pages, such as "/grafana"; "" when nothing does. It
  // needs the options that are kept sealed.
  std::string WebPath() const;
  // Its external URL when the topology gives one, else "".
  std::string ExternalUrl() const;
  // Every port that it binds.
  std::vector<int> Ports() const;
  int PortFor(components::PortUse use) const;
  void SetPort(components::PortUse use, int value);
};

// What a dm-worker is called beside a dm-master of the same name, which DM allows; no name that a
// topology gives has an '@'. DmNameOf takes it off again.
std::string NameBesideMaster(const std::string& name);
std::string DmNameOf(const std::string& name);

struct Cluster {
  std::string name;
  // What it was called before, the first one first, each once.
  std::vector<std::string> former_names;
  std::string uuid;
  std::string version;
  std::string user;
  std::string group;
  // On the control machine.
  std::string cluster_path;
  bool skip_create_user = false;
  // Its units are those of the user's own systemd, on machines without root.
  bool user_mode = false;
  // Its key lets its holder log in to the hosts as the user.
  bool user_login = false;
  // Its processes speak TLS with each other, and then have this.
  bool enable_tls = false;
  std::shared_ptr<const Tls> tls;
  std::vector<Instance> instances;
  // Exporters of other clusters that serve this one as well. Where they are installed, and what
  // they run, only their own cluster knows.
  std::vector<Instance> borrowed;

  std::vector<const Instance*> Of(Component component) const;
  std::vector<const Instance*> OnMachine(std::string_view machine_id) const;
  // Distinct machine ids in the order of the instances.
  std::vector<std::string> MachineIds() const;
  // Of it and of its instances.
  void SetTls(std::shared_ptr<const Tls> given);
};

// The cluster with these instances only, or without them.
Cluster Only(const Cluster& cluster, const std::vector<std::string>& names);
Cluster Without(const Cluster& cluster, const std::vector<std::string>& names);
// Without those that are joining.
Cluster MembersOf(const Cluster& cluster);
// "host:port" of the other dm-masters that are members: where this one joins. Empty for one that
// came with the deploy.
std::vector<std::string> JoinAddresses(const Cluster& cluster, const Instance& instance);
// Adds the servers of `added`, and takes out those that the instances were made of.
void AppendServers(const v1::Topology& added, v1::Topology* topology);
void RemoveServers(const std::vector<Instance>& instances, v1::Topology* topology);

// Gives the servers of a changed topology what RemoveWriteOnly takes out and they leave out, from
// the cluster as it is. recorded: the topology that it was made of. The content of a folder or file
// of the caller stays only where the same one is named.
void KeepWriteOnly(const Cluster& cluster, const v1::Topology& recorded, v1::Topology* wanted);

// Gives a Grafana the secrets of another one that it does not have itself.
void KeepSecrets(const v1::GrafanaServer& from, v1::GrafanaServer* server);

// A wrong value. field is a path into the request, such as "topology.master_servers[1].port".
struct Problem {
  std::string field;
  std::string text;
};
// The end of the text about a host that is no registered machine; the host is what stands before.
inline constexpr std::string_view kNotRegistered =
    " is not a registered machine; register it first";

// What is known of a registered machine.
struct MachineRef {
  std::string machine_id;
  std::string host;
  int ssh_port = 22;
  // /etc/machine-id: two machines with the same one are the same host.
  std::string identity;
  // "amd64" or "arm64"; empty when not known yet.
  std::string arch;
  // Of a machine without root; else empty.
  std::string login_without_root{};
};

// Its units are to be those of the user's own systemd.
bool IsUserMode(const v1::GlobalOptions& global);

// What another cluster holds on a host.
struct Occupied {
  std::string cluster;
  std::string instance;
  std::string identity;
  Component component = Component::kDmMaster;
  std::vector<int> ports;
  std::vector<std::string> dirs;
  // Of the cluster.
  std::string user;
  std::string group;
  // Neither it nor its cluster is about to come or to go.
  bool settled = true;
};

struct ExpandInput {
  std::string cluster_name;
  std::string version;
  std::string cluster_path;
  bool skip_create_user = false;
  bool user_login = false;
  std::string grafana_admin_user;
  v1::Topology topology;
  // Directories are as TiUP takes them: data_dir and log_dir are the directories themselves,
  // several instances may log into one, and programs lie where TiUP has them.
  bool as_tiup = false;
  // Those that the package has programs for: "amd64", "arm64"; empty: it is not known.
  std::vector<std::string> package_archs;
  // What a package may lack, and this one does.
  std::vector<Component> package_lacks;
  std::vector<MachineRef> machines;
  std::vector<Occupied> occupied;
  // The topology is an addition to this cluster, which is among the occupied, and its topology.
  const Cluster* existing = nullptr;
  v1::Topology existing_topology;
  // The topology is another configuration for this cluster, which is not among the occupied.
  const Cluster* current = nullptr;
};

// Fills defaults, finds each instance's machine, and checks everything; problems gets *all* that is
// wrong (names, ports, directories, hosts, users, against itself and against other clusters).
// The cluster is complete only when problems stays empty. uuid is left empty.
Cluster Expand(const ExpandInput& input, std::vector<Problem>* problems);

// What a topology, from which `wanted` was expanded, would change in a cluster and must not: its
// instances with their names, places, ports, directories and accounts.
void CheckFixed(const Cluster& cluster, const Cluster& wanted, const v1::Topology& topology,
                std::vector<Problem>* problems);

// What another configuration says of "monitored" and must not.
void CheckMonitored(const v1::Topology& recorded, const v1::Topology& wanted,
                    std::vector<Problem>* problems);
// One of it serves its whole host, and all clusters there.
bool IsExporter(Component component);
// The exporters that would serve nothing of the cluster on their hosts without these instances,
// which they are not among.
std::vector<const Instance*> OrphanExporters(const Cluster& cluster,
                                             const std::vector<const Instance*>& leaving);

// What instances hold beside what is stored of each: monitoring, alertmanager and grafana, by their
// names. The second puts it back.
v1::Topology OptionsOf(const Cluster& cluster);
void SetOptions(const v1::Topology& options, Cluster* cluster);
// Takes out what may hold secrets, and the contents of files.
void RemoveWriteOnly(v1::Topology* topology);

// Why systemd would not take a limit, as far as it says so; prefix is the field path of the
// message. systemd itself only warns about a bad value, and then runs without the limit.
void CheckResourceControl(const v1::ResourceControl& control, const std::string& prefix,
                          std::vector<Problem>* problems);

// A host name or an address; IPv6 without brackets and zone.
bool IsHost(std::string_view host);
// [a-zA-Z0-9._-]{1,64}, not beginning with a dot or dash.
bool IsClusterName(std::string_view name);
// What useradd accepts by default: [a-z_][a-z0-9_-]{0,30}.
bool IsUserName(std::string_view name);
// Of a user or group that is there already: [a-zA-Z_][a-zA-Z0-9._-]{0,31}.
bool IsOtherUserName(std::string_view name);
// Absolute, normalized, of characters that need no quoting anywhere: [a-zA-Z0-9._@+/-], at most
// 255.
bool IsCleanPath(std::string_view path);
// outer is path or an ancestor of it.
bool Contains(std::string_view outer, std::string_view path);

// The instances that a selection names; problems gets every name that is not known, with the known
// ones listed, or says that nothing is selected. Empty lists select all; roles and nodes together
// mean the intersection. The pointers live as long as the cluster; in the order of its instances.
std::vector<const Instance*> Select(const Cluster& cluster, const std::vector<std::string>& roles,
                                    const std::vector<std::string>& nodes,
                                    std::vector<Problem>* problems);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_TOPOLOGY_H_
