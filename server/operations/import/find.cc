// A cluster that no tool has a record of, as DM and its hosts say that it is.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/error.h"
#include "common/ids.h"
#include "common/short_status.h"
#include "common/steady_time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/cluster_tls.h"
#include "server/machines/access.h"
#include "server/machines/each.h"
#include "server/members/source.h"
#include "server/operations/calls/new_cluster.h"
#include "server/operations/import/found.h"
#include "server/operations/import/import.h"
#include "server/operations/import/sought.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

constexpr absl::Duration kFindTime = absl::Seconds(10);

// Of "http://10.0.0.1:8261".
std::optional<HostPort> AddressIn(const std::string& url) {
  const std::size_t scheme = url.find("://");
  return ParseHostPort(scheme == std::string::npos ? url : url.substr(scheme + 3));
}

// Its own directory of all that a host has of a kind: {parent}/dm-worker-8262, or the same with
// /data at its end, as dir has.
std::string Beside(std::string_view dir, const Instance& instance) {
  const std::string_view end = dir.ends_with("/data") ? "/data" : "";
  dir.remove_suffix(end.size());
  return fmt::format("{}{}-{}{}", dir.substr(0, dir.rfind('/') + 1),
                     topology::Name(instance.component), instance.port, end);
}

class Finder {
 public:
  Finder(const Resources& resources, const v1::FindForeignClusterRequest& request)
      : resources_(resources), request_(request) {}

  absl::StatusOr<v1::FindForeignClusterResponse> Find() {
    ASSIGN_OR_RETURN(AroundNew known, LoadAroundNew(resources_, request_.cluster_name(),
                                                    /*version=*/std::nullopt));
    machines_ = std::move(known.machines);
    RETURN_IF_ERROR(AskDm());
    Locate();
    ReadHosts(&Finder::ReadFiles);
    NameDataDirs();
    ReadHosts(&Finder::FindData);
    CheckUsers();
    const std::string version = VersionOfOne();
    if (!problems_.empty()) return NotFound();
    return Response(version);
  }

 private:
  using Reading = void (Finder::*)(host::FarEnd*, const host::CallOptions&,
                                   const std::vector<Sought*>&, std::vector<std::string>*) const;

