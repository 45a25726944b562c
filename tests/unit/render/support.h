// What the tests of the render room share.
#ifndef DMGR_TESTS_UNIT_RENDER_SUPPORT_H_
#define DMGR_TESTS_UNIT_RENDER_SUPPORT_H_

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/error.h"
#include "server/render/render.h"
#include "server/render/template.h"
#include "templates/defaults.h"
#include "tests/support/temp_dir.h"

namespace dmgr::render {

namespace fs = std::filesystem;
using topology::Cluster;
using topology::Component;
using topology::Instance;

inline PackageFiles DefaultPackage(const DmVersion& version = {7, 5, 1, ""}) {
  PackageFiles files;
  for (const auto& [path, content] : templates::DefaultFiles(version)) {
    files.emplace(path, content);
  }
  files["conf/dm_worker.rules.yml"] = "groups: [] # ENV_LABELS_ENV and ENV_LABELS_ENV\n";
  return files;
}

inline Instance MakeInstance(Component component, int number, int port) {
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

inline Cluster MakeCluster() {
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
  cluster.instances.push_back(MakeInstance(Component::kNodeExporter, 1, 9100));
  cluster.instances.push_back(MakeInstance(Component::kBlackboxExporter, 1, 9115));
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

inline std::string Read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// What a program is called with when the rendered script of a master is really run.
inline std::vector<std::string> RunMasterScript(Fixture& f, const test::TempDir& dir) {
  Instance& master = f.First(Component::kDmMaster);
  master.deploy_dir = dir / "deploy";
  master.data_dir = master.deploy_dir + "/data";
  master.log_dir = master.deploy_dir + "/log";
  const std::string program =
      dir.Write("deploy/bin/dm-master", "#!/bin/bash\nprintf '%s\\0' \"$@\"; printf 'oops' >&2\n");
  fs::permissions(program, fs::perms::owner_all);
  fs::create_directories(master.log_dir);
  dir.Write("run.sh", f.Text(Component::kDmMaster, "scripts/run_dm-master.sh"));
  REQUIRE(std::system(("cd " + dir.path() + " && bash run.sh").c_str()) == 0);
  CHECK(Read(master.log_dir + "/dm-master_stderr.log") == "oops");
  std::vector<std::string> arguments;
  std::istringstream out(Read(master.log_dir + "/dm-master_stdout.log"));
  for (std::string argument; std::getline(out, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

// The value of a key as Grafana's INI reader sees it: between the first and the last backtick.
inline std::string IniValue(const std::string& ini, const std::string& key) {
  std::istringstream lines(ini);
  std::string value = "(no such key)";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key + " = ")) continue;
    const std::string text = line.substr(key.size() + 3);
    value = text[0] == '`' ? text.substr(1, text.rfind('`') - 1) : text;
  }
  return value;
}

inline std::vector<std::string> Problems(Kind kind, const std::string& text, const Values& values) {
  std::vector<std::string> problems;
  RenderTemplate("t", kind, text, values, &problems);
  return problems;
}

inline std::string RenderText(Kind kind, const std::string& text, const Values& values) {
  std::vector<std::string> problems;
  std::string rendered = RenderTemplate("t", kind, text, values, &problems);
  CAPTURE(problems);
  REQUIRE(problems.empty());
  return rendered;
}

inline Values WithX(const std::string& value) {
  Values values;
  values.variables["x"] = {.value = value};
  return values;
}

inline google::protobuf::Struct Config(
    const std::map<std::string, google::protobuf::Value>& fields) {
  google::protobuf::Struct config;
  for (const auto& [key, value] : fields) (*config.mutable_fields())[key] = value;
  return config;
}
inline google::protobuf::Value Number(double number) {
  google::protobuf::Value value;
  value.set_number_value(number);
  return value;
}
inline google::protobuf::Value String(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  return value;
}
inline google::protobuf::Value Bool(bool b) {
  google::protobuf::Value value;
  value.set_bool_value(b);
  return value;
}

}  // namespace dmgr::render

#endif  // DMGR_TESTS_UNIT_RENDER_SUPPORT_H_
