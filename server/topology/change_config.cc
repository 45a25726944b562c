// Another configuration for a cluster that exists: what stays by itself, and what must stay.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "server/topology/made_of.h"

namespace dmgr::topology {
namespace {

void Keep(const v1::MonitoringServer& now, const v1::MonitoringServer* recorded,
          v1::MonitoringServer* server) {
  if (recorded != nullptr && recorded->rule_dir() == server->rule_dir() &&
      server->rule_files().empty()) {
    *server->mutable_rule_files() = now.rule_files();
  }
  if (!server->has_remote_config() && now.has_remote_config()) {
    *server->mutable_remote_config() = now.remote_config();
  }
  if (!server->has_additional_scrape_conf() && now.has_additional_scrape_conf()) {
    *server->mutable_additional_scrape_conf() = now.additional_scrape_conf();
  }
  if (server->additional_args().empty()) {
    *server->mutable_additional_args() = now.additional_args();
  }
}

void Keep(const v1::AlertmanagerServer& now, const v1::AlertmanagerServer* recorded,
          v1::AlertmanagerServer* server) {
  if (recorded != nullptr && recorded->config_file() == server->config_file() &&
      !server->has_config_file_content() && now.has_config_file_content()) {
    *server->mutable_config_file_content() = now.config_file_content();
  }
  if (server->additional_args().empty()) {
    *server->mutable_additional_args() = now.additional_args();
  }
}

void Keep(const v1::GrafanaServer& now, const v1::GrafanaServer* recorded,
          v1::GrafanaServer* server) {
  if (recorded != nullptr && recorded->dashboard_dir() == server->dashboard_dir() &&
      server->dashboards().empty()) {
    *server->mutable_dashboards() = now.dashboards();
  }
  if (recorded != nullptr && recorded->ldap_config_file() == server->ldap_config_file() &&
      !server->has_ldap_config_content() && now.has_ldap_config_content()) {
    *server->mutable_ldap_config_content() = now.ldap_config_content();
  }
  KeepSecrets(now, server);
}

}  // namespace

void KeepSecrets(const v1::GrafanaServer& from, v1::GrafanaServer* server) {
  const auto& kept = from.secret_config().fields();
  if (!kept.empty())
    server->mutable_secret_config()->mutable_fields()->insert(kept.begin(), kept.end());
}

namespace {

template <typename Section>
void KeepEach(const Section& section, const Cluster& cluster, const v1::Topology& recorded,
              v1::Topology* wanted) {
  const std::vector<const Instance*> instances = cluster.Of(section.component);
  for (auto& server : section.Of(wanted)) {
    for (const Instance* instance : instances) {
      if (!MadeOf(*instance, server)) continue;
      Keep(instance->*section.options, FindServer(*instance, section.Of(recorded)), &server);
    }
  }
}

// An instance of a wanted topology, and its entry there.
struct Entry {
  const Instance* instance = nullptr;
  const v1::Placement* placement = nullptr;
  std::string field;
};

// Instances are in the order of their entries.
std::vector<Entry> EntriesOf(const Cluster& wanted, const v1::Topology& topology) {
  std::vector<Entry> entries;
  ForEachSection([&](const auto& section) {
    const std::vector<const Instance*> instances = wanted.Of(section.component);
    const std::string_view name = components::TraitsOf(section.component).section;
    const auto& servers = section.Of(topology);
    for (int i = 0; i < servers.size() && i < static_cast<int>(instances.size()); ++i) {
      entries.push_back({instances[static_cast<std::size_t>(i)], &servers[i].placement(),
                         fmt::format("topology.{}[{}]", name, i)});
    }
  });
  return entries;
}

class FixedCheck {
 public:
  FixedCheck(const Cluster& cluster, const Cluster& wanted, std::vector<Problem>* problems)
      : cluster_(cluster), wanted_(wanted), problems_(problems) {}

  void Run(const v1::Topology& topology) {
    Same("topology.global.user", "the user", cluster_.user, wanted_.user);
    Same("topology.global.group", "the group", cluster_.group, wanted_.group);
    Same("topology.global.systemd_mode", "the systemd_mode", ModeOf(cluster_), ModeOf(wanted_));
    Same("topology.global.enable_tls", "TLS", TlsOf(cluster_), TlsOf(wanted_));
    const std::vector<Entry> entries = EntriesOf(wanted_, topology);
    for (const Component component : kComponents) CheckComponent(component, entries);
  }

 private:
  static std::string ModeOf(const Cluster& cluster) {
    return cluster.user_mode ? "user" : "system";
  }
  static std::string TlsOf(const Cluster& cluster) { return cluster.enable_tls ? "on" : "off"; }
  using Instances = std::vector<const Instance*>;

