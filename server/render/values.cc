#include "server/render/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <regex>

#include "common/error.h"

namespace dmgr::render {
namespace {

using topology::Cluster;
using topology::Component;
using topology::Instance;
using topology::JoinHostPort;

constexpr std::string_view kConfDir = "conf/";
constexpr std::string_view kRulesSuffix = ".rules.yml";

void Set(Values& values, const std::string& name, std::string value) {
  values.variables[name] = Variable{.value = std::move(value)};
}

void SetOptional(Values& values, const std::string& name, std::string value) {
  values.variables[name] = Variable{.value = std::move(value), .optional = true};
}

std::string Url(const Instance& instance, int port) {
  return "http://" + JoinHostPort(instance.host, port);
}

// "a:8261,b:8261".
std::string Addresses(const Cluster& cluster, Component component) {
  std::vector<std::string> addresses;
  for (const Instance* other : cluster.Of(component)) {
    addresses.push_back(JoinHostPort(other->host, other->port));
  }
  return fmt::format("{}", fmt::join(addresses, ","));
}

List AddressList(const Cluster& cluster, Component component) {
  List list{.fields = {"address"}, .items = {}};
  for (const Instance* other : cluster.Of(component)) {
    list.items.push_back({{"address", JoinHostPort(other->host, other->port)}});
  }
  return list;
}

Values CommonValues(const Cluster& cluster, const Instance& instance) {
  Values values;
  Set(values, "cluster_name", cluster.name);
  Set(values, "cluster_version", cluster.version);
  Set(values, "user", cluster.user);
  Set(values, "group", cluster.group);
  Set(values, "component", std::string(topology::Name(instance.component)));
  Set(values, "name", instance.name);
  Set(values, "host", instance.host);
  Set(values, "port", std::to_string(instance.port));
  Set(values, "address", JoinHostPort(instance.host, instance.port));
  Set(values, "listen_host", instance.listen_host);
  Set(values, "listen_address", JoinHostPort(instance.listen_host, instance.port));
  Set(values, "deploy_dir", instance.deploy_dir);
  Set(values, "data_dir", instance.data_dir);
  Set(values, "log_dir", instance.log_dir);
  SetOptional(values, "numa_node", instance.numa_node);
  return values;
}

void AddMasterValues(const RenderInput& input, Values& values) {
  const Instance& instance = *input.instance;
  Set(values, "peer_port", std::to_string(instance.peer_port));
  Set(values, "peer_listen_url",
      "http://" + JoinHostPort(instance.listen_host, instance.peer_port));
  Set(values, "peer_url", Url(instance, instance.peer_port));
  SetOptional(values, "v1_source_path", instance.v1_source_path);
  std::vector<std::string> members;
  for (const Instance* master : input.cluster->Of(Component::kDmMaster)) {
    members.push_back(fmt::format("{}={}", master->name, Url(*master, master->peer_port)));
  }
  Set(values, "initial_cluster", fmt::format("{}", fmt::join(members, ",")));
  Set(values, "join", fmt::format("{}", fmt::join(input.join, ",")));
}

void AddPrometheusValues(const RenderInput& input, Values& values) {
  const Cluster& cluster = *input.cluster;
  Set(values, "storage_retention", input.instance->storage_retention);
  Set(values, "external_url", Url(*input.instance, input.instance->port) + "/");
  values.lists["dm_masters"] = AddressList(cluster, Component::kDmMaster);
  values.lists["dm_workers"] = AddressList(cluster, Component::kDmWorker);
  values.lists["prometheuses"] = AddressList(cluster, Component::kPrometheus);
  values.lists["alertmanagers"] = AddressList(cluster, Component::kAlertmanager);
  values.lists["grafanas"] = AddressList(cluster, Component::kGrafana);
  List& rules = values.lists["rule_files"];
  rules.fields = {"path"};
  for (const auto& name : RuleFileNames(*input.package)) rules.items.push_back({{"path", name}});
}

void AddAlertmanagerValues(const RenderInput& input, Values& values) {
  const Instance& instance = *input.instance;
  Set(values, "external_url", Url(instance, instance.port));
  Set(values, "cluster_port", std::to_string(instance.cluster_port));
  Set(values, "cluster_listen_address", JoinHostPort(instance.listen_host, instance.cluster_port));
  List& peers = values.lists["peers"];
  peers.fields = {"address"};
  for (const Instance* other : input.cluster->Of(Component::kAlertmanager)) {
    if (other->name == instance.name) continue;
    peers.items.push_back({{"address", JoinHostPort(other->host, other->cluster_port)}});
  }
}

void AddGrafanaValues(const RenderInput& input, Values& values) {
  const Instance& instance = *input.instance;
  Set(values, "external_url", Url(instance, instance.port) + "/");
  Set(values, "admin_user", instance.grafana_user);
  Set(values, "admin_password", input.grafana_password);
  const auto prometheus = input.cluster->Of(Component::kPrometheus);
  SetOptional(values, "prometheus_url",
              prometheus.empty() ? "" : Url(*prometheus[0], prometheus[0]->port));
}

// The forms of systemd.resource-control(5), systemd.exec(5) and systemd.time(7) that make sense
// here. None has a character that could end its line.
struct Limit {
  const char* name;
  const std::string& (v1::ResourceControl::*value)() const;
  const char* form;
  const char* example;
};
const Limit kLimits[] = {
    {"memory_limit", &v1::ResourceControl::memory_limit,
     R"(infinity|[0-9]+(\.[0-9]+)?[KMGT]?|[0-9]{1,3}%)", "4G"},
    {"cpu_quota", &v1::ResourceControl::cpu_quota, R"([1-9][0-9]*%)", "200%"},
    {"io_read_bandwidth_max", &v1::ResourceControl::io_read_bandwidth_max,
     R"(/[A-Za-z0-9._/-]+ [0-9]+[KMGT]?)", "/dev/sda 100M"},
    {"io_write_bandwidth_max", &v1::ResourceControl::io_write_bandwidth_max,
     R"(/[A-Za-z0-9._/-]+ [0-9]+[KMGT]?)", "/dev/sda 100M"},
    {"limit_core", &v1::ResourceControl::limit_core,
     R"((infinity|[0-9]+[KMGT]?)(:(infinity|[0-9]+[KMGT]?))?)", "infinity"},
    {"timeout_start_sec", &v1::ResourceControl::timeout_start_sec,
     R"(infinity|[0-9]+ ?(ms|s|sec|min|m|h)?( [0-9]+ ?(ms|s|sec|min|m|h))*)", "60s"},
    {"timeout_stop_sec", &v1::ResourceControl::timeout_stop_sec,
     R"(infinity|[0-9]+ ?(ms|s|sec|min|m|h)?( [0-9]+ ?(ms|s|sec|min|m|h))*)", "90s"},
};

}  // namespace

std::string RunScriptPath(const Instance& instance) {
  return fmt::format("{}/scripts/run_{}.sh", instance.deploy_dir,
                     topology::Name(instance.component));
}

std::vector<std::string> RuleFileNames(const PackageFiles& package) {
  std::vector<std::string> names;
  for (const auto& [path, content] : package) {
    if (!path.starts_with(kConfDir) || !path.ends_with(kRulesSuffix)) continue;
    const std::string name = path.substr(kConfDir.size());
    if (name.find('/') == std::string::npos) names.push_back(name);
  }
  return names;
}

Values ConfigValues(const RenderInput& input) {
  Values values = CommonValues(*input.cluster, *input.instance);
  switch (input.instance->component) {
    case Component::kDmMaster:
      AddMasterValues(input, values);
      break;
    case Component::kDmWorker:
      Set(values, "join", Addresses(*input.cluster, Component::kDmMaster));
      break;
    case Component::kPrometheus:
      AddPrometheusValues(input, values);
      break;
    case Component::kAlertmanager:
      AddAlertmanagerValues(input, values);
      break;
    case Component::kGrafana:
      AddGrafanaValues(input, values);
      break;
  }
  return values;
}

absl::StatusOr<Values> UnitValues(const Cluster& cluster, const Instance& instance) {
  Values values = CommonValues(cluster, instance);
  Set(values, "run_script", RunScriptPath(instance));
  const bool hup = instance.component == Component::kPrometheus ||
                   instance.component == Component::kAlertmanager;
  SetOptional(values, "reload_by_hup", hup ? "yes" : "");
  Error error(absl::StatusCode::kInvalidArgument, "RESOURCE_CONTROL_INVALID",
              "systemd does not understand the resource_control of {}", instance.name);
  bool wrong = false;
  for (const Limit& limit : kLimits) {
    const std::string& value = (instance.resource_control.*limit.value)();
    if (value.size() > 256 ||
        (!value.empty() && !std::regex_match(value, std::regex(limit.form)))) {
      wrong = true;
      error.Field(
          fmt::format("resource_control.{}", limit.name),
          fmt::format("\"{}\" is not of a form such as {}", value.substr(0, 64), limit.example));
    }
    values.variables[limit.name] = {.value = value, .optional = true, .checked = true};
  }
  if (wrong) return error.With("instance", instance.name);
  return values;
}

}  // namespace dmgr::render
