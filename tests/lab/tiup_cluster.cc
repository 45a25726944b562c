#include "tests/lab/tiup_cluster.h"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <set>

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kUser[] = "dmtiup";
constexpr char kDeploy[] = "/tiup-deploy";
constexpr char kData[] = "/tiup-data";
constexpr int kMasterPort = 28261;
constexpr int kPeerPort = 28291;
constexpr int kWorkerPort = 28262;

constexpr char kUnit[] = R"([Unit]
Description={0} service
After=syslog.target network.target remote-fs.target nss-lookup.target

[Service]
LimitNOFILE=1000000
LimitSTACK=10485760
User={1}
ExecStart=/bin/bash -c '{2}/scripts/run_{0}.sh'
Restart=always

RestartSec=15s

[Install]
WantedBy=multi-user.target
)";

void Write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TiupCluster::TiupCluster(Site* site)
    : site_(*site),
      nodes_({{"h1", "dm-master", kMasterPort},
              {"h2", "dm-master", kMasterPort},
              {"h3", "dm-master", kMasterPort},
              {"h2", "dm-worker", kWorkerPort},
              {"h3", "dm-worker", kWorkerPort}}),
      folder_(site->daemon().dir() / "tiup/clusters/foreign") {
  // Of a program that was killed.
  Remove();
  for (const auto& host : Site::Hosts()) {
    site_.lab().Ssh(host, fmt::format("useradd --create-home {}", kUser));
  }
  for (const auto& node : nodes_) Lay(node);
  WriteMeta();
  for (const auto& host : Site::Hosts()) {
    std::string units;
    for (const auto& node : nodes_) {
      if (node.host == host) units += " " + node.Name() + ".service";
    }
    site_.lab().Ssh(host,
                    fmt::format("chown -R {0}: {1} {2} && chmod +x {1}/*/scripts/*.sh && "
                                "systemctl daemon-reload && systemctl enable --now --quiet{3}",
                                kUser, kDeploy, kData, units));
  }
  REQUIRE(Eventually([&] {
    const auto members = nlohmann::json::parse(HttpBody(master_url() + "/apis/v1alpha1/members"),
                                               nullptr, /*allow_exceptions=*/false);
    const std::string text = members.is_discarded() ? "" : members.dump();
    return text.find("\"free\"") != std::string::npos &&
           text.find("tiup-worker-h2") != std::string::npos &&
           text.find("tiup-worker-h3") != std::string::npos;
  }));
}

