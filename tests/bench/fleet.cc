// The stand-ins of dmgrd_fleet: DMGR_FLEET="CLUSTERS HOSTS DIR" is the machines cXX-hYY, HOSTS for
// each of CLUSTERS clusters, at 10.66.XX.YY. Each is a directory in which a real far end works,
// over a pipe. What DM says follows from the units that run there. A machine of which DIR has a
// file is dead.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "server/machines/access.h"
#include "server/stand_ins.h"
#include "server/store/machine_store.h"
#include "tests/operations/scripted_members.h"
#include "tests/operations/stand_in_host.h"
#include "tests/support/pipe_connector.h"

namespace dmgr {
namespace {

using topology::Cluster;
using topology::Instance;

// What a host without power costs who connects to it by SSH.
constexpr absl::Duration kNoAnswer = absl::Seconds(20);
constexpr absl::Duration kPoll = absl::Milliseconds(50);

class Machines {
 public:
  explicit Machines(std::string dead_dir) : dead_dir_(std::move(dead_dir)) {}

  const test::StandInHost& Add(const std::string& id) { return hosts_[id]; }
  // Whoever has no power runs nothing any more.
  bool IsDead(const std::string& id) const {
    std::error_code error;
    if (!std::filesystem::exists(dead_dir_ + "/" + id, error)) return false;
    hosts_.at(id).TurnOff();
    return true;
  }

 private:
  const std::string dead_dir_;
  std::map<std::string, test::StandInHost> hosts_;
};

class FleetConnector final : public host::HostConnector {
 public:
  explicit FleetConnector(const Machines* machines) : machines_(*machines) {}

  void Add(const std::string& id, const std::string& root) { pipes_.Add(id, root); }

  absl::StatusOr<std::unique_ptr<host::FarEnd>> Connect(
      const host::HostLogin& login, const host::hv1::Begin& begin, absl::Time deadline,
      const std::function<bool()>& cancelled) override {
    if (!machines_.IsDead(login.name)) return pipes_.Connect(login, begin, deadline, cancelled);
    const absl::Time until = std::min(deadline, SteadyNow() + kNoAnswer);
    while (SteadyNow() < until) {
      if (cancelled && cancelled()) return absl::CancelledError("cancelled");
      absl::SleepFor(kPoll);
    }
    return Error(absl::StatusCode::kUnavailable, "HOST_UNREACHABLE", "cannot connect to {}",
                 login.name)
        .With("host", login.name);
  }
  absl::StatusOr<std::unique_ptr<host::FarEnd>> LogIn(const host::HostLogin& login,
                                                      const host::hv1::Begin& begin,
                                                      absl::Time deadline) override {
    return Connect(login, begin, deadline, {});
  }

 private:
  const Machines& machines_;
  test::PipeConnector pipes_{DMGR_FAR_PROGRAM};
};

// A DM for each cluster.
class FleetMembers final : public members::MemberSource {
 public:
  explicit FleetMembers(const Machines* machines) : machines_(*machines) {}

  void Add(const std::string& id, const test::StandInHost* host) {
    clusters_[ClusterOf(id)].AddHost(id, host);
  }

  absl::StatusOr<dm::Members> GetMembers(const Cluster& cluster, absl::Time deadline,
                                         const dm::Cancelled& cancelled) override {
    return Of(cluster).GetMembers(cluster, deadline, cancelled);
  }
  members::HttpHealth Probe(const Instance& instance, absl::Time deadline) override {
    return Of(instance).Probe(instance, deadline);
  }
  absl::StatusOr<absl::Time> StartTime(const Instance& instance, absl::Time deadline,
                                       const dm::Cancelled& cancelled) override {
    return Of(instance).StartTime(instance, deadline, cancelled);
  }
  absl::StatusOr<std::string> Metrics(const Instance& instance, absl::Time deadline,
                                      const dm::Cancelled& cancelled) override {
    return Of(instance).Metrics(instance, deadline, cancelled);
  }
  absl::StatusOr<std::string> Page(const Instance& instance, const std::string& path,
                                   absl::Time deadline, const dm::Cancelled& cancelled) override {
    return Of(instance).Page(instance, path, deadline, cancelled);
  }
  absl::Status DeleteMaster(const Cluster& others, const std::string& name, absl::Time deadline,
                            const dm::Cancelled& cancelled) override {
    return Of(others).DeleteMaster(others, name, deadline, cancelled);
  }
  absl::Status DeleteWorker(const Cluster& cluster, const std::string& name, absl::Time deadline,
                            const dm::Cancelled& cancelled) override {
    return Of(cluster).DeleteWorker(cluster, name, deadline, cancelled);
  }
  absl::Status EvictLeader(const Instance& master, absl::Time deadline,
                           const dm::Cancelled& cancelled) override {
    return Of(master).EvictLeader(master, deadline, cancelled);
  }
  absl::Status CancelEvict(const Instance& master, absl::Time deadline,
                           const dm::Cancelled& cancelled) override {
    return Of(master).CancelEvict(master, deadline, cancelled);
  }
  absl::Status TransferSource(const Cluster& cluster, const std::string& source,
                              const std::string& worker, absl::Time deadline,
                              const dm::Cancelled& cancelled) override {
    return Of(cluster).TransferSource(cluster, source, worker, deadline, cancelled);
  }
  // No cluster has any.
  members::Migrations& migrations() override { return clusters_.begin()->second.migrations(); }

