#include "common/package/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "common/components/traits.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "common/package/archs.h"
#include "server/package/package.h"
#include "server/render/render.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/package/support.h"

namespace dmgr::package {
namespace {

using Catch::Contains;

// Component tarballs as they are published.
struct Components {
  test::TempDir dir;
  std::vector<std::string> filled;

  Components() {
    const std::string program = Program("amd64");
    Put("dm-master-v7.5.1", {EntryOf("dm-master/bin/", ""), EntryOf("dm-master/dm-master", program),
                             EntryOf("dm-master/conf/dm-master.toml", "name = \"sample\""),
                             EntryOf("dm-master/conf/dm_worker.rules.yml", "groups: []\n"),
                             EntryOf("dm-master/scripts/DM-Monitor-Standard.json", "{}")});
    Put("dm-worker-v7.5.1", {EntryOf("dm-worker/dm-worker", program)});
    Put("dmctl-v7.5.1", {EntryOf("./dmctl", program)});
    Put("prometheus-v7.5.1",
        {EntryOf("prometheus/prometheus", program), EntryOf("prometheus/promtool", program),
         EntryOf("ng-monitoring-server", program), EntryOf("prometheus/tikv.rules.yml", "x")});
    Put("alertmanager-v0.26.0",
        {EntryOf("alertmanager/alertmanager", program), EntryOf("alertmanager/amtool", program)});
    Put("grafana-v7.5.1",
        {EntryOf("bin/grafana-server", program), EntryOf("bin/grafana-cli", program),
         EntryOf("conf/defaults.ini", "app_mode = production\n"),
         EntryOf("conf/provisioning/dashboards/sample.yaml", "x"), EntryOf("public/app.js", "x"),
         EntryOf("scripts/x.sh", "x"), EntryOf("tidb.json", "{}"), EntryOf("VERSION", "7.5.17")});
  }
  void Put(const std::string& name, const std::vector<TarEntry>& entries,
           const std::string& arch = "amd64") {
    dir.Write("in/" + name + "-linux-" + arch + ".tar.gz", MakeTarGz(entries));
  }
  // The same for arm64, but for what belongs to no architecture.
  void PutSecond() {
    const std::string program = Program("arm64");
    Put("dm-master-v7.5.1",
        {EntryOf("dm-master/dm-master", program),
         EntryOf("dm-master/conf/dm_worker.rules.yml", "groups: []\n")},
        "arm64");
    Put("dm-worker-v7.5.1", {EntryOf("dm-worker/dm-worker", program)}, "arm64");
    Put("dmctl-v7.5.1", {EntryOf("./dmctl", program)}, "arm64");
    Put("prometheus-v7.5.1",
        {EntryOf("prometheus/prometheus", program), EntryOf("prometheus/promtool", program)},
        "arm64");
    Put("alertmanager-v0.26.0", {EntryOf("alertmanager/alertmanager", program)}, "arm64");
    Put("grafana-v7.5.1",
        {EntryOf("bin/grafana-server", program), EntryOf("bin/grafana-cli", program),
         EntryOf("conf/defaults.ini", "app_mode = production\n"), EntryOf("public/app.js", "x")},
        "arm64");
  }
  void Remove(const std::string& name) { fs::remove(dir / ("in/" + name + "-linux-amd64.tar.gz")); }

