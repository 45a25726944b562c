// Scripts and units.
#include "tests/unit/render/support.h"

namespace dmgr::render {

TEST_CASE("the default templates pass the check of an upload, for every kind of version") {
  for (const DmVersion& version :
       {DmVersion{2, 0, 1, ""}, DmVersion{5, 3, 0, ""}, DmVersion{8, 5, 0, ""}}) {
    const auto problems = CheckTemplates(DefaultPackage(version));
    CAPTURE(problems);
    CHECK(problems.empty());
  }
}

TEST_CASE("openapi is where the version looks for it") {
  const auto master = [](const DmVersion& version) {
    return DefaultPackage(version).at("conf/dm-master.toml");
  };
  CHECK(master({2, 0, 7, ""}).find("openapi") == std::string::npos);
  CHECK(master({5, 3, 0, ""}).find("[experimental]\nopenapi = true") != std::string::npos);
  CHECK(master({5, 4, 0, ""}).find("\nopenapi = true") != std::string::npos);
  CHECK(master({5, 4, 0, ""}).find("experimental") == std::string::npos);
  CHECK(DefaultPackage().count("conf/dm-master.v5.3.toml") == 0);
}

TEST_CASE("the script of a dm-master, whole") {
  Fixture f;
  const RenderedFile script = f.File(Component::kDmMaster, "scripts/run_dm-master.sh");
  CHECK(script.mode == 0755);
  CHECK_FALSE(script.secret);
  CHECK(script.content == R"(#!/bin/bash
# Written by dmgr from template/run_dm-master.sh.tmpl: changes made here are lost.
set -e
cd "/dm/dm-master-8261"

exec bin/dm-master \
    --name="dm-master-1" \
    --master-addr="0.0.0.0:8261" \
    --advertise-addr="10.0.0.1:8261" \
    --peer-urls="http://0.0.0.0:8291" \
    --advertise-peer-urls="http://10.0.0.1:8291" \
    --log-file="/dm/dm-master-8261/log/dm-master.log" \
    --data-dir="/dm/dm-master-8261/data" \
    --initial-cluster="dm-master-1=http://10.0.0.1:8291,dm-master-2=http://10.0.0.2:8291" \
    --config="conf/dm-master.toml" >> "/dm/dm-master-8261/log/dm-master_stdout.log" 2>> "/dm/dm-master-8261/log/dm-master_stderr.log"
)");
}

TEST_CASE("a dm-master that joins is told whom, and no initial cluster") {
  Fixture f;
  f.join = {"10.0.0.2:8261", "10.0.0.3:8261"};
  const std::string script = f.Text(Component::kDmMaster, "scripts/run_dm-master.sh");
  CHECK(script.find("--join=\"10.0.0.2:8261,10.0.0.3:8261\"") != std::string::npos);
  CHECK(script.find("initial-cluster") == std::string::npos);
}

TEST_CASE("numa node, v1 sources and IPv6") {
  Fixture f;
  Instance& master = f.First(Component::kDmMaster);
  master.numa_node = "0,1";
  master.v1_source_path = "/v1";
  master.host = "fd00::1";
  master.listen_host = "::";
  const std::string script = f.Text(Component::kDmMaster, "scripts/run_dm-master.sh");
  CHECK(script.find("exec numactl --cpunodebind=\"0,1\" --membind=\"0,1\" bin/dm-master \\\n"
                    "    --v1-sources-path=\"/v1\" \\\n    --name=") != std::string::npos);
  CHECK(script.find("--master-addr=\"[::]:8261\"") != std::string::npos);
  CHECK(script.find("--advertise-peer-urls=\"http://[fd00::1]:8291\"") != std::string::npos);
}

TEST_CASE("a script passes every value to the program as it is, whatever is in it") {
  for (const std::string name :
       {R"(plain)", R"(a" ; touch pwned ; ")", R"($(touch pwned))", R"(`touch pwned`)",
        R"(${HOME} $HOME $$)", R"(back\slash\")", R"(it's; a & b | c > pwned)", R"(a\)", R"(# no)",
        R"({{deploy_dir}})", R"(&lt; <tag> 100%)"}) {
    const test::TempDir dir;
    Fixture f;
    f.First(Component::kDmMaster).name = name;
    const auto arguments = RunMasterScript(f, dir);
    REQUIRE(arguments.size() == 9);
    CHECK(arguments[0] == "--name=" + name);
    CHECK(arguments[7] ==
          "--initial-cluster=" + name + "=http://10.0.0.1:8291,dm-master-2=http://10.0.0.2:8291");
    CHECK_FALSE(fs::exists(dir / "pwned"));
    CHECK_FALSE(fs::exists(dir / "deploy/pwned"));
  }
}

TEST_CASE("a line break in a value is an error that names the variable and not the value") {
  Fixture f;
  f.password = "one\ntwo";
  const std::string message = f.Failure(Component::kGrafana);
  CHECK(message.find("template/grafana.ini.tmpl: {{admin_password}}: its value has a line break") !=
        std::string::npos);
  CHECK(message.find("two") == std::string::npos);
}

TEST_CASE("scripts of all components are bash") {
  Fixture f;
  const test::TempDir dir;
  for (const Component component : topology::kComponents) {
    const std::string name(topology::Name(component));
    const std::string script = dir.Write("s.sh", f.Text(component, "scripts/run_" + name + ".sh"));
    CHECK(std::system(("bash -n " + script).c_str()) == 0);
  }
  CHECK(f.Text(Component::kDmWorker, "scripts/run_dm-worker.sh")
            .find("--join=\"10.0.0.1:8261,10.0.0.2:8261\"") != std::string::npos);
  CHECK(f.Text(Component::kAlertmanager, "scripts/run_alertmanager.sh")
            .find("--cluster.peer=\"10.0.0.2:9094\" \\\n"
                  "    --cluster.advertise-address=\"10.0.0.1:9094\" \\\n"
                  "    --cluster.listen-address=\"0.0.0.0:9094\" >>") != std::string::npos);
  CHECK(f.Text(Component::kPrometheus, "scripts/run_prometheus.sh")
            .find("--storage.tsdb.retention.time=\"15d\"") != std::string::npos);
  CHECK(f.Text(Component::kGrafana, "scripts/run_grafana.sh")
            .find("bin/grafana-server \\\n    --homepath=\"/dm/grafana-3000/homepath\"") !=
        std::string::npos);
}

TEST_CASE("the unit") {
  Fixture f;
  Instance& prometheus = f.First(Component::kPrometheus);
  prometheus.resource_control.set_memory_limit("4G");
  prometheus.resource_control.set_cpu_quota("200%");
  prometheus.resource_control.set_io_read_bandwidth_max("/dev/sda 100M");
  prometheus.resource_control.set_timeout_stop_sec("2min 30s");
  RenderedInstance rendered = f.MustRender(Component::kPrometheus);
  CHECK(rendered.unit_name == "prometheus-9090.service");
  for (const char* line :
       {"\nUser=tidb\n", "\nGroup=tidb\n", "\nMemoryLimit=4G\nMemoryMax=4G\n", "\nCPUQuota=200%\n",
        "\nIOReadBandwidthMax=/dev/sda 100M\n", "\nTimeoutStopSec=2min 30s\n",
        "\nExecStart=/bin/bash \"/dm/prometheus-9090/scripts/run_prometheus.sh\"\n",
        "\nExecReload=/bin/kill -HUP $MAINPID\n", "\nRestart=always\nRestartSec=15s\n",
        "\nWants=network-online.target\n", "\nWantedBy=multi-user.target\n"}) {
    CAPTURE(line);
    CHECK(rendered.unit_content.find(line) != std::string::npos);
  }
  CHECK(rendered.unit_content.find("LimitCORE") == std::string::npos);
  // A hang-up ends DM: it is no reload.
  CHECK(f.MustRender(Component::kDmWorker).unit_content.find("ExecReload") == std::string::npos);

  prometheus.resource_control.set_memory_limit("4G\nExecStartPre=/bin/rm -rf /");
  prometheus.resource_control.set_cpu_quota("much");
  const auto refused = f.TryRender(Component::kPrometheus);
  REQUIRE(refused.status().code() == absl::StatusCode::kInvalidArgument);
  const auto violations = FieldViolations(refused.status());
  REQUIRE(violations.field_violations_size() == 2);
  CHECK(violations.field_violations(0).field() == "resource_control.memory_limit");
}

TEST_CASE("the unit of a user's own systemd", "[systemd_mode]") {
  Fixture f;
  f.cluster.user_mode = true;
  for (const Component component : {Component::kDmWorker, Component::kNodeExporter}) {
    const std::string unit = f.MustRender(component).unit_content;
    CAPTURE(unit);
    // With these it fails: 216/GROUP, 218/CAPABILITIES.
    for (const char* key : {"\nUser=", "\nGroup=", "\nCapabilityBoundingSet=",
                            "\nAmbientCapabilities=", "\nProtectSystem=", "\nPrivateTmp="}) {
      CAPTURE(key);
      CHECK(unit.find(key) == std::string::npos);
    }
    for (const char* line : {"\nNoNewPrivileges=yes\n", "\nLimitNOFILE=1000000\n",
                             "\nRestart=always\nRestartSec=15s\n", "\nWantedBy=default.target\n"}) {
      CAPTURE(line);
      CHECK(unit.find(line) != std::string::npos);
    }
  }
}

TEST_CASE("a unit has no more rights than its component needs", "[privileges]") {
  Fixture f;
  const auto has = [](const RenderedInstance& rendered, const std::string& line) {
    return rendered.unit_content.find("\n" + line + "\n") != std::string::npos;
  };
  for (const Component component : topology::kComponents) {
    INFO(topology::Name(component));
    const RenderedInstance rendered = f.MustRender(component);
    for (const char* line : {"NoNewPrivileges=yes", "ProtectSystem=full", "PrivateTmp=yes"}) {
      INFO(line);
      CHECK(has(rendered, line));
    }
    // It sends pings.
    const bool pings = component == Component::kBlackboxExporter;
    CHECK(has(rendered, "CapabilityBoundingSet=CAP_NET_RAW") == pings);
    CHECK(has(rendered, "AmbientCapabilities=CAP_NET_RAW") == pings);
    CHECK(has(rendered, "CapabilityBoundingSet=") != pings);
    CHECK(rendered.unit_content.find("ReadWriteDirectories") == std::string::npos);
  }
}

TEST_CASE("an instance reaches its own directories wherever they are", "[privileges]") {
  Fixture f;
  Instance& worker = f.First(Component::kDmWorker);
  worker.deploy_dir = "/usr/local/dm/worker";
  worker.data_dir = "/var/tmp/dm/data";
  const std::string unit = f.MustRender(Component::kDmWorker).unit_content;
  CHECK(unit.find("\nReadWriteDirectories=/usr/local/dm/worker\n") != std::string::npos);
  CHECK(unit.find("ReadWriteDirectories=/var") == std::string::npos);
  CHECK(unit.find("PrivateTmp") == std::string::npos);
}

}  // namespace dmgr::render
