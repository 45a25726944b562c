#include "server/operations/import/sought.h"

#include <fmt/format.h>

#include <utility>

#include "common/error.h"
#include "server/operations/import/found.h"
#include "server/operations/import/said.h"
#include "server/render/read_toml.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

constexpr int kUsualSshPort = 22;

void PlaceSought(const Sought& sought, v1::Placement* placement) {
  const Instance& instance = sought.instance;
  placement->set_host(instance.host);
  if (sought.ssh_port != kUsualSshPort) {
    placement->set_ssh_port(static_cast<unsigned>(sought.ssh_port));
  }
  placement->set_deploy_dir(instance.deploy_dir);
  placement->set_data_dir(instance.data_dir);
  placement->set_log_dir(instance.log_dir);
  placement->set_numa_node(instance.numa_node);
}

template <typename Server>
void DescribeServer(const Sought& sought, Server* server) {
  PlaceSought(sought, server->mutable_placement());
  server->set_name(sought.instance.name);
  server->set_port(static_cast<unsigned>(sought.instance.port));
  if (!sought.config.fields().empty()) *server->mutable_config() = sought.config;
}

}  // namespace

std::string MemberWords(const Instance& instance) {
  return fmt::format("{} {}", topology::Name(instance.component), instance.name);
}

std::string TomlPath(const Instance& instance) {
  return fmt::format("{}/conf/{}.toml", instance.deploy_dir, topology::Name(instance.component));
}

void ReadUnit(const FileContents& units, Sought* sought, std::vector<std::string>* problems) {
  Instance& instance = sought->instance;
  const std::string path = TiupUnitFile(instance);
  const auto unit = units.find(path);
  if (unit == units.end()) {
    problems->push_back(fmt::format(
        "{} has no unit {} on {}: it was not laid as TiUP does it; deploy a cluster beside this "
        "one, which adopts its sources and tasks",
        MemberWords(instance), path, instance.machine_id));
    return;
  }
  sought->user = UserIn(unit->second);
  instance.deploy_dir = DeployDirIn(unit->second, instance.component);
  if (!instance.deploy_dir.empty()) return;
  problems->push_back(fmt::format("{} of {} on {} runs no .../scripts/run_{}.sh", path,
                                  MemberWords(instance), instance.machine_id,
                                  topology::Name(instance.component)));
}

void ReadScript(const FileContents& files, Sought* sought, std::vector<std::string>* problems) {
  Instance& instance = sought->instance;
  const auto script = files.find(TiupScript(instance));
  if (script == files.end()) {
    problems->push_back(fmt::format("{} has no run script {} on {}", MemberWords(instance),
                                    TiupScript(instance), instance.machine_id));
    return;
  }
  const std::string log_file = FlagIn(script->second, "log-file");
  instance.log_dir = log_file.substr(0, log_file.rfind('/'));
  if (!instance.log_dir.starts_with('/')) instance.log_dir = instance.deploy_dir + "/log";
  instance.data_dir = FlagIn(script->second, "data-dir");
  instance.numa_node = FlagIn(script->second, "cpunodebind");
  if (instance.component == Component::kDmMaster && !instance.data_dir.starts_with('/')) {
    problems->push_back(fmt::format("{} of {} on {} has no --data-dir", TiupScript(instance),
                                    MemberWords(instance), instance.machine_id));
  }
  const auto config = files.find(TomlPath(instance));
  if (config == files.end()) return;
  auto said = render::ReadToml(config->second, instance.component);
  if (said.ok()) {
    sought->config = *std::move(said);
  } else {
    problems->push_back(fmt::format("{} of {} on {}: {}", config->first, MemberWords(instance),
                                    instance.machine_id, Message(said.status())));
  }
}

void AddSought(const Sought& sought, v1::Topology* topology) {
  if (sought.instance.component == Component::kDmWorker) {
    return DescribeServer(sought, topology->add_worker_servers());
  }
  v1::MasterServer* master = topology->add_master_servers();
  DescribeServer(sought, master);
  master->set_peer_port(static_cast<unsigned>(sought.instance.peer_port));
}

}  // namespace dmgr::operations