 private:
  static std::string ClusterOf(const std::string& machine) {
    return machine.substr(0, machine.find('-'));
  }
  test::ScriptedMembers& Of(const Instance& instance) {
    machines_.IsDead(instance.machine_id);
    return clusters_.at(ClusterOf(instance.machine_id));
  }
  test::ScriptedMembers& Of(const Cluster& cluster) {
    for (const Instance& instance : cluster.instances) machines_.IsDead(instance.machine_id);
    return clusters_.at(ClusterOf(cluster.instances.front().machine_id));
  }

  const Machines& machines_;
  std::map<std::string, test::ScriptedMembers> clusters_;
};

struct Fleet {
  explicit Fleet(const std::string& dead_dir) : machines(dead_dir) {}

  Machines machines;
  FleetConnector hosts{&machines};
  FleetMembers members{&machines};
};

store::MachineRecord RecordOf(const Resources& resources, const std::string& id,
                              const std::string& address) {
  store::MachineRecord record;
  v1::Machine& machine = record.machine;
  machine.set_machine_id(id);
  machine.set_host(address);
  machine.set_ssh_port(22);
  machine.set_user("root");
  machine.set_privilege(v1::PRIVILEGE_ROOT);
  machine.set_host_key_fingerprint("SHA256:none");
  machine.set_far_end_dir(machines::kDefaultFarEndDir);
  machine.set_credential_kind(v1::CREDENTIAL_KIND_PRIVATE_KEY);
  machine.mutable_facts()->set_machine_identity("id-" + id);
  machine.mutable_facts()->set_arch("amd64");
  machine.mutable_facts()->set_memory_bytes(1ULL << 40);
  record.host_key = "ssh-ed25519 AAAA";
  record.sealed_credential = resources.secrets->Seal(v1::Credential().SerializeAsString(),
                                                     machines::CredentialContext(record));
  return record;
}

absl::Status AddMachine(const Resources& resources, const std::string& id,
                        const std::string& address, Fleet* fleet) {
  const test::StandInHost& host = fleet->machines.Add(id);
  fleet->hosts.Add(id, host.root().path());
  fleet->members.Add(id, &host);
  const auto record = RecordOf(resources, id, address);
  host.root().Write("etc/machine-id", record.machine.facts().machine_identity() + "\n");
  return resources.database->Transact(
      [&](store::Transaction& tx) { return store::InsertMachine(tx, record); });
}

}  // namespace

absl::Status PutStandIns(Resources* resources) {
  const char* const wanted = std::getenv("DMGR_FLEET");
  std::istringstream words(wanted == nullptr ? "" : wanted);
  int clusters = 0;
  int hosts = 0;
  std::string dead_dir;
  if (!(words >> clusters >> hosts >> dead_dir) || clusters < 1 || clusters > 99 || hosts < 1 ||
      hosts > 99) {
    return absl::InvalidArgumentError("DMGR_FLEET takes CLUSTERS HOSTS DIR");
  }
  // As a login on a host has it, for the far ends.
  umask(0022);
  static Fleet fleet(dead_dir);
  for (int cluster = 1; cluster <= clusters; ++cluster) {
    for (int host = 1; host <= hosts; ++host) {
      RETURN_IF_ERROR(AddMachine(*resources, fmt::format("c{:02}-h{:02}", cluster, host),
                                 fmt::format("10.66.{}.{}", cluster, host), &fleet));
    }
  }
  resources->hosts = &fleet.hosts;
  resources->members = &fleet.members;
  return absl::OkStatus();
}

}  // namespace dmgr