TiupCluster::~TiupCluster() {
  try {
    if (site_.Exists("foreign")) {
      site_.Ctl({"cluster", "release", "foreign", "--output", folder_ + "/released.yaml", "--yes"});
    }
    Remove();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

std::string TiupCluster::meta() const { return folder_ + "/meta.yaml"; }

std::string TiupCluster::master_url() const {
  return fmt::format("http://{}:{}", site_.Address("h1"), kMasterPort);
}

std::string TiupCluster::Script(const Node& node) const {
  const std::string& address = site_.Address(node.host);
  const std::string deploy = fmt::format("{}/{}", kDeploy, node.Name());
  const std::string head = fmt::format(
      "#!/bin/bash\nset -e\n\n# WARNING: This file was auto-generated. Do not edit!\n"
      "DEPLOY_DIR={}\n\ncd \"${{DEPLOY_DIR}}\" || exit 1\n\n",
      deploy);
  std::string masters;
  std::string initial;
  for (const auto& other : nodes_) {
    if (other.component != "dm-master") continue;
    const std::string comma = masters.empty() ? "" : ",";
    masters += fmt::format("{}{}:{}", comma, site_.Address(other.host), kMasterPort);
    initial += fmt::format("{}tiup-master-{}=http://{}:{}", comma, other.host,
                           site_.Address(other.host), kPeerPort);
  }
  if (node.component == "dm-worker") {
    return head + fmt::format(
                      "exec bin/dm-worker/dm-worker \\\n    --name=\"tiup-worker-{0}\" \\\n"
                      "    --worker-addr=\"0.0.0.0:{1}\" \\\n    --advertise-addr=\"{2}:{1}\" \\\n"
                      "    --log-file=\"{3}/log/dm-worker.log\" \\\n    --join=\"{4}\" \\\n"
                      "    --config=conf/dm-worker.toml >> \"{3}/log/dm-worker_stdout.log\" "
                      "2>> \"{3}/log/dm-worker_stderr.log\"\n",
                      node.host, node.port, address, deploy, masters);
  }
  return head + fmt::format(
                    "exec bin/dm-master/dm-master \\\n    --name=\"tiup-master-{0}\" \\\n"
                    "    --master-addr=\"0.0.0.0:{1}\" \\\n    --advertise-addr=\"{2}:{1}\" \\\n"
                    "    --peer-urls=\"http://0.0.0.0:{3}\" \\\n"
                    "    --advertise-peer-urls=\"http://{2}:{3}\" \\\n"
                    "    --log-file=\"{4}/log/dm-master.log\" \\\n    --data-dir=\"{5}/{6}\" \\\n"
                    "    --initial-cluster=\"{7}\" \\\n    --config=conf/dm-master.toml "
                    ">> \"{4}/log/dm-master_stdout.log\" 2>> \"{4}/log/dm-master_stderr.log\"\n",
                    node.host, node.port, address, kPeerPort, deploy, kData, node.Name(), initial);
}

// The tarball of a component unpacked into bin, as TiUP does it.
void TiupCluster::Lay(const Node& node) const {
  const fs::path root = site_.lab().Root(node.host);
  const std::string deploy = fmt::format("{}/{}", kDeploy, node.Name());
  const fs::path here = root / deploy.substr(1);
  for (const char* dir : {"bin", "log", "conf"}) fs::create_directories(here / dir);
  fs::create_directories(root / std::string(kData).substr(1) / node.Name());
  Write(here / "scripts" / fmt::format("run_{}.sh", node.component), Script(node));
  Write(here / "conf" / (node.component + ".toml"),
        node.component == "dm-master" ? "openapi = true\n" : "log-level = \"info\"\n");
  Write(root / "etc/systemd/system" / (node.Name() + ".service"),
        fmt::format(kUnit, node.component, kUser, deploy));
  const std::string tarball = fmt::format("{}-{}-linux-amd64.tar.gz", node.component, kVersion);
  fs::copy_file(site_.daemon().dir() / "tarballs" / tarball, here / "bin" / tarball,
                fs::copy_options::overwrite_existing);
  site_.lab().Ssh(node.host,
                  fmt::format("cd {}/bin && tar -xzf {} && rm {}", deploy, tarball, tarball));
}

void TiupCluster::WriteMeta() const {
  std::string text = fmt::format(
      "user: {0}\ndm_version: {1}\ntopology:\n  global:\n    user: {0}\n    ssh_port: 22\n"
      "    ssh_type: builtin\n    deploy_dir: {2}\n    data_dir: {3}\n    os: linux\n"
      "    arch: amd64\n    systemd_mode: system\n  server_configs:\n    master:\n"
      "      openapi: true\n    worker: {{}}\n    grafana: {{}}\n",
      kUser, kVersion, kDeploy, kData);
  std::string section;
  for (const auto& node : nodes_) {
    const bool is_master = node.component == "dm-master";
    const std::string wanted = is_master ? "master_servers" : "worker_servers";
    if (section != wanted) text += fmt::format("  {}:\n", wanted);
    section = wanted;
    text += fmt::format("  - host: {}\n    ssh_port: 22\n    name: tiup-{}-{}\n    port: {}\n",
                        site_.Address(node.host), is_master ? "master" : "worker", node.host,
                        node.port);
    if (is_master) text += fmt::format("    peer_port: {}\n", kPeerPort);
    text += fmt::format(
        "    deploy_dir: {0}/{1}\n    data_dir: {2}/{1}\n"
        "    log_dir: {0}/{1}/log\n    arch: amd64\n    os: linux\n",
        kDeploy, node.Name(), kData);
  }
  Write(meta(), text);
}

std::map<std::string, std::string> TiupCluster::Processes() const {
  std::map<std::string, std::string> pids;
  for (const auto& node : nodes_) {
    const std::string unit = node.Name() + ".service";
    pids[node.host + "/" + unit] =
        site_.lab().Ssh(node.host, "systemctl show -p MainPID --value " + unit);
  }
  return pids;
}

std::map<std::string, std::string> TiupCluster::Files() const {
  std::map<std::string, std::string> files;
  for (const auto& host : Site::Hosts()) {
    files[host] = site_.lab().Ssh(
        host, fmt::format("sha256sum {0}/*/scripts/* {0}/*/conf/* {0}/*/bin/*/dm-* "
                          "/etc/systemd/system/dm-*-2826*.service && "
                          "find {0} -not -path '*/log/*' -printf '%p %u %m\\n' | sort",
                          kDeploy));
  }
  return files;
}

void TiupCluster::Remove() const {
  for (const auto& host : Site::Hosts()) {
    site_.lab().Ssh(host, fmt::format("systemctl disable --now --quiet dm-master-{0} dm-worker-{1} "
                                      "2>/dev/null; rm -rf {2} {3} "
                                      "/etc/systemd/system/dm-master-{0}.service "
                                      "/etc/systemd/system/dm-worker-{1}.service "
                                      "/etc/systemd/system/dm-*-2826?.service.tiup-*; "
                                      "systemctl daemon-reload; "
                                      "if id {4} >/dev/null 2>&1; then userdel -rf {4}; fi; true",
                                      kMasterPort, kWorkerPort, kDeploy, kData, kUser));
  }
}

}  // namespace dmgr::testing
