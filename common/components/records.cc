// The records. A component that is forgotten here, or a field that is left empty, does not compile.
#include <algorithm>
#include <iterator>

#include "common/components/traits.h"

namespace dmgr::components {
namespace {

constexpr Port kMasterPorts[] = {{PortUse::kService, "port", 8261},
                                 {PortUse::kPeer, "peer_port", 8291}};
constexpr Program kMasterPrograms[] = {{"dm-master"}};
constexpr std::string_view kMasterFiles[] = {"conf/dm-master.toml"};
constexpr Template kMasterTemplates[] = {
    {"run_dm-master.sh.tmpl", "scripts/run_dm-master.sh", Syntax::kShell, 0755, When::kFounding},
    {"run_dm-master-scale.sh.tmpl", "scripts/run_dm-master.sh", Syntax::kShell, 0755,
     When::kJoining}};
constexpr Traits kDmMaster = {
    .component = Component::kDmMaster,
    .name = "dm-master",
    .section = "master_servers",
    .config_section = "master",
    .name_prefix = "dm",
    .ports = kMasterPorts,
    .dm_role = DmRole::kMaster,
    .wave = Wave::kDmMaster,
    .turns = Turns::kLeaderLast,
    .health = {.kind = HealthKind::kDmStatus},
    .scraped_as = "dm_masters",
    .programs = kMasterPrograms,
    .version_flag = "-V",
    .packing = Packing::kPrograms,
    .dm_version = true,
    .package_files = kMasterFiles,
    .config = ConfigKind::kDmToml,
    .templates = kMasterTemplates,
    .tiup_folder = "dm-master",
};

constexpr Port kWorkerPorts[] = {{PortUse::kService, "port", 8262}};
constexpr Program kWorkerPrograms[] = {{"dm-worker"}};
constexpr std::string_view kWorkerFiles[] = {"conf/dm-worker.toml"};
constexpr Template kWorkerTemplates[] = {
    {"run_dm-worker.sh.tmpl", "scripts/run_dm-worker.sh", Syntax::kShell, 0755}};
constexpr Traits kDmWorker = {
    .component = Component::kDmWorker,
    .name = "dm-worker",
    .section = "worker_servers",
    .config_section = "worker",
    .name_prefix = "dm",
    .ports = kWorkerPorts,
    .dm_role = DmRole::kWorker,
    .wave = Wave::kDmWorker,
    .turns = Turns::kOneByOne,
    .health = {.kind = HealthKind::kDmStatus},
    .scraped_as = "dm_workers",
    .programs = kWorkerPrograms,
    .version_flag = "-V",
    .packing = Packing::kPrograms,
    .dm_version = true,
    .package_files = kWorkerFiles,
    .config = ConfigKind::kDmToml,
    .templates = kWorkerTemplates,
    .tiup_folder = "dm-worker",
};

constexpr Port kPrometheusPorts[] = {{PortUse::kService, "port", 9090}};
constexpr Program kPrometheusPrograms[] = {{"prometheus"}, {"promtool", /*required=*/false}};
constexpr std::string_view kPrometheusFiles[] = {"conf/dm_worker.rules.yml"};
constexpr std::string_view kPrometheusVersion[] = {"data", "version"};
constexpr std::string_view kPromtoolArguments[] = {"check", "config"};
constexpr Template kPrometheusTemplates[] = {
    {"run_prometheus.sh.tmpl", "scripts/run_prometheus.sh", Syntax::kShell, 0755},
    {"prometheus.yml.tmpl", "conf/prometheus.yml", Syntax::kYaml}};
constexpr Traits kPrometheus = {
    .component = Component::kPrometheus,
    .name = "prometheus",
    .section = "monitoring_servers",
    .name_prefix = "prometheus",
    .ports = kPrometheusPorts,
    .dm_role = DmRole::kNone,
    .wave = Wave::kMonitoring,
    .turns = Turns::kBesideDm,
    .health = {HealthKind::kPages, "/-/ready", "/api/v1/status/buildinfo", kPrometheusVersion},
    .reload_metrics = "prometheus_config_last_reload_",
    .scraped_as = "prometheuses",
    .programs = kPrometheusPrograms,
    .version_flag = "--version",
    .packing = Packing::kPrograms,
    .package_files = kPrometheusFiles,
    .config = ConfigKind::kPrometheus,
    .templates = kPrometheusTemplates,
    // With the rules that it names.
    .checker = {"bin/promtool", kPromtoolArguments, "conf/prometheus.yml"},
    .tiup_folder = "prometheus",
};

constexpr Port kAlertmanagerPorts[] = {{PortUse::kService, "web_port", 9093},
                                       {PortUse::kCluster, "cluster_port", 9094}};
constexpr Program kAlertmanagerPrograms[] = {{"alertmanager"}, {"amtool", /*required=*/false}};
constexpr std::string_view kAlertmanagerFiles[] = {"conf/alertmanager.yml"};
constexpr std::string_view kAlertmanagerVersion[] = {"versionInfo", "version"};
constexpr std::string_view kAmtoolArguments[] = {"check-config"};
// Its peers.
constexpr Component kAlertmanagerLearns[] = {Component::kAlertmanager};
constexpr Template kAlertmanagerTemplates[] = {
    {"run_alertmanager.sh.tmpl", "scripts/run_alertmanager.sh", Syntax::kShell, 0755}};
constexpr Traits kAlertmanager = {
    .component = Component::kAlertmanager,
    .name = "alertmanager",
    .section = "alertmanager_servers",
    .name_prefix = "alertmanager",
    .ports = kAlertmanagerPorts,
    .dm_role = DmRole::kNone,
    .wave = Wave::kMonitoring,
    .turns = Turns::kBesideDm,
    .health = {HealthKind::kPages, "/-/ready", "/api/v2/status", kAlertmanagerVersion},
    .reload_metrics = "alertmanager_config_last_reload_",
    .learns_at_start = kAlertmanagerLearns,
    .scraped_as = "alertmanagers",
    .programs = kAlertmanagerPrograms,
    .version_flag = "--version",
    .packing = Packing::kPrograms,
    .package_files = kAlertmanagerFiles,
    .config = ConfigKind::kAlertmanager,
    .templates = kAlertmanagerTemplates,
    .checker = {"bin/amtool", kAmtoolArguments, "conf/alertmanager.yml"},
    .tiup_folder = "alertmanager",
};

constexpr Port kGrafanaPorts[] = {{PortUse::kService, "port", 3000}};
// From version 10 on the first two only call the third.
constexpr Program kGrafanaPrograms[] = {
    {"grafana-server"}, {"grafana-cli"}, {"grafana", /*required=*/false}};
constexpr std::string_view kGrafanaFiles[] = {"grafana.tar.gz", "grafana/dashboards/dm.json",
                                              "grafana/dashboards/dm_instances.json"};
constexpr std::string_view kGrafanaPackageDirs[] = {"grafana/plugins",
                                                    "grafana/provisioning/dashboards",
                                                    "grafana/provisioning/datasources",
                                                    "grafana/homepath/public",
                                                    "grafana/homepath/scripts",
                                                    "grafana/homepath/notifiers"};
constexpr std::string_view kGrafanaVersion[] = {"version"};
// Its data source.
constexpr Component kGrafanaLearns[] = {Component::kPrometheus};
constexpr std::string_view kGrafanaDirs[] = {"plugins", "dashboards", "provisioning",
                                             "provisioning/datasources", "provisioning/dashboards"};
constexpr std::string_view kGrafanaTrees[] = {"homepath", "plugins"};
constexpr std::string_view kGrafanaOwnTrees[] = {"plugins"};
constexpr Template kGrafanaTemplates[] = {
    {"run_grafana.sh.tmpl", "scripts/run_grafana.sh", Syntax::kShell, 0755},
    {"grafana.ini.tmpl", "conf/grafana.ini", Syntax::kIni, 0600, When::kAlways, /*secret=*/true},
    {"datasource.yml.tmpl", "provisioning/datasources/datasource.yml", Syntax::kYaml},
    {"dashboard.yml.tmpl", "provisioning/dashboards/dashboard.yml", Syntax::kYaml}};
constexpr Traits kGrafana = {
    .component = Component::kGrafana,
    .name = "grafana",
    .section = "grafana_servers",
    .config_section = "grafana",
    .name_prefix = "grafana",
    .ports = kGrafanaPorts,
    .dm_role = DmRole::kNone,
    .wave = Wave::kMonitoring,
    .turns = Turns::kBesideDm,
    .health = {HealthKind::kPages, "/api/health", "/api/health", kGrafanaVersion},
    .learns_at_start = kGrafanaLearns,
    .scraped_as = "grafanas",
    .programs = kGrafanaPrograms,
    .version_flag = "-v",
    .packing = Packing::kGrafana,
    .tarball_tree = "public",
    .package_files = kGrafanaFiles,
    .package_dirs = kGrafanaPackageDirs,
    .config = ConfigKind::kGrafana,
    .templates = kGrafanaTemplates,
    .dirs = kGrafanaDirs,
    .trees = kGrafanaTrees,
    .own_trees = kGrafanaOwnTrees,
};

constexpr Port kNodeExporterPorts[] = {{PortUse::kService, "port", 9100}};
constexpr Program kNodeExporterPrograms[] = {{"node_exporter"}};
constexpr Template kNodeExporterTemplates[] = {
    {"run_node-exporter.sh.tmpl", "scripts/run_node-exporter.sh", Syntax::kShell, 0755}};
constexpr std::string_view kNodeExporterFiles[] = {"conf/node_exporter.rules.yml",
                                                   "grafana/dashboards/hosts.json"};
constexpr Traits kNodeExporter = {
    .component = Component::kNodeExporter,
    .name = "node-exporter",
    .section = "node_exporter_servers",
    .name_prefix = "node-exporter",
    .ports = kNodeExporterPorts,
    .monitored_port = "node_exporter_port",
    .dm_role = DmRole::kNone,
    .wave = Wave::kMonitoring,
    .turns = Turns::kBesideDm,
    .health = {.kind = HealthKind::kMetrics, .version = "node_exporter_build_info"},
    .scraped_as = "node_exporters",
    .programs = kNodeExporterPrograms,
    .version_flag = "--version",
    .packing = Packing::kPrograms,
    .tarball = "node_exporter",
    .optional = true,
    .package_files = kNodeExporterFiles,
    .config = ConfigKind::kFlags,
    .templates = kNodeExporterTemplates,
};

constexpr Port kBlackboxPorts[] = {{PortUse::kService, "port", 9115}};
constexpr Program kBlackboxPrograms[] = {{"blackbox_exporter"}};
constexpr std::string_view kBlackboxArguments[] = {"--config.check", "--config.file"};
constexpr Template kBlackboxTemplates[] = {
    {"run_blackbox-exporter.sh.tmpl", "scripts/run_blackbox-exporter.sh", Syntax::kShell, 0755},
    {"blackbox.yml.tmpl", "conf/blackbox.yml", Syntax::kYaml}};
constexpr std::string_view kBlackboxFiles[] = {"conf/blackbox_exporter.rules.yml"};
constexpr Traits kBlackboxExporter = {
    .component = Component::kBlackboxExporter,
    .name = "blackbox-exporter",
    .section = "blackbox_exporter_servers",
    .name_prefix = "blackbox-exporter",
    .ports = kBlackboxPorts,
    .monitored_port = "blackbox_exporter_port",
    .dm_role = DmRole::kNone,
    .wave = Wave::kMonitoring,
    .turns = Turns::kBesideDm,
    .health = {.kind = HealthKind::kMetrics, .version = "blackbox_exporter_build_info"},
    .reload_metrics = "blackbox_exporter_config_last_reload_",
    // Its probes by ICMP.
    .capabilities = "CAP_NET_RAW",
    .scraped_as = "blackbox_exporters",
    .programs = kBlackboxPrograms,
    .version_flag = "--version",
    .packing = Packing::kPrograms,
    .tarball = "blackbox_exporter",
    .optional = true,
    .package_files = kBlackboxFiles,
    .config = ConfigKind::kFlags,
    .templates = kBlackboxTemplates,
    .checker = {"bin/blackbox_exporter", kBlackboxArguments, "conf/blackbox.yml"},
};

// Without a default: the compiler names the component that is missing.
constexpr const Traits& Record(Component component) {
  switch (component) {
    case Component::kDmMaster:
      return kDmMaster;
    case Component::kDmWorker:
      return kDmWorker;
    case Component::kPrometheus:
      return kPrometheus;
    case Component::kAlertmanager:
      return kAlertmanager;
    case Component::kGrafana:
      return kGrafana;
    case Component::kNodeExporter:
      return kNodeExporter;
    case Component::kBlackboxExporter:
      return kBlackboxExporter;
  }
  return kDmMaster;
}

constexpr bool HasPorts(const Traits& traits) {
  return !traits.ports.empty() && traits.service_port().use == PortUse::kService &&
         std::ranges::all_of(traits.ports, [](const Port& port) {
           return !port.field.empty() && port.usual > 0 && port.usual < 65536;
         });
}

constexpr bool HasHealth(const Traits& traits) {
  const Health& health = traits.health;
  switch (health.kind) {
    case HealthKind::kDmStatus:
      return traits.dm_role != DmRole::kNone;
    case HealthKind::kPages:
      return !health.ready.empty() && !health.version.empty() && !health.version_keys.empty();
    case HealthKind::kMetrics:
      return !health.version.empty();
  }
  return false;
}

constexpr bool HasRunScript(const Traits& traits, When when) {
  return std::ranges::count_if(traits.templates, [&](const Template& one) {
           return one.syntax == Syntax::kShell && (one.when == When::kAlways || one.when == when);
         }) == 1;
}

constexpr bool IsFilled(Component component) {
  const Traits& traits = Record(component);
  return traits.component == component && !traits.name.empty() && !traits.section.empty() &&
         !traits.name_prefix.empty() && HasPorts(traits) && HasHealth(traits) &&
         !traits.scraped_as.empty() && !traits.programs.empty() && traits.program().required &&
         !traits.version_flag.empty() && HasRunScript(traits, When::kFounding) &&
         HasRunScript(traits, When::kJoining) &&
         traits.checker.program.empty() == traits.checker.file.empty();
}
static_assert(std::ranges::all_of(kComponents, IsFilled));

}  // namespace

const Traits& TraitsOf(Component component) { return Record(component); }

std::string_view Name(Component component) { return Record(component).name; }

std::optional<Component> ParseComponent(std::string_view name) {
  const auto* found = std::ranges::find(kComponents, name, Name);
  return found == std::end(kComponents) ? std::nullopt : std::optional(*found);
}

}  // namespace dmgr::components