  absl::Status AskDm() {
    const auto address = ParseHostPort(request_.master_address());
    if (!address.has_value() || address->port == 0) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                   "master_address is not that of a dm-master")
          .Field("master_address", "must be such as 10.0.0.1:8261");
    }
    store::ClusterRecord asked;
    asked.cluster.name = request_.cluster_name();
    asked.cluster.uuid = NewUuid();
    Instance& master = asked.cluster.instances.emplace_back();
    master.component = Component::kDmMaster;
    master.host = address->host;
    master.port = address->port;
    if (request_.has_tls()) {
      RETURN_IF_ERROR(clusters::TakeOverClusterTls(resources_, request_.tls(), &asked));
    }
    ASSIGN_OR_RETURN(const auto members,
                     resources_.members->GetMembers(asked.cluster, SteadyNow() + kFindTime, {}));
    tls_ = asked.cluster.tls;
    for (const auto& one : members.masters) Add(one);
    for (const auto& one : members.workers) {
      Add(Component::kDmWorker, one.name, ParseHostPort(one.addr), one.addr);
    }
    return absl::OkStatus();
  }

  void Add(const dm::Master& master) {
    if (master.name.empty()) {
      problems_.emplace_back(
          "DM lists a dm-master that has never joined: remove it by dmctl, or end its join");
      return;
    }
    const std::string client = master.client_urls.empty() ? "" : master.client_urls.front();
    Sought* sought = Add(Component::kDmMaster, master.name, AddressIn(client), client);
    if (sought == nullptr) return;
    const auto peer = master.peer_urls.empty() ? std::nullopt : AddressIn(master.peer_urls.front());
    if (peer.has_value()) sought->instance.peer_port = peer->port;
  }

  Sought* Add(Component component, const std::string& name, const std::optional<HostPort>& address,
              const std::string& said) {
    if (!address.has_value()) {
      problems_.push_back(
          fmt::format("{} {} says \"{}\", which is no address: start it, or remove "
                      "it from DM",
                      topology::Name(component), name, said));
      return nullptr;
    }
    Instance& instance = sought_.emplace_back().instance;
    instance.component = component;
    instance.name = name;
    instance.host = address->host;
    instance.port = address->port;
    instance.tls = tls_;
    return &sought_.back();
  }

  // Finds the registered machine of each.
  void Locate() {
    for (Sought& sought : sought_) {
      const std::string who = MemberWords(sought.instance);
      const auto machine =
          std::ranges::find(machines_, sought.instance.host, &topology::MachineRef::host);
      if (machine == machines_.end()) {
        unknown_hosts_.insert(sought.instance.host);
        problems_.push_back(
            fmt::format("{} is on {}, which is no registered machine", who, sought.instance.host));
      } else if (!machine->login_without_root.empty()) {
        problems_.push_back(fmt::format(
            "{} is on {}, which is managed without root: nobody's units can be read there", who,
            machine->machine_id));
      } else {
        sought.instance.machine_id = machine->machine_id;
        sought.ssh_port = machine->ssh_port;
      }
    }
  }

  // Each machine by itself, side by side.
  void ReadHosts(Reading read) {
    std::map<std::string, std::vector<Sought*>> on;
    for (Sought& sought : sought_) {
      if (!sought.instance.machine_id.empty()) on[sought.instance.machine_id].push_back(&sought);
    }
    std::vector<std::string> machines;
    std::map<std::string, std::vector<std::string>> told;
    for (const auto& [machine, there] : on) {
      machines.push_back(machine);
      told[machine] = {};
    }
    const auto statuses = machines::InParallel(
        resources_.threads, machines, [&](const std::string& machine) -> absl::Status {
          ASSIGN_OR_RETURN(const auto access, machines::LoadAccess(resources_, machine));
          host::CallOptions options;
          options.deadline = SteadyNow() + machines::kHostLookTimeout;
          ASSIGN_OR_RETURN(auto far_end,
                           machines::OpenReader(resources_, access, options.deadline));
          (this->*read)(far_end.get(), options, on.at(machine), &told.at(machine));
          return absl::OkStatus();
        });
    for (std::size_t i = 0; i < machines.size(); ++i) {
      if (!statuses[i].ok()) problems_.emplace_back(Message(statuses[i]));
      for (auto& problem : told.at(machines[i])) problems_.push_back(std::move(problem));
    }
  }

  static absl::StatusOr<FileContents> Contents(host::FarEnd* far_end,
                                               const host::CallOptions& options,
                                               const std::vector<std::string>& paths) {
    hv1::ToHost request;
    *request.mutable_read_files()->mutable_paths() = {paths.begin(), paths.end()};
    ASSIGN_OR_RETURN(const auto reply, far_end->Call(std::move(request), options));
    FileContents files;
    for (const auto& file : reply.read_files().files()) files[file.path()] = file.content();
    return files;
  }

  void ReadFiles(host::FarEnd* far_end, const host::CallOptions& options,
                 const std::vector<Sought*>& there, std::vector<std::string>* problems) const {
    std::vector<std::string> paths;
    for (const Sought* sought : there) paths.push_back(TiupUnitFile(sought->instance));
    const auto units = Contents(far_end, options, paths);
    if (!units.ok()) return problems->emplace_back(Message(units.status())), void();
    paths.clear();
    for (Sought* sought : there) {
      ReadUnit(*units, sought, problems);
      if (sought->instance.deploy_dir.empty()) continue;
      paths.push_back(TiupScript(sought->instance));
      paths.push_back(TomlPath(sought->instance));
    }
    const auto files = Contents(far_end, options, paths);
    if (!files.ok()) return problems->emplace_back(Message(files.status())), void();
    for (Sought* sought : there) {
      if (!sought->instance.deploy_dir.empty()) ReadScript(*files, sought, problems);
    }
  }

  // TiUP makes one for a dm-worker, and tells it to nobody.
  void NameDataDirs() {
    std::set<std::string> known;
    for (const Sought& sought : sought_) {
      if (sought.instance.component == Component::kDmMaster) known.insert(sought.instance.data_dir);
    }
    for (Sought& sought : sought_) {
      Instance& instance = sought.instance;
      if (instance.component != Component::kDmWorker || instance.deploy_dir.empty()) continue;
      sought.candidates = {instance.deploy_dir + "/data"};
      for (const std::string& dir : known) {
        if (!dir.starts_with('/')) continue;
        sought.candidates.push_back(Beside(dir, instance));
      }
    }
  }

  void FindData(host::FarEnd* far_end, const host::CallOptions& options,
                const std::vector<Sought*>& there, std::vector<std::string>* problems) const {
    hv1::ToHost request;
    for (const Sought* sought : there) {
      for (const auto& path : sought->candidates) request.mutable_inspect()->add_paths(path);
    }
    if (request.inspect().paths().empty()) return;
    const auto reply = far_end->Call(std::move(request), options);
    if (!reply.ok()) return problems->emplace_back(Message(reply.status())), void();
    std::set<std::string> dirs;
    for (const auto& state : reply->inspect().paths()) {
      if (state.type() == hv1::PathState::TYPE_DIRECTORY) dirs.insert(state.path());
    }
    for (Sought* sought : there) {
      if (sought->candidates.empty()) continue;
      const auto found = std::ranges::find_if(
          sought->candidates, [&](const std::string& path) { return dirs.contains(path); });
      if (found != sought->candidates.end()) {
        sought->instance.data_dir = *found;
        continue;
      }
      problems->push_back(
          fmt::format("the data directory of {} on {} is none of {}: make the first, for {}",
                      MemberWords(sought->instance), sought->instance.machine_id,
                      fmt::join(sought->candidates, ", "), sought->user));
    }
  }

  void CheckUsers() {
    user_ = request_.user();
    for (const Sought& sought : sought_) {
      if (sought.instance.deploy_dir.empty()) continue;
      if (user_.empty()) user_ = sought.user;
      if (!sought.user.empty() && sought.user == user_) continue;
      problems_.push_back(fmt::format("{} on {} runs as {}, not as {}",
                                      MemberWords(sought.instance), sought.instance.machine_id,
                                      sought.user.empty() ? "root" : sought.user, user_));
    }
  }

  // The import asks all of them.
  std::string VersionOfOne() {
    std::string why = "none of its processes says which version of DM it is";
    for (const Sought& sought : sought_) {
      const auto health = resources_.members->Probe(sought.instance, SteadyNow() + kFindTime);
      if (!health.version.empty()) return health.version;
      if (!health.reason.empty())
        why += fmt::format("; {}: {}", sought.instance.name, health.reason);
      if (sought.instance.component == Component::kDmWorker) break;
    }
    problems_.push_back(why);
    return "";
  }

  absl::Status NotFound() const {
    Error error(
        absl::StatusCode::kFailedPrecondition, "FOREIGN_NOT_FOUND", "{}",
        Findings(fmt::format("cluster {} is not made out", request_.cluster_name()), problems_));
    error.With("cluster", request_.cluster_name())
        .Remedy(
            "register the hosts and mend what is named, then import again; nothing was changed");
    for (const std::string& host : unknown_hosts_) {
      error.Next(v1::ACTION_CREATE_MACHINE, {{"machine_id", host}});
    }
    return error;
  }

  v1::FindForeignClusterResponse Response(const std::string& version) const {
    v1::FindForeignClusterResponse response;
    v1::Topology& topology = *response.mutable_topology();
    topology.mutable_global()->set_user(user_);
    topology.mutable_global()->set_enable_tls(request_.has_tls());
    for (const Sought& sought : sought_) AddSought(sought, &topology);
    response.set_version(version);
    response.add_notes(
        "Prometheus, Grafana, Alertmanager and exporters are no members of DM: they stay as they "
        "are");
    return response;
  }

  const Resources& resources_;
  const v1::FindForeignClusterRequest& request_;
  std::vector<topology::MachineRef> machines_;
  std::shared_ptr<const topology::Tls> tls_;
  std::vector<Sought> sought_;
  std::string user_;
  std::set<std::string> unknown_hosts_;
  std::vector<std::string> problems_;
};

}  // namespace

absl::StatusOr<v1::FindForeignClusterResponse> FindForeignCluster(
    const Resources& resources, const v1::FindForeignClusterRequest& request) {
  return Finder(resources, request).Find();
}

}  // namespace dmgr::operations
