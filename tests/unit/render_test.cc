#include "server/render/render.h"

#include <fmt/format.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/error.h"
#include "server/render/template.h"
#include "server/render/toml_config.h"
#include "templates/defaults.h"

namespace dmgr::render {
namespace {

namespace fs = std::filesystem;
using topology::Cluster;
using topology::Component;
using topology::Instance;

PackageFiles DefaultPackage(const DmVersion& version = {7, 5, 1, ""}) {
  PackageFiles files;
  for (const auto& [path, content] : templates::DefaultFiles(version)) {
    files.emplace(path, content);
  }
  files["conf/dm_worker.rules.yml"] = "groups: [] # ENV_LABELS_ENV and ENV_LABELS_ENV\n";
  return files;
}

Instance MakeInstance(Component component, int number, int port) {
  Instance instance;
  instance.component = component;
  instance.name = fmt::format("{}-{}", topology::Name(component), number);
  instance.host = fmt::format("10.0.0.{}", number);
  instance.port = port;
  instance.listen_host = "0.0.0.0";
  instance.deploy_dir = fmt::format("/dm/{}-{}", topology::Name(component), port);
  instance.data_dir = instance.deploy_dir + "/data";
  instance.log_dir = instance.deploy_dir + "/log";
  return instance;
}

Cluster MakeCluster() {
  Cluster cluster;
  cluster.name = "c1";
  cluster.version = "v7.5.1";
  cluster.user = "tidb";
  cluster.group = "tidb";
  for (int number : {1, 2}) {
    Instance master = MakeInstance(Component::kDmMaster, number, 8261);
    master.peer_port = 8291;
    cluster.instances.push_back(master);
    cluster.instances.push_back(MakeInstance(Component::kDmWorker, number, 8262));
    Instance alertmanager = MakeInstance(Component::kAlertmanager, number, 9093);
    alertmanager.cluster_port = 9094;
    cluster.instances.push_back(alertmanager);
  }
  Instance prometheus = MakeInstance(Component::kPrometheus, 1, 9090);
  prometheus.storage_retention = "15d";
  cluster.instances.push_back(prometheus);
  Instance grafana = MakeInstance(Component::kGrafana, 1, 3000);
  grafana.grafana_user = "admin";
  cluster.instances.push_back(grafana);
  return cluster;
}

// A cluster, its package, and what is rendered of them.
struct Fixture {
  Cluster cluster = MakeCluster();
  PackageFiles package = DefaultPackage();
  std::vector<std::string> join;
  std::string password = "secret";