  void Report(const std::string& field, std::string text) {
    // What many instances inherit is said once.
    if (reported_.insert(field).second) problems_->push_back({field, std::move(text)});
  }

  template <typename T>
  void Same(const std::string& field, const std::string& what, const T& now, const T& then) {
    if (now == then) return;
    Report(field, fmt::format("{} stays {} as long as the cluster lives, and cannot become {}",
                              what, now, then));
  }

  static const Instance* Find(const std::string& name, const Instances& instances) {
    const auto found = std::find_if(instances.begin(), instances.end(),
                                    [&](const Instance* one) { return one->name == name; });
    return found == instances.end() ? nullptr : *found;
  }

  // Those of the same name belong together; of the others, in their order, when there are as many.
  void CheckComponent(Component component, const std::vector<Entry>& entries) {
    const Instances now = cluster_.Of(component);
    const Instances then = wanted_.Of(component);
    Instances gone;
    for (const Instance* instance : now) {
      if (Find(instance->name, then) == nullptr) gone.push_back(instance);
    }
    std::vector<const Entry*> fresh;
    for (const Entry& entry : entries) {
      if (entry.instance->component != component) continue;
      const Instance* old = Find(entry.instance->name, now);
      if (old == nullptr) {
        fresh.push_back(&entry);
      } else {
        CheckInstance(*old, entry);
      }
    }
    if (fresh.size() == gone.size()) {
      for (std::size_t i = 0; i < fresh.size(); ++i) CheckInstance(*gone[i], *fresh[i]);
      return;
    }
    for (const Entry* entry : fresh) {
      Report(entry->field, fmt::format("{} is not an instance of {}: new ones are added by "
                                       "scaling the cluster out",
                                       entry->instance->name, cluster_.name));
    }
    for (const Instance* instance : gone) {
      problems_->push_back({"topology", fmt::format("{} {} is missing: instances are taken away by "
                                                    "scaling the cluster in",
                                                    Name(component), instance->name)});
    }
  }

  void CheckInstance(const Instance& old, const Entry& entry) {
    const Instance& now = *entry.instance;
    const auto what = [&](std::string_view key) {
      return fmt::format("the {} of {}", key, old.name);
    };
    const auto field = [&](std::string_view key) { return fmt::format("{}.{}", entry.field, key); };
    const auto ports = components::TraitsOf(old.component).ports;
    const std::string_view service = ports.front().field;
    if (old.host != now.host || old.machine_id != now.machine_id) {
      Same(field("placement.host"), what("host"), old.host,
           old.host == now.host ? now.machine_id : now.host);
    } else if (old.port != now.port) {
      Same(field(service), what(service), old.port, now.port);
    } else {
      Same(field("name"), what("name"), old.name, now.name);
    }
    Same(field("placement.manage_host"), what("manage_host"), old.manage_host, now.manage_host);
    for (const components::Port& port : ports.subspan(1)) {
      Same(field(port.field), what(port.field), old.PortFor(port.use), now.PortFor(port.use));
    }
    Same(field("v1_source_path"), what("v1_source_path"), old.v1_source_path, now.v1_source_path);
    Same(field("username"), what("username"), old.grafana_user, now.grafana_user);
    // Directories follow the port.
    if (old.port != now.port) return;
    const v1::Placement& own = *entry.placement;
    Dir("deploy_dir", own.deploy_dir(), what("deploy_dir"), old.deploy_dir, now.deploy_dir, entry);
    Dir("data_dir", own.data_dir(), what("data_dir"), old.data_dir, now.data_dir, entry);
    Dir("log_dir", own.log_dir(), what("log_dir"), old.log_dir, now.log_dir, entry);
  }

  void Dir(const std::string& key, const std::string& own, const std::string& what,
           const std::string& old, const std::string& now, const Entry& entry) {
    Same(own.empty() ? "topology.global." + key : entry.field + ".placement." + key, what, old,
         now);
  }

  const Cluster& cluster_;
  const Cluster& wanted_;
  std::vector<Problem>* problems_;
  std::set<std::string> reported_;
};

}  // namespace

void KeepWriteOnly(const Cluster& cluster, const v1::Topology& recorded, v1::Topology* wanted) {
  ForEachSection([&](const auto& section) {
    if constexpr (std::decay_t<decltype(section)>::kHasOptions) {
      KeepEach(section, cluster, recorded, wanted);
    }
  });
}

void CheckFixed(const Cluster& cluster, const Cluster& wanted, const v1::Topology& topology,
                std::vector<Problem>* problems) {
  FixedCheck(cluster, wanted, problems).Run(topology);
}

}  // namespace dmgr::topology
