// What makes one component differ from another, as data: one record for each. Code that treats
// components differently asks the record, so that a new one is added in one place and is forgotten
// in none.
#ifndef DMGR_COMMON_COMPONENTS_TRAITS_H_
#define DMGR_COMMON_COMPONENTS_TRAITS_H_

#include <span>
#include <string>
#include <string_view>

#include "common/components/component.h"

namespace dmgr::components {

using Texts = std::span<const std::string_view>;

// What it is to DM.
enum class DmRole {
  kMaster,  // A member of dm-master's own consensus.
  kWorker,  // Registered with the dm-masters; may have a source.
  kNone,    // DM knows nothing of it.
};

// Waves start one after another in this order, and stop in the reverse.
enum class Wave { kDmMaster, kDmWorker, kMonitoring };

// How its instances take turns when a cluster is restarted or upgraded while it works.
enum class Turns {
  kLeaderLast,  // One after another; which leads is known only then, and comes last.
  kOneByOne,    // One after another, after those before.
  kBesideDm,    // One after another; the work of DM does not depend on them.
};

struct Port {
  PortUse use;
  std::string_view field;  // In its section of the topology, such as "web_port".
  int usual;               // When the topology gives none.
};

// What it is configured by, beside the flags of its run script and its templates.
enum class ConfigKind {
  kDmToml,        // conf/<name>.toml: the package's, the topology's keys put over it.
  kPrometheus,    // Rules beside it, the topology's or the package's.
  kAlertmanager,  // conf/alertmanager.yml, the topology's or the package's.
  kGrafana,       // grafana.ini with the topology's keys at its end, and dashboards.
  kFlags,         // Nothing.
};

// In a package.
enum class Packing {
  kPrograms,  // Its programs are in the package's bin/.
  kGrafana,   // An archive of its own, grafana.tar.gz, with all that Grafana needs.
};

// A program; on a host it is bin/<name> below the deploy directory.
struct Program {
  std::string_view name;
  bool required = true;  // Else the package may lack it.
};

enum class Syntax { kShell, kIni, kYaml, kUnit };
enum class When { kAlways, kFounding, kJoining };
struct Template {
  std::string_view name;    // Below template/ in a package.
  std::string_view target;  // Below the deploy directory.
  Syntax syntax;
  unsigned mode = 0644;
  When when = When::kAlways;
  bool secret = false;  // What is made of it holds a secret, always.
};

// Makes the systemd unit of every component.
inline constexpr std::string_view kUnitTemplate = "systemd.service.tmpl";

enum class HealthKind {
  kDmStatus,  // DM's own status page.
  kPages,     // Answers 200 where it is ready.
  kMetrics,   // Answers /metrics where it is ready.
};
struct Health {
  HealthKind kind;
  // Of kPages: paths, and the keys that lead to the version in the second one's JSON. Of kMetrics:
  // the metric that has the version as a label.
  std::string_view ready = {};
  std::string_view version = {};
  Texts version_keys = {};
};

// A tool of its release that says whether a configuration file is right.
struct Checker {
  std::string_view program;  // Such as "bin/promtool"; empty: there is none.
  Texts arguments;
  std::string_view file;  // Below the deploy directory.
};

// What has no default here must be given: the compiler refuses a record that lacks it.
struct Traits {
  Component component;
  std::string_view name;

  // Topology: the repeated field of its servers; where server_configs has its keys, or empty; and
  // what the default name of an instance begins with. The first port is the service port.
  std::string_view section;
  std::string_view config_section = {};
  std::string_view name_prefix;
  std::span<const Port> ports;
  // The field of "monitored" with its port: it is an exporter, one of which serves its whole host,
  // and all clusters there. Else empty.
  std::string_view monitored_port = {};

  // Running.
  DmRole dm_role;
  Wave wave;
  Turns turns;
  Health health;
  // Reads its configuration again at a HUP; then its metrics that tell begin so. Else empty.
  std::string_view reload_metrics = {};
  // Components whose coming and going it learns only when it starts.
  std::span<const Component> learns_at_start = {};
  // What the kernel must let its process do, though it does not run as root.
  std::string_view capabilities = {};
  // What the template of Prometheus calls the list of its addresses.
  std::string_view scraped_as;

  // Package. The first program is what the component is: what a patch replaces, and what is asked
  // for its version, by version_flag.
  std::span<const Program> programs;
  std::string_view version_flag;
  Packing packing;
  // What its published tarball is called, where that is not its name.
  std::string_view tarball = {};
  // A folder of its tarball without which its program is not whole, or empty.
  std::string_view tarball_tree = {};
  // Its tarball must be of the cluster's version.
  bool dm_version = false;
  // A package may lack it, with all that belongs to it; then no cluster of that version has it.
  bool optional = false;
  // What a package must have beside programs and templates, by path.
  Texts package_files = {};
  Texts package_dirs = {};

  // On a host.
  ConfigKind config;
  std::span<const Template> templates;
  Checker checker = {};
  // Directories beside bin, scripts, conf, data and log.
  Texts dirs = {};
  // What its release has beside bin; and those of it that are not placed, since it writes there.
  Texts trees = {};
  Texts own_trees = {};
  // Where TiUP has its programs, below bin; empty: where dmgr has them.
  std::string_view tiup_folder = {};

  constexpr const Port& service_port() const { return ports.front(); }
  constexpr const Program& program() const { return programs.front(); }
  constexpr std::string_view tarball_name() const { return tarball.empty() ? name : tarball; }
  // "bin/dm-master": in its release as below the deploy directory.
  std::string program_path() const { return "bin/" + std::string(program().name); }
};

// The record of a component. Lives as long as the program.
const Traits& TraitsOf(Component component);

}  // namespace dmgr::components

#endif  // DMGR_COMMON_COMPONENTS_TRAITS_H_