  Instance& First(Component component) {
    for (Instance& instance : cluster.instances) {
      if (instance.component == component) return instance;
    }
    throw std::logic_error("no such instance");
  }
  absl::StatusOr<RenderedInstance> TryRender(Component component) {
    return Render({.cluster = &cluster,
                   .instance = &First(component),
                   .package = &package,
                   .join = join,
                   .grafana_password = password});
  }
  RenderedInstance MustRender(Component component) {
    auto rendered = TryRender(component);
    INFO(Message(rendered.status()));
    REQUIRE(rendered.ok());
    return *rendered;
  }
  RenderedFile File(Component component, const std::string& name) {
    for (const RenderedFile& file : MustRender(component).files) {
      if (file.path == First(component).deploy_dir + "/" + name) return file;
    }
    FAIL("no file " << name);
    return {};
  }
  std::string Text(Component component, const std::string& name) {
    return File(component, name).content;
  }
  std::string Failure(Component component) {
    const auto rendered = TryRender(component);
    REQUIRE_FALSE(rendered.ok());
    return std::string(Message(rendered.status()));
  }
};

class TempDir {
 public:
  TempDir() {
    std::string path = (fs::temp_directory_path() / "render_test_XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = path;
  }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void Write(const fs::path& path, const std::string& content, bool executable = false) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
  if (executable) fs::permissions(path, fs::perms::owner_all);
}

std::string Read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// What a program is called with when the rendered script of a master is really run.
std::vector<std::string> RunMasterScript(Fixture& f, const TempDir& dir) {
  Instance& master = f.First(Component::kDmMaster);
  master.deploy_dir = dir.path() + "/deploy";
  master.data_dir = master.deploy_dir + "/data";
  master.log_dir = master.deploy_dir + "/log";
  Write(master.deploy_dir + "/bin/dm-master",
        "#!/bin/bash\nprintf '%s\\0' \"$@\"; printf 'oops' >&2\n", true);
  fs::create_directories(master.log_dir);
  Write(dir.path() + "/run.sh", f.Text(Component::kDmMaster, "scripts/run_dm-master.sh"));
  REQUIRE(std::system(("cd " + dir.path() + " && bash run.sh").c_str()) == 0);
  CHECK(Read(master.log_dir + "/dm-master_stderr.log") == "oops");
  std::vector<std::string> arguments;
  std::istringstream out(Read(master.log_dir + "/dm-master_stdout.log"));
  for (std::string argument; std::getline(out, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

// The value of a key as Grafana's INI reader sees it: between the first and the last backtick.
std::string IniValue(const std::string& ini, const std::string& key) {
  std::istringstream lines(ini);
  std::string value = "(no such key)";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key + " = ")) continue;
    const std::string text = line.substr(key.size() + 3);
    value = text[0] == '`' ? text.substr(1, text.rfind('`') - 1) : text;
  }
  return value;
}

std::vector<std::string> Problems(Kind kind, const std::string& text, const Values& values) {
  std::vector<std::string> problems;
  RenderTemplate("t", kind, text, values, &problems);
  return problems;
}

std::string RenderText(Kind kind, const std::string& text, const Values& values) {
  std::vector<std::string> problems;
  std::string rendered = RenderTemplate("t", kind, text, values, &problems);
  CAPTURE(problems);
  REQUIRE(problems.empty());
  return rendered;
}

Values WithX(const std::string& value) {
  Values values;
  values.variables["x"] = {.value = value};
  return values;
}

google::protobuf::Struct Config(const std::map<std::string, google::protobuf::Value>& fields) {
  google::protobuf::Struct config;
  for (const auto& [key, value] : fields) (*config.mutable_fields())[key] = value;
  return config;
}
google::protobuf::Value Number(double number) {
  google::protobuf::Value value;
  value.set_number_value(number);
  return value;
}
google::protobuf::Value String(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  return value;
}
google::protobuf::Value Bool(bool b) {
  google::protobuf::Value value;
  value.set_bool_value(b);
  return value;
}

}  // namespace

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
    TempDir dir;
    Fixture f;
    f.First(Component::kDmMaster).name = name;
    const auto arguments = RunMasterScript(f, dir);
    REQUIRE(arguments.size() == 9);
    CHECK(arguments[0] == "--name=" + name);
    CHECK(arguments[7] ==
          "--initial-cluster=" + name + "=http://10.0.0.1:8291,dm-master-2=http://10.0.0.2:8291");
    CHECK_FALSE(fs::exists(dir.path() + "/pwned"));
    CHECK_FALSE(fs::exists(dir.path() + "/deploy/pwned"));
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
  TempDir dir;
  for (const Component component : topology::kComponents) {
    const std::string name(topology::Name(component));
    Write(dir.path() + "/s.sh", f.Text(component, "scripts/run_" + name + ".sh"));
    CHECK(std::system(("bash -n " + dir.path() + "/s.sh").c_str()) == 0);
  }
  CHECK(f.Text(Component::kDmWorker, "scripts/run_dm-worker.sh")
            .find("--join=\"10.0.0.1:8261,10.0.0.2:8261\"") != std::string::npos);
  CHECK(f.Text(Component::kAlertmanager, "scripts/run_alertmanager.sh")
            .find("--cluster.peer=\"10.0.0.2:9094\" \\\n    --cluster.listen-address="
                  "\"0.0.0.0:9094\" >>") != std::string::npos);
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

TEST_CASE("prometheus.yml is YAML with every target") {
  Fixture f;
  const YAML::Node yaml = YAML::Load(f.Text(Component::kPrometheus, "conf/prometheus.yml"));
  CHECK(yaml["global"]["external_labels"]["cluster"].as<std::string>() == "c1");
  CHECK(yaml["rule_files"].as<std::vector<std::string>>() ==
        std::vector<std::string>{"dm_worker.rules.yml"});
  std::map<std::string, std::vector<std::string>> targets;
  for (const auto& job : yaml["scrape_configs"]) {
    targets[job["job_name"].as<std::string>()] =
        job["static_configs"][0]["targets"].as<std::vector<std::string>>();
  }
  CHECK(targets == std::map<std::string, std::vector<std::string>>{
                       {"dm_master", {"10.0.0.1:8261", "10.0.0.2:8261"}},
                       {"dm_worker", {"10.0.0.1:8262", "10.0.0.2:8262"}},
                       {"prometheus", {"10.0.0.1:9090"}},
                       {"alertmanager", {"10.0.0.1:9093", "10.0.0.2:9093"}},
                       {"grafana", {"10.0.0.1:3000"}}});
  CHECK(yaml["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"].size() == 2);
  CHECK(f.Text(Component::kPrometheus, "conf/dm_worker.rules.yml") == "groups: [] # c1 and c1\n");

  std::erase_if(f.cluster.instances, [](const Instance& instance) {
    return instance.component == Component::kAlertmanager;
  });
  const YAML::Node without = YAML::Load(f.Text(Component::kPrometheus, "conf/prometheus.yml"));
  CHECK(without["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"].IsSequence());
}

TEST_CASE("Grafana's password reaches Grafana whatever is in it") {
  for (const std::string password :
       {"secret", "a#b;c", "`", "a`b`", "\"quoted\"", "'single'", "back\\slash\\", "  blanks  ",
        "50%", "$HOME", "{{x}}", "<&>", "\"\"\"", "=x:", "pa$$word", "%(open", ""}) {
    Fixture f;
    f.password = password;
    const RenderedFile ini = f.File(Component::kGrafana, "conf/grafana.ini");
    CHECK(ini.secret);
    CHECK(ini.mode == 0600);
    CHECK(IniValue(ini.content, "admin_password") == password);
    CHECK(IniValue(ini.content, "http_port") == "3000");
  }
  // Grafana itself replaces these: refused, and the value is not told.
  for (const std::string password : {"a%(admin_user)sb", "${HOME}", "$__file{/etc/hostname}"}) {
    Fixture f;
    f.password = password;
    const std::string message = f.Failure(Component::kGrafana);
    CHECK(message.find("{{admin_password}}") != std::string::npos);
    CHECK(message.find(password) == std::string::npos);
  }
}

TEST_CASE("Grafana's other files") {
  Fixture f;
  const YAML::Node source =
      YAML::Load(f.Text(Component::kGrafana, "provisioning/datasources/datasource.yml"));
  CHECK(source["datasources"][0]["name"].as<std::string>() == "c1");
  CHECK(source["datasources"][0]["url"].as<std::string>() == "http://10.0.0.1:9090");
  CHECK(source["datasources"][0]["isDefault"].as<bool>());
  const YAML::Node provider =
      YAML::Load(f.Text(Component::kGrafana, "provisioning/dashboards/dashboard.yml"));
  CHECK(provider["providers"][0]["folder"].as<std::string>() == "c1");
  CHECK(provider["providers"][0]["options"]["path"].as<std::string>() ==
        "/dm/grafana-3000/dashboards");
  for (const char* name : {"dashboards/dm.json", "dashboards/dm_instances.json"}) {
    const std::string text = f.Text(Component::kGrafana, name);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["panels"][0]["datasource"] == "c1");
    CHECK(json["title"].get<std::string>().starts_with("c1-DM-"));
    CHECK(text.find("TEST-CLUSTER") == std::string::npos);
    CHECK(text.find("test-cluster") == std::string::npos);
  }
  f.First(Component::kGrafana).config = Config({{"auth.anonymous.enabled", Bool(true)},
                                                {"server.http_port", Number(3001)},
                                                {"smtp.from_name", String("a#b;`c`")},
                                                {"app_mode", String("production")}});
  const std::string ini = f.Text(Component::kGrafana, "conf/grafana.ini");
  CHECK(IniValue(ini, "http_port") == "3001");
  CHECK(IniValue(ini, "from_name") == "a#b;`c`");
  CHECK(ini.find("[auth.anonymous]\nenabled = `true`\n") != std::string::npos);
  CHECK(ini.find("[DEFAULT]\napp_mode = `production`\n") != std::string::npos);
  f.First(Component::kGrafana).config = Config({{"smtp.x", String("a\n[security]")}});
  CHECK_FALSE(f.TryRender(Component::kGrafana).ok());
  f.First(Component::kGrafana).config = Config({{"smtp].x", String("a")}});
  CHECK_FALSE(f.TryRender(Component::kGrafana).ok());
}

TEST_CASE("TOML: base, then config; dotted keys fold, types stay") {
  const auto merged =
      MergeToml("conf/dm-master.toml",
                "log-level = \"info\"\nrpc-timeout = \"30s\"\nname = \"sample\"\njoin = \"\"\n",
                Config({{"log-level", String("debug \"quoted\" \\ ")},
                        {"max-txn-ops", Number(4096)},
                        {"rpc-rate-limit", Number(10)},
                        {"experimental.openapi", Bool(true)}}),
                Component::kDmMaster, "v7.5.1");
  REQUIRE(merged.ok());
  CAPTURE(*merged);
  CHECK(merged->find("log-level = \"debug \\\"quoted\\\" \\\\ \"\n") != std::string::npos);
  CHECK(merged->find("rpc-timeout = \"30s\"\n") != std::string::npos);
  CHECK(merged->find("max-txn-ops = 4096\n") != std::string::npos);
  CHECK(merged->find("rpc-rate-limit = 10.0\n") != std::string::npos);
  CHECK(merged->find("[experimental]\n") != std::string::npos);
  CHECK(merged->find("openapi = true") != std::string::npos);
  // Flags of the run script say these.
  CHECK(merged->find("name") == std::string::npos);
  CHECK(merged->find("join") == std::string::npos);
}

TEST_CASE("TOML: what DM would exit at is refused by name and version") {
  const auto failure = [](const std::string& base, Component component, const std::string& version,
                          const google::protobuf::Struct& config = {}) -> std::string {
    const auto merged = MergeToml("conf/x.toml", base, config, component, version);
    if (merged.ok()) return "";
    std::string text(Message(merged.status()));
    const auto violations = FieldViolations(merged.status());
    for (const auto& violation : violations.field_violations()) {
      text += " " + violation.field() + ": " + violation.description();
    }
    return text;
  };
  using Catch::Contains;
  CHECK_THAT(failure("openapi = true", Component::kDmMaster, "v5.3.0"),
             Contains("config.openapi: dm-master has this key from v5.4.0 on, not in v5.3.0"));
  CHECK(failure("openapi = true", Component::kDmMaster, "v5.4.0").empty());
  CHECK_THAT(failure("relay-dir = \"r\"", Component::kDmWorker, "v5.3.0"), Contains("v5.4.0"));
  CHECK_THAT(failure("nosuch = 1", Component::kDmWorker, "v7.5.1"),
             Contains("config.nosuch: dm-worker has no such key"));
  CHECK_THAT(failure("[a.b]\nc = 1", Component::kDmWorker, "v7.5.1"), Contains("config.a.b.c"));
  CHECK(failure("nosuch = 1", Component::kDmWorker, "v10.0.0").empty());
  CHECK_THAT(failure("a = [", Component::kDmWorker, "v7.5.1"), Contains("conf/x.toml line 1"));
  CHECK_THAT(failure("log-level = \"info\"", Component::kDmWorker, "v7.5.1",
                     Config({{"log-level.x", Number(1)}})),
             Contains("log-level has a value already"));
}

TEST_CASE("templates: an unknown variable or section is named with its line") {
  Fixture f;
  f.package["template/run_dm-worker.sh.tmpl"] =
      "#!/bin/bash\necho \"{{nosuch}}\"\n{{#numa_node}}\n\"{{neither}}\"\n{{/numa_node}}\n";
  const std::string message = f.Failure(Component::kDmWorker);
  CHECK_THAT(message, Catch::Contains("template/run_dm-worker.sh.tmpl line 2: there is no variable "
                                      "nosuch"));
  // Also in a section that is left out.
  CHECK_THAT(message, Catch::Contains("line 4: there is no variable neither"));
  CHECK(CheckTemplates(f.package) ==
        std::vector<std::string>{
            "template/run_dm-worker.sh.tmpl line 2: there is no variable nosuch",
            "template/run_dm-worker.sh.tmpl line 4: there is no variable neither"});
  f.package.erase("template/run_dm-worker.sh.tmpl");
  CHECK_THAT(f.Failure(Component::kDmWorker),
             Catch::Contains("the package has no template/run_dm-worker.sh.tmpl"));
}

TEST_CASE("templates: what could let a value break out is refused") {
  const Values values = WithX("v");
  for (const char* text :
       {"{{{x}}}", "{{&x}}", "{{>x}}", "{{=<% %>=}}", "{{x", "{{}}", "{{ X }}", "{{a.b}}",
        "{{#x}}{{/x}}", "{{/x}}", "{{^nosuch}}{{/nosuch}}", "\"{{x}}", "\"$(echo {{x}})\"",
        "\"`echo {{x}}`\"", "cat <<EOF\n{{x}}\nEOF\n", "echo $'{{x}}'", "\"${a:-\"{{x}}\"}\""}) {
    CAPTURE(text);
    CHECK_FALSE(Problems(Kind::kShell, text, values).empty());
  }
  CHECK_FALSE(Problems(Kind::kYaml, "a: \"{{x}}\nb: c\"\n", values).empty());
  CHECK_FALSE(Problems(Kind::kIni, "a = `{{x}}\n", values).empty());
  CHECK_FALSE(Problems(Kind::kUnit, "ExecStart=/bin/x \"{{x}}\n", values).empty());
  std::string deep;
  Values optional;
  optional.variables["x"] = {.value = "v", .optional = true};
  for (int i = 0; i < 100000; ++i) deep += "{{#x}}";
  CHECK_FALSE(Problems(Kind::kShell, deep, optional).empty());
  CHECK_FALSE(Problems(Kind::kShell, std::string(kMaxTemplateBytes + 1, ' '), values).empty());
  Values lists;
  lists.lists["l"] = {.fields = {"f"}, .items = {{{"f", "1"}}, {{"f", "2"}}}};
  CHECK(RenderText(Kind::kShell, "{{#l}}{{f}}{{/l}}{{^l}}none{{/l}}", lists) == "12");
  CHECK_FALSE(Problems(Kind::kShell, "{{#l}}{{#l}}{{f}}{{/l}}{{/l}}", lists).empty());
  CHECK_FALSE(Problems(Kind::kShell, "{{#l}}{{/l}}{{f}}", lists).empty());
  // A section must not open a quote that the text after it thinks is open.
  CHECK_FALSE(Problems(Kind::kShell, "{{#x}}\"{{/x}}{{x}}{{#x}}\"{{/x}}", optional).empty());
}

TEST_CASE("templates: without quotes only plain values pass") {
  CHECK(RenderText(Kind::kShell, "a={{x}}", WithX("1.2-3_4/5@6:7+8")) == "a=1.2-3_4/5@6:7+8");
  for (const char* value : {"a b", "a;b", "$x", "a'b", "a\"b", "*", "~", "a#b", "(", "<", "a,b"}) {
    for (const Kind kind : {Kind::kShell, Kind::kIni, Kind::kYaml, Kind::kUnit}) {
      CAPTURE(value);
      CHECK_FALSE(Problems(kind, "a = {{x}}", WithX(value)).empty());
    }
    // Single quotes and comments are no quotes to write in.
    CHECK_FALSE(Problems(Kind::kShell, "'{{x}}'", WithX(value)).empty());
    CHECK_FALSE(Problems(Kind::kShell, "# \"{{x}}\"", WithX(value)).empty());
  }
}

TEST_CASE("templates: escapes of each format") {
  CHECK(RenderText(Kind::kShell, "\"{{x}}\"", WithX(R"(a"b\c$d`e)")) == R"("a\"b\\c\$d\`e")");
  CHECK(RenderText(Kind::kYaml, "k: \"{{x}}\"", WithX(R"(a"b\c: #d)")) == R"(k: "a\"b\\c: #d")");
  CHECK_FALSE(Problems(Kind::kYaml, "k: \"{{x}}\"", WithX("$HOME")).empty());
  CHECK(RenderText(Kind::kUnit, "ExecStart=/bin/sh \"{{x}}\"", WithX(R"(a"b\c%d$e)")) ==
        R"(ExecStart=/bin/sh "a\"b\\c%%d$$e")");
  CHECK_FALSE(Problems(Kind::kUnit, "Description=\"{{x}}\"", WithX("a b")).empty());
  CHECK(RenderText(Kind::kIni, "k = `{{x}}`", WithX("a`b#c")) == "k = `a`b#c`");
}

TEST_CASE("LoadPackageFiles takes texts and leaves programs out") {
  TempDir dir;
  Write(dir.path() + "/bin/dm-master", "x");
  Write(dir.path() + "/template/a.tmpl", "t");
  Write(dir.path() + "/conf/dm-master.toml", "c");
  Write(dir.path() + "/others/dmctl", "x");
  Write(dir.path() + "/others/task_basic.yml", "y");
  Write(dir.path() + "/grafana.tar.gz", "x");
  Write(dir.path() + "/grafana/bin/grafana-server", "x");
  Write(dir.path() + "/grafana/homepath/public/a.js", "x");
  Write(dir.path() + "/grafana/dashboards/dm.json", "{}");
  Write(dir.path() + "/big", std::string(5 * 1024 * 1024, 'x'));
  fs::create_symlink("/etc/passwd", dir.path() + "/conf/link");
  const auto files = LoadPackageFiles(dir.path());
  REQUIRE(files.ok());
  CHECK(*files == PackageFiles{{"template/a.tmpl", "t"},
                               {"conf/dm-master.toml", "c"},
                               {"others/task_basic.yml", "y"},
                               {"grafana/dashboards/dm.json", "{}"}});
  CHECK_FALSE(LoadPackageFiles(dir.path() + "/nosuch").ok());
}

}  // namespace dmgr::render