  absl::StatusOr<std::string> Build(const std::string& version = "v7.5.1",
                                    const std::string& arch = "amd64") {
    fs::create_directories(dir / "out");
    return BuildPackage(dir / "in", version, arch, dir / "out",
                        [this](const std::string& line) { filled.push_back(line); });
  }
  std::string Refusal(const std::string& version = "v7.5.1", const std::string& arch = "amd64") {
    const auto built = Build(version, arch);
    REQUIRE_FALSE(built.ok());
    // Nothing half-made stays.
    CHECK(fs::is_empty(dir / "out"));
    return std::string(Message(built.status()));
  }
};

}  // namespace

TEST_CASE("a package that is built passes every check of an upload") {
  Components components;
  const auto built = components.Build();
  INFO(Message(built.status()));
  REQUIRE(built.ok());
  CHECK(*built == components.dir / "out/dm-v7.5.1.tar.gz");
  CHECK(std::distance(fs::directory_iterator(components.dir / "out"), {}) == 1);

  const std::string bytes = ReadFile(*built);
  auto receiver = Receiver::Create(components.dir / "work", "v7.5.1");
  REQUIRE(receiver.ok());
  REQUIRE((*receiver)->Append(bytes).ok());
  const auto package = (*receiver)->Finish(bytes.size(), Sha256Hex(bytes), [](const auto& tree) {
    return render::CheckTemplates(render::LoadPackageFiles(tree).value());
  });
  INFO(Message(package.status()));
  REQUIRE(package.ok());
  CHECK(package->arch() == "amd64");
  const std::string tree = components.dir / "work/tree/";
  CHECK(fs::exists(tree + "bin/amtool"));
  CHECK(fs::exists(tree + "grafana/dashboards/DM-Monitor-Standard.json"));
  CHECK(ReadFile(tree + "grafana/provisioning/conf/defaults.ini") == "app_mode = production\n");
  CHECK(ReadFile(tree + "grafana/homepath/VERSION") == "7.5.17");
  CHECK_FALSE(fs::exists(tree + "grafana/dashboards/tidb.json"));
  CHECK_FALSE(fs::exists(tree + "conf/tikv.rules.yml"));
  CHECK_THAT(ReadFile(tree + "conf/dm-master.toml"), Contains("openapi = true"));
}

TEST_CASE("each filling is told") {
  Components components;
  REQUIRE(components.Build().ok());
  const auto told = [&](const std::string& line) {
    return std::count(components.filled.begin(), components.filled.end(), line) == 1;
  };
  CHECK(told("conf/dm-master.toml: the built-in default"));
  CHECK(told("template/systemd.service.tmpl: the built-in default"));
  CHECK(told("grafana.tar.gz dashboards/dm.json: the built-in default"));
  CHECK(told("grafana.tar.gz homepath/notifiers: an empty folder"));
  CHECK(told("alertmanager: alertmanager-v0.26.0-linux-amd64.tar.gz, which is not of v7.5.1"));
  CHECK_FALSE(told("grafana.tar.gz homepath/scripts: an empty folder"));
}

TEST_CASE("another package of the same DM takes what is its own, and the rest from the first") {
  Components components;
  components.Put("prometheus-v7.5.1+2", {EntryOf("prometheus/prometheus", Program("amd64")),
                                         EntryOf("prometheus/promtool", Program("amd64"))});
  const auto built = components.Build("v7.5.1+2");
  INFO(Message(built.status()));
  REQUIRE(built.ok());
  CHECK(fs::path(*built).filename() == "dm-v7.5.1+2.tar.gz");
  CHECK(VersionOfFileName("dm-v7.5.1+2.tar.gz").value() == "v7.5.1+2");
}

TEST_CASE("hidden files are left out, and named") {
  Components components;
  components.Put(
      "dm-master-v7.5.1",
      {EntryOf("dm-master/dm-master", Program("amd64")),
       EntryOf("dm-master/conf/dm_worker.rules.yml", "groups: []\n"),
       EntryOf("dm-master/conf/._dm_worker.rules.yml", std::string("\x00\x05\x16\x07", 4)),
       EntryOf("dm-master/.DS_Store", "x"), EntryOf("dm-master/.git/config", "x"),
       EntryOf("._dm-master", "x")});
  const auto built = components.Build();
  INFO(Message(built.status()));
  REQUIRE(built.ok());
  const std::string tarball = "dm-master-v7.5.1-linux-amd64.tar.gz: left out, since it is hidden: ";
  const auto& told = components.filled;
  for (const char* hidden : {"dm-master/conf/._dm_worker.rules.yml", "dm-master/.DS_Store",
                             "dm-master/.git", "._dm-master"}) {
    CAPTURE(hidden);
    CHECK(std::count(told.begin(), told.end(), tarball + hidden) == 1);
  }
  const auto bytes = ReadFile(*built);
  auto receiver = Receiver::Create(components.dir / "work", "v7.5.1");
  REQUIRE(receiver.ok());
  REQUIRE((*receiver)->Append(bytes).ok());
  REQUIRE((*receiver)
              ->Finish(bytes.size(), Sha256Hex(bytes),
                       [](const auto&) { return std::vector<std::string>(); })
              .ok());
  for (const auto& file : fs::recursive_directory_iterator(components.dir / "work/tree")) {
    CHECK_FALSE(file.path().filename().string().starts_with('.'));
  }
}

TEST_CASE("what a package may lack is in it, or all of it is not") {
  const auto parts_of = [](Components& from) {
    const auto built = from.Build();
    INFO(Message(built.status()));
    REQUIRE(built.ok());
    const std::string bytes = ReadFile(*built);
    fs::remove_all(from.dir / "work");
    auto receiver = Receiver::Create(from.dir / "work", "v7.5.1");
    REQUIRE(receiver.ok());
    REQUIRE((*receiver)->Append(bytes).ok());
    const auto package = (*receiver)->Finish(
        bytes.size(), Sha256Hex(bytes), [](const auto&) { return std::vector<std::string>(); });
    INFO(Message(package.status()));
    REQUIRE(package.ok());
    std::set<std::string> names;
    for (const auto& part : package->components()) names.insert(ToWord(part.component()));
    return names;
  };
  for (const components::Component component : components::kComponents) {
    const components::Traits& traits = components::TraitsOf(component);
    if (!traits.optional) continue;
    const std::string name(traits.name);
    const std::string tarball(traits.tarball_name());
    CAPTURE(name);
    Components tarballs;
    const std::string script =
        tarballs.dir / ("work/tree/template/" + std::string(traits.templates.front().name));
    CHECK_FALSE(parts_of(tarballs).contains(name));
    CHECK_FALSE(fs::exists(script));
    CHECK_THAT(fmt::format("{}", fmt::join(tarballs.filled, "\n")),
               Contains(tarball + ": no tarball, so the package is without it"));
    tarballs.Put(tarball + "-v1.0.0",
                 {EntryOf(tarball + "/" + std::string(traits.program().name), Program("amd64"))});
    CHECK(parts_of(tarballs).contains(name));
    CHECK(fs::exists(script));
    // A tarball without the program is no way to leave it out.
    tarballs.Put(tarball + "-v1.0.0", {EntryOf(tarball + "/LICENSE", "x")});
    fs::remove_all(tarballs.dir / "out");
    CHECK_THAT(tarballs.Refusal(), Contains(std::string(traits.program().name) + ": is not in it"));
  }
}

TEST_CASE("the same tarballs make the same package") {
  Components components;
  const std::string first = ReadFile(components.Build().value());
  CHECK(first == ReadFile(components.Build().value()));
  CHECK(first.size() > 1000);
}

TEST_CASE("all that is missing is listed") {
  Components components;
  components.Remove("dm-worker-v7.5.1");
  components.Remove("grafana-v7.5.1");
  const std::string message = components.Refusal();
  CHECK_THAT(message, Contains("dm-worker-v7.5.1-linux-amd64.tar.gz is missing"));
  CHECK_THAT(message, Contains("grafana-v7.5.1-linux-amd64.tar.gz is missing"));
  CHECK_THAT(components.Refusal("v7.5.2"),
             Contains("dm-master-v7.5.2-linux-amd64.tar.gz is missing; of other versions there is "
                      "dm-master-v7.5.1-linux-amd64.tar.gz"));
  CHECK_THAT(components.Refusal("v7.5.1", "arm64"),
             Contains("for another architecture there is dm-master-v7.5.1-linux-amd64.tar.gz"));
  CHECK_FALSE(components.Build("nightly").ok());
  CHECK_FALSE(components.Build("v7.5.1", "riscv").ok());
  CHECK_FALSE(
      BuildPackage(components.dir / "nosuch", "v7.5.1", "amd64", components.dir / "out", {}).ok());
}

TEST_CASE("tarballs of both architectures make one package") {
  Components components;
  CHECK_THAT(components.Refusal("v7.5.1", "both"),
             Contains("dm-worker-v7.5.1-linux-arm64.tar.gz is missing"));
  components.PutSecond();
  components.filled.clear();
  const auto built = components.Build("v7.5.1", "both");
  INFO(Message(built.status()));
  REQUIRE(built.ok());
  const std::string bytes = ReadFile(*built);
  auto receiver = Receiver::Create(components.dir / "work", "v7.5.1");
  REQUIRE(receiver.ok());
  REQUIRE((*receiver)->Append(bytes).ok());
  const auto package = (*receiver)->Finish(bytes.size(), Sha256Hex(bytes), [](const auto& tree) {
    return render::CheckTemplates(render::LoadPackageFiles(tree).value());
  });
  INFO(Message(package.status()));
  REQUIRE(package.ok());
  CHECK(package->arch() == "amd64");
  CHECK(ArchsOf(*package) == std::vector<std::string>{"amd64", "arm64"});
  const std::string tree = components.dir / "work/tree/";
  CHECK(fs::exists(tree + "arm64/bin/dm-worker"));
  CHECK(fs::exists(tree + "arm64/others/dmctl"));
  CHECK(fs::exists(tree + "arm64/grafana/homepath/public/app.js"));
  CHECK_FALSE(fs::exists(tree + "arm64/template"));
  // What is filled in is told once.
  CHECK(std::ranges::count(components.filled, "conf/dm-master.toml: the built-in default") == 1);
}

TEST_CASE("wrong contents are listed") {
  Components components;
  components.Put("dm-worker-v7.5.1", {EntryOf("dm-worker/dm-worker", Program("arm64"))});
  components.Put("dmctl-v7.5.1", {EntryOf("dmctl/dmctl", "#!/bin/sh\n")});
  components.Put("grafana-v7.5.1", {EntryOf("bin/grafana-server", Program("amd64"))});
  const std::string message = components.Refusal();
  CHECK_THAT(message, Contains("dm-worker-v7.5.1-linux-amd64.tar.gz dm-worker: is for arm64"));
  CHECK_THAT(message, Contains("dmctl: is a script, not an ELF executable"));
  CHECK_THAT(message, Contains("grafana-cli: is not in it"));
  CHECK_THAT(message, Contains("public/: is not in it"));
  CHECK_THAT(message, Contains("conf/defaults.ini: is not in it"));
  components.Put("dm-worker-v7.5.1", {EntryOf("../dm-worker", Program("amd64"))});
  CHECK_THAT(components.Refusal(), Contains("its path has \"..\""));
}

TEST_CASE("several monitoring tarballs: the one of the version, else none") {
  Components components;
  components.Put("alertmanager-v0.27.0", {EntryOf("alertmanager", Program("amd64"))});
  CHECK_THAT(components.Refusal(), Contains("of others there are several: "
                                            "alertmanager-v0.26.0-linux-amd64.tar.gz "
                                            "alertmanager-v0.27.0-linux-amd64.tar.gz"));
  components.Put("alertmanager-v7.5.1", {EntryOf("alertmanager", Program("amd64", "mine"))});
  const auto built = components.Build();
  INFO(Message(built.status()));
  CHECK(built.ok());
}

}  // namespace dmgr::package
