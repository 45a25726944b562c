// dmgrd's machine is lost: from its backup another one manages the clusters that run.
#include <filesystem>

#include "common/files.h"
#include "tests/lab/site.h"
#include "tests/lab/spare.h"
#include "tests/support/files.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

Result RunDmgrd(Site& site, std::vector<std::string> args) {
  args.insert(args.begin(),
              {ProgramDir() / "dmgrd", "--config", site.daemon().dir() / "dmgrd.toml"});
  return Run({.args = args}, std::chrono::seconds(180));
}

// As a new machine, to which the key was brought.
void LoseMachine(Site& site) {
  const fs::path data = site.daemon().dir() / "data";
  const std::string key = Contents(data / "master.key");
  site.daemon().Stop();
  fs::remove_all(data);
  fs::create_directory(data);
  fs::permissions(data, fs::perms(0711));
  REQUIRE(WriteNewFile(data / "master.key", key, 0600).ok());
}

// The package is in the warehouse as this file, to be uploaded again.
fs::path UploadKeptPackage(Site& site) {
  const fs::path folder = site.daemon().dir() / "kept";
  fs::create_directories(folder);
  site.MustCtl({"package", "build", "--components", site.daemon().dir() / "tarballs", "--version",
                kVersion, "--output", folder});
  const fs::path package = folder / "dm-v7.5.1.tar.gz";
  site.MustCtl({"package", "remove", kVersion, "--yes"});
  site.MustCtl({"package", "upload", package});
  return package;
}

TEST_CASE("a dmgrd of a backup manages the cluster that runs, and lets it grow",
          "[lab][product][backup]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const fs::path package = UploadKeptPackage(site);
  site.EnsureDemo();
  const Spare spare(site);
  const fs::path data = site.daemon().dir() / "data";
  const fs::path tree = data / "cluster" / kDemo;
  const fs::path edited = tree / kVersion / "conf/dm-worker.toml";
  const std::string by_hand = Contents(edited) + "# by hand\n";
  REQUIRE(dmgr::WriteFileAtomically(edited, by_hand, 0644).ok());
  const std::string sealed_key = Contents(tree / "ssh/id_ed25519.sealed");
  const fs::path file = site.daemon().dir() / "own.backup";
  fs::remove(file);
  // While an operation runs: it is in the record as it is then.
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--detach"});
  const Result taken = RunDmgrd(site, {"--backup", file});
  INFO(taken.out << taken.err);
  REQUIRE(taken.exit_code == 0);
  CHECK_THAT(taken.out, Contains("1 clusters"));
  site.MustCtl({"operation", "wait", NewestOperation(site)});

  LoseMachine(site);
  const Result restored = RunDmgrd(site, {"--restore", file});
  INFO(restored.out << restored.err);
  REQUIRE(restored.exit_code == 0);
  CHECK_THAT(restored.out, Contains("upload package dm-v7.5.1.tar.gz again"));
  CHECK(Contents(edited) == by_hand);
  CHECK(Contents(tree / "ssh/id_ed25519.sealed") == sealed_key);
  CHECK_FALSE(fs::exists(tree / kVersion / "bin"));

  site.daemon().Start();
  site.daemon().ForgetSession();
  site.daemon().LogIn();
  CHECK(site.IsHealthy());
  INFO("what was under way at the backup waits for a person");
  const std::string operation = NewestOperation(site);
  const auto shown = site.Json({"operation", "show", operation});
  if (shown["operation"]["state"] == "OPERATION_STATE_FAILED") {
    CHECK_THAT(shown.dump(), Contains("RESTORED"));
    site.MustCtl({"operation", "resume", operation});
  }
  site.MustCtl({"package", "upload", package});
  CHECK(fs::exists(data / "warehouse/packages" / kVersion / "tree/bin/dm-worker"));
  const std::string more =
      site.WriteFile("more.yaml", "worker_servers:\n  - host: " + spare.address() + "\n");
  site.MustCtl({"cluster", "scale-out", kDemo, more, "--yes"});
  CHECK(site.IsHealthy());
  CHECK(site.Status()["instances"].size() == 10);
  CHECK(site.MustCtl({"cluster", "dmctl", kDemo, "--", "list-member"}).exit_code == 0);
  CHECK(site.Ctl({"audit", "verify"}).exit_code == 0);
  site.EnsureNoCluster();
}

}  // namespace
}  // namespace dmgr::testing
