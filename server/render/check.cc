// What an upload is checked with: every template is rendered with values of which each optional
// one is there, and again with none of them.
#include <algorithm>
#include <memory>

#include "common/components/traits.h"
#include "common/error.h"
#include "server/render/render.h"
#include "server/render/template.h"
#include "server/render/toml_config.h"
#include "server/render/values.h"

namespace dmgr::render {
namespace {

using topology::Cluster;
using topology::Component;
using topology::Instance;

void AddSampleOptions(Instance* instance) {
  v1::MonitoringServer& monitoring = instance->monitoring;
  monitoring.set_scrape_interval("30s");
  monitoring.set_scrape_timeout("5s");
  monitoring.set_storage_retention_size("50GB");
  monitoring.set_enable_prom_agent_mode(true);
  monitoring.add_additional_args("--query.timeout=5m");
  monitoring.add_pushgateway_addrs("h9.example.org:9091");
  monitoring.add_external_alertmanagers()->set_host("h9.example.org");
  auto& remote = *monitoring.mutable_remote_config();
  for (auto* entry : {remote.add_remote_write(), remote.add_remote_read()}) {
    (*entry->mutable_fields())["url"].set_string_value("http://h9.example.org/");
  }
  (*monitoring.mutable_external_labels()->mutable_fields())["env"].set_string_value("prod");
  (*monitoring.mutable_additional_scrape_conf()->mutable_fields())["scheme"].set_string_value(
      "http");
  instance->alertmanager.add_additional_args("--log.format=json");
}

Instance SampleInstance(Component component, int number, bool everything) {
  Instance instance;
  const std::string name(topology::Name(component));
  instance.name = fmt::format("{}-{}", name, number);
  instance.component = component;
  instance.host = fmt::format("h{}.example.org", number);
  instance.port = 8000 + number;
  instance.peer_port = 8100 + number;
  instance.cluster_port = 8200 + number;
  instance.listen_host = "0.0.0.0";
  instance.deploy_dir = "/home/tidb/deploy/" + instance.name;
  instance.data_dir = instance.deploy_dir + "/data";
  instance.log_dir = instance.deploy_dir + "/log";
  instance.storage_retention = "30d";
  instance.grafana_user = "admin";
  if (everything) {
    instance.tls = std::make_shared<const topology::Tls>();
    AddSampleOptions(&instance);
    instance.numa_node = "0,1";
    instance.v1_source_path = "/home/tidb/v1";
    instance.resource_control.set_memory_limit("4G");
    instance.resource_control.set_cpu_quota("200%");
    instance.resource_control.set_io_read_bandwidth_max("/dev/sda 100M");
    instance.resource_control.set_io_write_bandwidth_max("/dev/sda 100M");
    instance.resource_control.set_limit_core("infinity");
    instance.resource_control.set_timeout_start_sec("60s");
    instance.resource_control.set_timeout_stop_sec("90s");
  }
  return instance;
}

Cluster SampleCluster(bool everything) {
  Cluster cluster;
  cluster.name = "sample";
  cluster.version = "v7.5.1";
  cluster.user = "tidb";
  cluster.group = "tidb";
  for (const Component component : topology::kComponents) {
    for (int number = 1; number <= (everything ? 2 : 1); ++number) {
      cluster.instances.push_back(SampleInstance(component, number, everything));
    }
  }
  return cluster;
}

const std::string* TemplateText(const PackageFiles& package, const std::string& path) {
  const auto text = package.find(path);
  // That a part is missing is said by who checks the parts.
  return text == package.end() ? nullptr : &text->second;
}

void CheckInstance(const Instance& instance, const PackageFiles& package, const Cluster& cluster,
                   std::vector<std::string>* problems) {
  const Values values = ConfigValues({.cluster = &cluster,
                                      .instance = &instance,
                                      .package = &package,
                                      .join = {"h1.example.org:8001"},
                                      .grafana_password = "secret"});
  for (const components::Template& one : components::TraitsOf(instance.component).templates) {
    const std::string path = fmt::format("template/{}", one.name);
    if (const std::string* text = TemplateText(package, path); text != nullptr) {
      RenderTemplate(path, one.syntax, *text, values, problems);
    }
  }
}

void CheckUnit(const Instance& instance, const PackageFiles& package, const Cluster& cluster,
               std::vector<std::string>* problems) {
  const std::string path = fmt::format("template/{}", components::kUnitTemplate);
  const std::string* text = TemplateText(package, path);
  if (text == nullptr) return;
  // Samples are of the right form.
  RenderTemplate(path, Kind::kUnit, *text, UnitValues(cluster, instance).value(), problems);
}

void CheckDmTomls(const PackageFiles& package, std::vector<std::string>* problems) {
  for (const Component component : topology::kComponents) {
    const components::Traits& traits = components::TraitsOf(component);
    if (traits.config != components::ConfigKind::kDmToml) continue;
    const std::string path = DmTomlPath(traits);
    const std::string* text = TemplateText(package, path);
    if (text == nullptr) continue;
    if (std::string problem = TomlProblem(path, *text); !problem.empty()) {
      problems->push_back(std::move(problem));
    }
  }
}

}  // namespace

std::vector<std::string> CheckTemplates(const PackageFiles& package) {
  std::vector<std::string> problems;
  for (const bool everything : {true, false}) {
    const Cluster cluster = SampleCluster(everything);
    for (const Instance& instance : cluster.instances) {
      CheckInstance(instance, package, cluster, &problems);
      CheckUnit(instance, package, cluster, &problems);
    }
  }
  CheckDmTomls(package, &problems);
  // The same fault shows with several samples.
  std::vector<std::string> once;
  for (auto& problem : problems) {
    if (std::find(once.begin(), once.end(), problem) == once.end()) {
      once.push_back(std::move(problem));
    }
  }
  return once;
}

}  // namespace dmgr::render
