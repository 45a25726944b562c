#include "server/render/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/address.h"
#include "common/components/traits.h"
#include "common/error.h"
#include "common/numbers.h"
#include "server/render/from_package.h"
#include "server/render/grafana.h"
#include "server/render/sandbox.h"
#include "server/render/tls.h"

namespace dmgr::render {
namespace {

using components::ConfigKind;
using components::DmRole;
using topology::Cluster;
using topology::Component;
using topology::Instance;

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
  List list{.fields = {"address", "web_path"}, .items = {}};
  const auto add = [&](const Instance& other) {
    list.items.push_back(
        {{"address", JoinHostPort(other.host, other.port)}, {"web_path", other.WebPath()}});
  };
  for (const Instance* other : cluster.Of(component)) add(*other);
  for (const Instance& other : cluster.borrowed) {
    if (other.component == component) add(other);
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
  Set(values, "name", instance.DmName());
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
  Set(values, "peer_listen_url", PeerUrl(instance, instance.listen_host));
  Set(values, "peer_url", PeerUrl(instance, instance.host));
  SetOptional(values, "v1_source_path", instance.v1_source_path);
  std::vector<std::string> members;
  for (const Instance* master : input.cluster->Of(Component::kDmMaster)) {
    members.push_back(fmt::format("{}={}", master->DmName(), PeerUrl(*master, master->host)));
  }
  Set(values, "initial_cluster", fmt::format("{}", fmt::join(members, ",")));
  Set(values, "join", fmt::format("{}", fmt::join(input.join, ",")));
}

void AddDmValues(DmRole role, const RenderInput& input, Values& values) {
  switch (role) {
    case DmRole::kMaster:
      AddMasterValues(input, values);
      break;
    case DmRole::kWorker:
      Set(values, "join", Addresses(*input.cluster, Component::kDmMaster));
      break;
    case DmRole::kNone:
      break;
  }
}

std::string YamlLine(const google::protobuf::Struct& tree);

// One line that is a value of YAML as well.
std::string Json(const google::protobuf::Message& message) {
  std::string json;
  // Fails for numbers that are none; the topology has refused those.
  const auto status = google::protobuf::util::MessageToJsonString(message, &json);
  return status.ok() ? json : "null";
}

// The same for a value, but for texts that are numbers in another way than dmgr writes them: as
// they are written, so that whoever reads them may take either.
std::string YamlLine(const google::protobuf::Value& value) {
  using google::protobuf::Value;
  switch (value.kind_case()) {
    case Value::kStringValue:
      return IsOddNumber(value.string_value()) ? value.string_value() : Json(value);
    case Value::kStructValue:
      return YamlLine(value.struct_value());
    case Value::kListValue: {
      std::vector<std::string> items;
      for (const Value& item : value.list_value().values()) items.push_back(YamlLine(item));
      return fmt::format("[{}]", fmt::join(items, ", "));
    }
    default:
      return Json(value);
  }
}

std::string YamlLine(const google::protobuf::Struct& tree) {
  const std::map<std::string, google::protobuf::Value> sorted(tree.fields().begin(),
                                                              tree.fields().end());
  std::vector<std::string> entries;
  for (const auto& [key, value] : sorted) {
    google::protobuf::Value name;
    name.set_string_value(key);
    entries.push_back(fmt::format("{}: {}", Json(name), YamlLine(value)));
  }
  return fmt::format("{{{}}}", fmt::join(entries, ", "));
}

std::string YamlList(const google::protobuf::RepeatedPtrField<google::protobuf::Struct>& items) {
  std::vector<std::string> texts;
  for (const auto& item : items) texts.push_back(YamlLine(item));
  return texts.empty() ? "" : fmt::format("[{}]", fmt::join(texts, ", "));
}

List TextList(const char* field, const google::protobuf::RepeatedPtrField<std::string>& items) {
  List list{.fields = {field}, .items = {}};
  for (const std::string& item : items) list.items.push_back({{field, item}});
  return list;
}

// But for what the run script gives itself.
List ArgList(const google::protobuf::RepeatedPtrField<std::string>& args) {
  List list = TextList("arg", args);
  std::erase_if(list.items, [](const auto& item) {
    return item.at("arg").starts_with(std::string(topology::kExternalUrlFlag) + "=");
  });
  return list;
}

// Of its pages; usual: when the topology gives none.
std::string ExternalUrl(const Instance& instance, const std::string& usual) {
  const std::string given = instance.ExternalUrl();
  return given.empty() ? usual : given;
}

void AddLabels(const Cluster& cluster, const v1::MonitoringServer& options, Values& values) {
  List& labels = values.lists["external_labels"];
  labels.fields = {"label", "label_value"};
  Set(values, "external_cluster", cluster.name);
  Set(values, "external_monitor", "prometheus");
  const auto& given = options.external_labels().fields();
  const std::map<std::string, google::protobuf::Value> sorted(given.begin(), given.end());
  for (const auto& [label, value] : sorted) {
    if (label == "cluster" || label == "monitor") {
      Set(values, "external_" + label, value.string_value());
    } else {
      labels.items.push_back({{"label", label}, {"label_value", value.string_value()}});
    }
  }
}

void AddMonitoringOptions(const Instance& instance, Values& values) {
  const v1::MonitoringServer& options = instance.monitoring;
  Set(values, "scrape_interval",
      options.scrape_interval().empty() ? "15s" : options.scrape_interval());
  SetOptional(values, "scrape_timeout", options.scrape_timeout());
  SetOptional(values, "storage_retention_size", options.storage_retention_size());
  SetOptional(values, "agent_mode", options.enable_prom_agent_mode() ? "yes" : "");
  const v1::RemoteConfig& remote = options.remote_config();
  values.variables["remote_write"] = {
      .value = YamlList(remote.remote_write()), .optional = true, .checked = true};
  values.variables["remote_read"] = {
      .value = YamlList(remote.remote_read()), .optional = true, .checked = true};
  List& jobs = values.lists["scrape_options"];
  jobs.fields = {"scrape_option"};
  jobs.checked = true;
  const auto& fields = options.additional_scrape_conf().fields();
  const std::map<std::string, google::protobuf::Value> sorted(fields.begin(), fields.end());
  for (const auto& [key, value] : sorted) {
    google::protobuf::Value name;
    name.set_string_value(key);
    jobs.items.push_back({{"scrape_option", fmt::format("{}: {}", Json(name), YamlLine(value))}});
  }
  values.lists["pushgateways"] = TextList("address", options.pushgateway_addrs());
  values.lists["additional_args"] = ArgList(options.additional_args());
  List& external = values.lists["external_alertmanagers"];
  external.fields = {"address"};
  for (const auto& other : options.external_alertmanagers()) {
    external.items.push_back(
        {{"address", JoinHostPort(other.host(), static_cast<int>(other.web_port()))}});
  }
}

// What blackbox exporters are to probe. Lists cannot be in lists, of which each exporter is one.
void AddProbes(const Cluster& cluster, Values& values) {
  google::protobuf::ListValue hosts;
  google::protobuf::ListValue addresses;
  std::set<std::string> seen;
  std::string prober;
  bool has_node_exporters = false;
  const auto add = [&](const Instance& one) {
    const std::string address = JoinHostPort(one.host, one.port);
    if (seen.insert(one.host).second) hosts.add_values()->set_string_value(one.host);
    addresses.add_values()->set_string_value(address);
    if (prober.empty() && one.component == Component::kBlackboxExporter) prober = address;
    has_node_exporters = has_node_exporters || one.component == Component::kNodeExporter;
  };
  for (const Instance& one : cluster.instances) add(one);
  for (const Instance& one : cluster.borrowed) add(one);
  SetOptional(values, "with_node_exporters", has_node_exporters ? "yes" : "");
  SetOptional(values, "probing_exporter", prober);
  values.variables["probed_hosts"] = {.value = Json(hosts), .checked = true};
  values.variables["probed_addresses"] = {.value = Json(addresses), .checked = true};
}

void AddPrometheusValues(const RenderInput& input, Values& values) {
  const Cluster& cluster = *input.cluster;
  Set(values, "storage_retention", input.instance->storage_retention);
  AddMonitoringOptions(*input.instance, values);
  AddLabels(cluster, input.instance->monitoring, values);
  AddProbes(cluster, values);
  AddTlsValues(*input.instance, &values);
  Set(values, "external_url",
      ExternalUrl(*input.instance, Url(*input.instance, input.instance->port) + "/"));
  for (const Component component : topology::kComponents) {
    values.lists[std::string(components::TraitsOf(component).scraped_as)] =
        AddressList(cluster, component);
  }
  List& rules = values.lists["rule_files"];
  rules.fields = {"path"};
  for (const auto& [name, text] : RuleFiles(input)) rules.items.push_back({{"path", name}});
}

void AddAlertmanagerValues(const RenderInput& input, Values& values) {
  const Instance& instance = *input.instance;
  Set(values, "external_url", ExternalUrl(instance, Url(instance, instance.port)));
  Set(values, "cluster_port", std::to_string(instance.cluster_port));
  Set(values, "cluster_listen_address", JoinHostPort(instance.listen_host, instance.cluster_port));
  // Alertmanager takes no name here; from a name's host it finds its address by itself.
  const bool numeric = IsIpAddress(instance.host);
  SetOptional(values, "cluster_advertise_address",
              numeric ? JoinHostPort(instance.host, instance.cluster_port) : "");
  values.lists["additional_args"] = ArgList(instance.alertmanager.additional_args());
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
  const auto url = [](const Instance& one) { return Url(one, one.port) + one.WebPath(); };
  const auto all = DataSourcesOf(*input.cluster);
  SetOptional(values, "prometheus_url", all.empty() ? "" : url(*all.front().prometheus));
  List& sources = values.lists["datasources"];
  sources.fields = {"datasource_name", "datasource_uid", "datasource_lasting_uid", "datasource_url",
                    "datasource_default"};
  List& former = values.lists["former_datasources"];
  former.fields = {"datasource_name"};
  const auto& names = input.cluster->former_names;
  SetOptional(values, "former_cluster_name", names.empty() ? "" : names.back());
  for (const DataSource& one : all) {
    for (const auto& name : one.former_names) former.items.push_back({{"datasource_name", name}});
    // A template that has no former_datasources needs another uid with each name.
    sources.items.push_back({{"datasource_name", one.name},
                             {"datasource_uid", DatasourceUid(one.name)},
                             {"datasource_lasting_uid", DatasourceUid(one.first_name)},
                             {"datasource_url", url(*one.prometheus)},
                             {"datasource_default", sources.items.empty() ? "true" : "false"}});
  }
}

}  // namespace

std::string DmTomlPath(const components::Traits& traits) {
  return fmt::format("conf/{}.toml", traits.name);
}

std::string RunScriptPath(const Instance& instance) {
  return fmt::format("{}/scripts/run_{}.sh", instance.deploy_dir,
                     topology::Name(instance.component));
}

std::vector<std::string> OptionsInForce(const Values& values) {
  static constexpr const char* kVariables[] = {
      "numa_node",  "v1_source_path", "scrape_timeout", "storage_retention_size",
      "agent_mode", "remote_write",   "remote_read",    "with_tls"};
  static constexpr const char* kLists[] = {"additional_args", "external_alertmanagers",
                                           "external_labels", "pushgateways", "scrape_options"};
  std::vector<std::string> names;
  for (const char* name : kVariables) {
    const auto it = values.variables.find(name);
    if (it != values.variables.end() && !it->second.value.empty()) names.emplace_back(name);
  }
  for (const char* name : kLists) {
    const auto it = values.lists.find(name);
    if (it != values.lists.end() && !it->second.items.empty()) names.emplace_back(name);
  }
  const auto cluster = values.variables.find("external_cluster");
  if (cluster != values.variables.end() &&
      (cluster->second.value != values.variables.at("cluster_name").value ||
       values.variables.at("external_monitor").value != "prometheus")) {
    names.emplace_back("external_cluster");
  }
  // The default is what templates had before they could ask for it.
  const auto interval = values.variables.find("scrape_interval");
  if (interval != values.variables.end() && interval->second.value != "15s") {
    names.emplace_back("scrape_interval");
  }
  return names;
}

Values ConfigValues(const RenderInput& input) {
  Values values = CommonValues(*input.cluster, *input.instance);
  const components::Traits& traits = components::TraitsOf(input.instance->component);
  switch (traits.config) {
    case ConfigKind::kDmToml:
      AddDmValues(traits.dm_role, input, values);
      break;
    case ConfigKind::kPrometheus:
      AddPrometheusValues(input, values);
      break;
    case ConfigKind::kAlertmanager:
      AddAlertmanagerValues(input, values);
      break;
    case ConfigKind::kGrafana:
      AddGrafanaValues(input, values);
      break;
    case ConfigKind::kFlags:
      break;
  }
  return values;
}

absl::StatusOr<Values> UnitValues(const Cluster& cluster, const Instance& instance) {
  Values values = CommonValues(cluster, instance);
  Set(values, "run_script", RunScriptPath(instance));
  const bool hup = !components::TraitsOf(instance.component).reload_metrics.empty();
  SetOptional(values, "reload_by_hup", hup ? "yes" : "");
  AddSandbox(instance, &values);
  const v1::ResourceControl& control = instance.resource_control;
  std::vector<topology::Problem> problems;
  topology::CheckResourceControl(control, "resource_control", &problems);
  if (!problems.empty()) {
    Error error(absl::StatusCode::kInvalidArgument, "RESOURCE_CONTROL_INVALID",
                "systemd does not understand the resource_control of {}", instance.name);
    for (const auto& problem : problems) error.Field(problem.field, problem.text);
    return error.With("instance", instance.name);
  }
  const auto limit = [&](const char* name, const std::string& value) {
    values.variables[name] = {.value = value, .optional = true, .checked = true};
  };
  limit("memory_limit", control.memory_limit());
  limit("cpu_quota", control.cpu_quota());
  limit("io_read_bandwidth_max", control.io_read_bandwidth_max());
  limit("io_write_bandwidth_max", control.io_write_bandwidth_max());
  limit("limit_core", control.limit_core());
  limit("timeout_start_sec", control.timeout_start_sec());
  limit("timeout_stop_sec", control.timeout_stop_sec());
  return values;
}

}  // namespace dmgr::render
