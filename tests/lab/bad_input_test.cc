// Files that are not what they should be: refused, with nothing changed.
#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "tests/lab/refusal.h"

namespace dmgr::testing {
namespace {

TEST_CASE("refused: files that are no topology", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const Unchanged unchanged(&site);
  const std::string host = site.Address("h1");
  const std::string head = fmt::format("master_servers:\n  - host: {}\n", host);
  const auto worker = [&](const std::string& keys) {
    return fmt::format("worker_servers:\n  - host: {}\n    {}\n", host, keys);
  };
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"master_servers: [\n", {"broken.yaml:"}},
      {head + worker("no_such_key: 1"), {"no_such_key", "broken.yaml:5"}},
      {head + worker("port: 1\n    port: 2"), {"port", "broken.yaml:6"}},
      {head + worker("deploy_dir: ../../etc"), {"../../etc", "broken.yaml:5"}},
      {head + worker("deploy_dir: /dm-x/dm-master-8261/bin") + "global:\n  deploy_dir: /dm-x\n",
       {"/dm-x/dm-master-8261", "broken.yaml:"}},
      {head + worker("name: a") + fmt::format("  - host: {}\n    port: 9262\n    name: a\n", host),
       {"name", "broken.yaml:"}}};
  for (const auto& [text, words] : cases) {
    INFO(text);
    CheckRefused(Deploy(site, site.WriteFile("broken.yaml", text)), kBadInput, words);
  }
  unchanged.Check();
}

TEST_CASE("refused: ten thousand instances", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const Unchanged unchanged(&site);
  std::string text =
      fmt::format("master_servers:\n  - host: {}\nworker_servers:\n", site.Address("h1"));
  for (int i = 0; i < 10000; ++i) {
    text += fmt::format("  - host: {}\n    port: {}\n", site.Address("h2"), 20000 + i);
  }
  CheckRefused(Deploy(site, site.WriteFile("many.yaml", text)), kBadInput, {"instances"});
  unchanged.Check();
}

TEST_CASE("refused: a host whose disk is full", "[lab][refusal]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.lab().FillDisk("h2", "/dm-full", 16);
  {
    const Unchanged unchanged(&site);
    const auto result = Deploy(
        site, site.WriteTopology({.deploy_dir = "/dm-full/deploy", .data_dir = "/dm-full/data"}));
    CheckRefused(result, kRefused, {site.Address("h2"), "/dm-full", "MiB free"});
    unchanged.Check();
  }
  site.lab().FreeDisk("h2", "/dm-full");
}

TEST_CASE("refused: packages that are damaged or incomplete", "[lab][refusal]") {
  Site& site = Site::Get();
  const Unchanged unchanged(&site);
  const auto dir = site.daemon().dir() / "bad";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir / "tree/bin");
  const auto pack = [&](const std::string& script) {
    const auto made = Run({.args = {"/bin/sh", "-euc", script}, .directory = dir});
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    return (dir / "dm-v9.9.1.tar.gz").string();
  };
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"tar -czf dm-v9.9.1.tar.gz -C tree bin", {"bin/dm-worker"}},
      {"echo x >evil; tar -czPf dm-v9.9.1.tar.gz -C tree ../evil bin", {"../evil"}},
      {"tar -czPf dm-v9.9.1.tar.gz /etc/hostname", {"/etc/hostname"}},
      {"ln -sfn /etc tree/bin/out; tar -czf dm-v9.9.1.tar.gz -C tree bin; rm tree/bin/out",
       {"bin/out"}},
      {"head -c 300000 /dev/urandom >tree/bin/dm-worker; tar -cz -C tree bin | head -c 100000 "
       ">dm-v9.9.1.tar.gz",
       {"dm-v9.9.1.tar.gz"}}};
  for (const auto& [script, words] : cases) {
    INFO(script);
    CheckRefused(site.Ctl({"package", "upload", pack(script)}), kBadInput, words);
  }
  unchanged.Check();
}

TEST_CASE("refused: a folder that lacks a component's tarball", "[lab][refusal]") {
  Site& site = Site::Get();
  namespace fs = std::filesystem;
  const fs::path some = site.daemon().dir() / "some";
  fs::create_directories(some);
  for (const auto& entry : fs::directory_iterator(site.daemon().dir() / "tarballs")) {
    const std::string name = entry.path().filename();
    if (name.find(".tar.gz") == std::string::npos || name.rfind("dm-worker", 0) == 0) continue;
    if (!fs::exists(some / name)) fs::create_hard_link(entry.path(), some / name);
  }
  const auto result = site.Ctl({"package", "build", "--components", some.string(), "--version",
                                kVersion, "--output", some.string()});
  CheckRefused(result, kBadInput, {"dm-worker"});
  CHECK_FALSE(fs::exists(some / fmt::format("dm-{}.tar.gz", kVersion)));
}

}  // namespace
}  // namespace dmgr::testing
