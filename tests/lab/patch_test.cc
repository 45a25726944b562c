// Patches of a cluster that is in use, on real hosts.
#include <fmt/format.h>

#include <fstream>
#include <set>

#include "tests/lab/poller.h"
#include "tests/lab/program.h"
#include "tests/lab/sabotage.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The same in a tarball, as `inside`.
fs::path Tarball(Site& site, const std::string& component, const std::string& inside,
                 const std::vector<std::string>& flags, const std::string& name) {
  const fs::path root = site.daemon().dir() / "patch-tree";
  const fs::path member = root / inside;
  fs::create_directories(member.parent_path());
  fs::copy_file(Program(site, component, component + ".tmp"), member,
                fs::copy_options::overwrite_existing);
  std::ofstream(root / "README") << "a hotfix\n";
  const fs::path path = site.daemon().dir() / name;
  std::vector<std::string> args = {"/usr/bin/tar"};
  args.insert(args.end(), flags.begin(), flags.end());
  args.insert(args.end(), {path, "-C", root, "."});
  REQUIRE(Run({.args = args}).exit_code == 0);
  fs::remove_all(root);
  return path;
}

// What a component's instances run, by host; and whether they count as patched.
struct Seen {
  std::map<std::string, std::string> versions;
  std::set<std::string> patched;
};
Seen See(Site& site, const std::string& component) {
  Seen seen;
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    if (ComponentOf(instance) != component) continue;
    const std::string host = site.HostAt(instance["host"]);
    seen.versions[host] = instance["version"];
    if (instance["patch_id"] != "") seen.patched.insert(host);
  }
  return seen;
}

json PatchesOf(Site& site) { return site.Json({"cluster", "show", kDemo})["cluster"]["patches"]; }

std::size_t FilesInWarehouse(Site& site) {
  const fs::path dir = site.daemon().dir() / "data/warehouse/patches";
  if (!fs::exists(dir)) return 0;
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
}

// A demo cluster without patches. What was uploaded and refused is kept for a day.
void BeginUnpatched(Site& site) {
  site.EnsureDemo();
  if (!PatchesOf(site).empty()) site.MustCtl({"cluster", "patch", kDemo, "--revert", "--yes"});
}

TEST_CASE("a role gets a patch from a tarball, one dm-master one from a program, and back",
          "[lab][patch]") {
  Site& site = Site::Get();
  BeginUnpatched(site);
  const auto before = SettledTrees(site);
  const std::size_t files = FilesInWarehouse(site);
  const fs::path worker =
      Tarball(site, "dm-worker", "build/out/dm-worker", {"-czf"}, "hotfix-4711.tar.gz");
  const auto dry = site.MustCtl({"cluster", "patch", kDemo, worker, "--dry-run"});
  CHECK_THAT(dry.out, Catch::Contains("hotfix-4711.tar.gz (v7.5.1-fix)"));
  CHECK(See(site, "dm-worker").patched.empty());

  Poller poller(site);
  site.MustCtl({"cluster", "patch", kDemo, worker, "--role", "dm-worker", "--yes"});
  const Seen workers = See(site, "dm-worker");
  CHECK(workers.versions ==
        std::map<std::string, std::string>{{"h1", kFixed}, {"h2", kFixed}, {"h3", kFixed}});
  CHECK(workers.patched.size() == 3);
  CHECK(See(site, "dm-master").patched.empty());

  const fs::path master = Program(site, "dm-master", "dm-master-debug");
  const std::string node = site.Address("h2") + ":8261";
  site.MustCtl({"cluster", "patch", kDemo, master, "--node", node, "--yes"});
  const auto gaps = poller.Stop();
  WARN(fmt::format("patches: {} answers, longest gap without a leader {} ms", gaps.answers,
                   gaps.longest.count()));
  CHECK(gaps.longest < std::chrono::seconds(3));
  CHECK(See(site, "dm-master").versions ==
        std::map<std::string, std::string>{{"h1", kVersion}, {"h2", kFixed}, {"h3", kVersion}});
  CHECK(See(site, "dm-master").patched == std::set<std::string>{"h2"});
  CHECK(site.IsHealthy());
  CHECK(PatchesOf(site).size() == 2);
  const auto shown = site.MustCtl({"cluster", "show", kDemo});
  CHECK_THAT(shown.out, Catch::Contains("patch hotfix-4711.tar.gz of dm-worker (v7.5.1-fix)"));
  CHECK_THAT(site.MustCtl({"cluster", "status", kDemo}).out, Catch::Contains("patched"));

  site.MustCtl({"cluster", "patch", kDemo, "--revert", "--node", node, "--yes"});
  CHECK(See(site, "dm-master").patched.empty());
  CHECK(See(site, "dm-worker").patched.size() == 3);
  site.MustCtl({"cluster", "patch", kDemo, "--revert", "--yes"});
  CHECK(See(site, "dm-worker").versions ==
        std::map<std::string, std::string>{{"h1", kVersion}, {"h2", kVersion}, {"h3", kVersion}});
  CHECK(site.IsHealthy());
  CHECK(PatchesOf(site).empty());
  CHECK(FilesInWarehouse(site) == files);
  CheckEqual(before, SettledTrees(site));
  const auto again = site.Ctl({"cluster", "patch", kDemo, "--revert", "--yes"});
  CHECK(again.exit_code == 3);
}

