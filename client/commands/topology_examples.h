// Topology files to begin with, as TiUP takes them, too.
#ifndef DMGR_CLIENT_COMMANDS_TOPOLOGY_EXAMPLES_H_
#define DMGR_CLIENT_COMMANDS_TOPOLOGY_EXAMPLES_H_

namespace dmgr::client {

// Three hosts, each with a dm-master and a dm-worker, and monitoring on one.
inline constexpr char kMinimalTopology[] =
    R"(# A cluster on three hosts. Register them first: dmgrctl machine add HOST
global:
  user: tidb
  deploy_dir: /dm-deploy
  data_dir: /dm-data

# An odd number: a majority of them must be up.
master_servers:
  - host: 10.0.1.11
  - host: 10.0.1.12
  - host: 10.0.1.13

# One for each source, and a spare one.
worker_servers:
  - host: 10.0.1.11
  - host: 10.0.1.12
  - host: 10.0.1.13

monitoring_servers:
  - host: 10.0.1.11
grafana_servers:
  - host: 10.0.1.11
alertmanager_servers:
  - host: 10.0.1.11
)";

// All on one host, to try things out.
inline constexpr char kLocalTopology[] =
    R"(# Everything on one host, to try things out: no failure of it is survived.
global:
  user: tidb
  deploy_dir: /dm-deploy
  data_dir: /dm-data

master_servers:
  - host: 127.0.0.1
    port: 8261
    peer_port: 8291

worker_servers:
  - host: 127.0.0.1
    port: 8262
  - host: 127.0.0.1
    port: 8263

monitoring_servers:
  - host: 127.0.0.1
grafana_servers:
  - host: 127.0.0.1
alertmanager_servers:
  - host: 127.0.0.1
)";

// Every key, most of them as comments with their defaults or an example.
inline constexpr char kFullTopology[] =
    R"(# Every key. What is a comment shows the default, or an example.
global:
  # Runs the processes; made on each host unless deploy gets --skip-create-user.
  user: tidb
  # group: tidb
  # ssh_port: 22
  # An instance's directory is {deploy_dir}/{component}-{port}.
  deploy_dir: /dm-deploy
  # Relative to an instance's deploy_dir unless it begins with a slash.
  data_dir: /dm-data
  # log_dir: log
  # Address that the instances listen on.
  # listen_host: 0.0.0.0
  # user: units of the user's own systemd, on machines that were added with --without-root.
  # systemd_mode: system
  # TLS between DM's processes, with certificates that dmgrd makes; stays as it is.
  # enable_tls: false
  # os: linux
  # arch: amd64
  # Limits of the units, in systemd's words.
  # resource_control:
  #   memory_limit: 4G
  #   cpu_quota: 200%
  #   io_read_bandwidth_max: /dev/sda 100M
  #   io_write_bandwidth_max: /dev/sda 100M
  #   limit_core: infinity
  #   timeout_start_sec: 90s
  #   timeout_stop_sec: 90s

# Exporters on every host, which clusters of the same user share; the package needs their tarballs.
# monitored:
#   node_exporter_port: 9100
#   blackbox_exporter_port: 9115
#   deploy_dir: /dm-deploy/monitor-9100
#   data_dir: data
#   log_dir: log
#   numa_node: "0"
#   resource_control: {memory_limit: 1G}
# Or one by one.
# node_exporter_servers:
#   - host: 10.0.1.11
# blackbox_exporter_servers:
#   - host: 10.0.1.11

# Of all instances of a component; what an instance says itself goes before.
server_configs:
  # As dm-master.toml.
  master:
    log-level: info
    # rpc-timeout: 30s
    # rpc-rate-limit: 10
    # rpc-rate-burst: 40
  # As dm-worker.toml.
  worker:
    log-level: info
    # keepalive-ttl: 60
  # As grafana.ini, by section.
  # grafana:
  #   users.default_theme: light

# An odd number: a majority of them must be up.
master_servers:
  - host: 10.0.1.11
    # name: dm-10.0.1.11-8261
    port: 8261
    peer_port: 8291
    # ssh_port: 22
    # Address for SSH and status, when it is another one than DM's.
    # manage_host: 192.168.1.11
    # deploy_dir: /dm-deploy/dm-master-8261
    # data_dir: /dm-data/dm-master-8261
    # log_dir: /dm-deploy/dm-master-8261/log
    # numa_node: "0,1"
    # resource_control: {memory_limit: 2G}
    # arch: amd64
    # os: linux
    # No exporters on this host.
    # ignore_exporter: true
    # Tables of dm-master.toml, before server_configs.
    # config:
    #   log-level: debug
    # v1_source_path: /path/of/v1/sources
  - host: 10.0.1.12
  - host: 10.0.1.13

# One for each source, and a spare one.
worker_servers:
  - host: 10.0.1.21
    # name: dm-10.0.1.21-8262
    port: 8262
    # config:
    #   log-level: debug
  - host: 10.0.1.22
  - host: 10.0.1.23

# Prometheus.
monitoring_servers:
  - host: 10.0.1.31
    # name: prometheus-10.0.1.31-9090
    port: 9090
    # storage_retention_time: 30d
    # storage_retention_size: 50GB
    # storage_retention: 30d
    # scrape_interval: 15s
    # scrape_timeout: 10s
    # additional_args: ["--web.enable-lifecycle"]
    # pushgateway_addrs: ["10.0.1.40:9091"]
    # external_alertmanagers:
    #   - host: 10.0.1.41
    #     web_port: 9093
    # remote_config:
    #   remote_write:
    #     - url: http://10.0.1.42:8480/insert/0/prometheus
    #   remote_read:
    #     - url: http://10.0.1.42:8481/select/0/prometheus
    # Merged into every scrape job.
    # additional_scrape_conf: {metric_relabel_configs: []}
    # enable_prom_agent_mode: false
    # Of all that it sends to others.
    # external_labels: {env: prod}
    # A folder with your own *.rules.yml, in place of the package's.
    # rule_dir: /path/to/rules

grafana_servers:
  - host: 10.0.1.31
    # name: grafana-10.0.1.31-3000
    port: 3000
    # username: admin
    # password: admin
    # anonymous_enable: false
    # root_url: http://%(domain)s:3000/
    # domain: grafana.example.com
    # default_theme: light
    # org_name: Main Org.
    # org_role: Viewer
    # A folder with your own dashboards.
    # dashboard_dir: /path/to/dashboards
    # Turns auth.ldap on.
    # ldap_config_file: /path/to/ldap.toml
    # config:
    #   smtp.enabled: true
    # Kept sealed, and never shown; passwords in config are moved here.
    # secret_config:
    #   smtp.password: "..."

alertmanager_servers:
  - host: 10.0.1.31
    # name: alertmanager-10.0.1.31-9093
    web_port: 9093
    cluster_port: 9094
    # listen_host: 0.0.0.0
    # Your own alertmanager.yml.
    # config_file: /path/to/alertmanager.yml
    # additional_args: []
)";

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_TOPOLOGY_EXAMPLES_H_