TEST_CASE("what cannot be a patch is refused before anything changes", "[lab][patch]") {
  Site& site = Site::Get();
  BeginUnpatched(site);
  const auto before = SettledTrees(site);
  const auto refused = [&](std::vector<std::string> args, const std::string& text, int code) {
    args.insert(args.begin(), {"cluster", "patch", kDemo});
    args.push_back("--yes");
    const auto result = site.Ctl(args);
    INFO(fmt::format("{}\n{}{}", fmt::join(args, " "), result.out, result.err));
    CHECK(result.exit_code == code);
    CHECK_THAT(result.err, Catch::Contains(text));
  };
  const fs::path worker = Program(site, "dm-worker", "dm-worker");
  refused({Program(site, "dm-worker", "dm-worker-arm", kFixed, EM_AARCH64)}, "is for arm64", 3);
  refused({Program(site, "dm-worker", "dm-worker-ppc", kFixed, EM_PPC64)}, "architecture", 2);
  refused({site.WriteFile("dm-worker.sh", "#!/bin/sh\n")}, "neither", 2);
  refused({Program(site, "dm-worker", "out")}, "does not tell the component", 2);
  refused({Program(site, "dm-worker", "dm-worker-same", kVersion)}, "is the one of package", 3);
  refused({Tarball(site, "dm-worker", "dm-worker", {"-cf"}, "worker.tar"), "--role", "dm-master"},
          "no program of dm-master", 2);
  refused({worker, "--node", site.Address("h1") + ":8261"}, "select instances of dm-worker", 3);
  refused({worker, "--node", "10.9.9.9:1"}, "10.9.9.9:1", 2);
  refused({}, "FILE is missing", 2);
  CHECK(site.Status()["active_operation_id"] == "");
  CheckEqual(before, SettledTrees(site));
}

void CheckPatchPaused(Site& site, const Result& failed) {
  INFO(failed.out + failed.err);
  CHECK(failed.exit_code == 1);
  CHECK_THAT(failed.out + failed.err, Catch::Contains("runs v7.5.1 again") &&
                                          Catch::Contains("operation resume") &&
                                          Catch::Contains("operation rollback"));
  CHECK(site.IsHealthy());
  const Seen seen = See(site, "dm-worker");
  CHECK(seen.versions ==
        std::map<std::string, std::string>{{"h1", kFixed}, {"h2", kVersion}, {"h3", kVersion}});
  CHECK(seen.patched == std::set<std::string>{"h1"});
}

TEST_CASE("a patch that an instance does not start with is taken back", "[lab][patch]") {
  Site& site = Site::Get();
  BeginUnpatched(site);
  const auto before = SettledTrees(site);
  const fs::path worker = Program(site, "dm-worker", "dm-worker.bad");
  const bool resumed = GENERATE(false, true);
  {
    Sabotage sabotage(site, "h2", "dm-worker-8262", "dm-worker", kFixed);
    CheckPatchPaused(site,
                     site.Ctl({"cluster", "patch", kDemo, worker, "--yes", "--max-parallel", "1"}));
  }
  site.MustCtl({"operation", resumed ? "resume" : "rollback", NewestOperation(site)});
  CHECK(site.IsHealthy());
  CHECK(See(site, "dm-worker").patched.size() == (resumed ? 3U : 0U));
  if (resumed) site.MustCtl({"cluster", "patch", kDemo, "--revert", "--yes"});
  CheckEqual(before, SettledTrees(site));
}

TEST_CASE("an upgrade says which patches it drops, and a destroy frees them", "[lab][patch]") {
  Site& site = Site::Get();
  site.EnsurePackage("v7.5.2");
  BeginUnpatched(site);
  const std::size_t files = FilesInWarehouse(site);
  const fs::path worker =
      Tarball(site, "dm-worker", "dm-worker", {"--zstd", "-cf"}, "kept.tar.zst");
  site.MustCtl({"cluster", "patch", kDemo, worker, "--node", site.Address("h3") + ":8262",
                "--overwrite", "--yes"});
  CHECK(PatchesOf(site)[0]["kept_for_new_instances"] == true);
  CHECK_THAT(site.MustCtl({"cluster", "upgrade", kDemo, "v7.5.2", "--dry-run"}).out,
             Catch::Contains("dropping patch kept.tar.zst (v7.5.1-fix)"));
  const bool upgrade = GENERATE(true, false);
  if (upgrade) {
    site.MustCtl({"cluster", "upgrade", kDemo, "v7.5.2", "--yes"});
    CHECK(PatchesOf(site).empty());
    CHECK(See(site, "dm-worker").versions ==
          std::map<std::string, std::string>{{"h1", "v7.5.2"}, {"h2", "v7.5.2"}, {"h3", "v7.5.2"}});
    // dm-master, dm-worker and one of the monitoring.
    for (const auto& host : Site::Hosts()) {
      CHECK(site.lab().Ssh(host, "ls /.dmgr/releases | wc -l") == "3\n");
    }
  }
  site.EnsureNoCluster();
  CHECK(FilesInWarehouse(site) == files);
}

}  // namespace
}  // namespace dmgr::testing
