// A cluster on hosts that are directories, against its record.
#include "server/verify/verify.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>

#include "server/clusters/record.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/patch/patch.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/operations/upgrade/upgrade.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

constexpr char kVerified[] = "dm-test";

// Differences but for those that stand-ins without processes cannot help: nobody listens, and
// nothing is scraped.
std::vector<v1::Difference> Differences(const Stage& stage) {
  auto record = clusters::FindCluster(stage.resources(), kVerified);
  REQUIRE_OK(record.status());
  REQUIRE_OK(clusters::OpenOptions(stage.resources(), &*record));
  auto all = verify::DifferencesOf(stage.resources(), *record);
  REQUIRE_OK(all.status());
  std::erase_if(*all, [](const v1::Difference& one) {
    return one.kind() == v1::DIFFERENCE_KIND_PORT_SILENT ||
           one.kind() == v1::DIFFERENCE_KIND_TARGET_MISSING;
  });
  return *std::move(all);
}

void Bring(Stage* stage) {
  const Caller caller{"alice"};
  v1::DeployClusterRequest deploy;
  deploy.set_cluster_name(kVerified);
  deploy.set_version("v7.5.1");
  deploy.set_user_login(true);
  *deploy.mutable_topology() = SampleTopology();
  Perform(stage, [&] { return operations::DeployCluster(stage->resources(), deploy, caller); });
  CHECK(Differences(*stage).empty());
  v1::StartClusterRequest start;
  start.set_cluster_name(kVerified);
  Perform(stage, [&] { return operations::StartCluster(stage->resources(), start, caller); });
}

TEST_CASE("what is done to a host is found against the record, and nothing else", "[runners]") {
  Stage stage;
  Bring(&stage);
  REQUIRE(Differences(stage).empty());
  const TempRoot& root = stage.host("m3").root();
  const std::string worker = "opt/dm/deploy/dm-worker-18262";
  const std::string unit = "dm-worker-18262.service";
  struct Case {
    std::string path;
    std::function<void(const std::string& real)> change;
    v1::DifferenceKind kind;
  };
  const auto append = [](const std::string& real) {
    std::ofstream(real, std::ios::app) << "more\n";
  };
  const std::vector<Case> cases = {
      {worker + "/conf/dm-worker.toml", append, v1::DIFFERENCE_KIND_FILE_CONTENT},
      {worker + "/scripts/run_dm-worker.sh", [](const auto& real) { fs::remove(real); },
       v1::DIFFERENCE_KIND_FILE_MISSING},
      {worker + "/conf/dm-worker.toml",
       [](const auto& real) { fs::permissions(real, fs::perms(0666)); },
       v1::DIFFERENCE_KIND_FILE_ATTRIBUTES},
      {worker + "/bin/dm-worker", [](const auto& real) { fs::remove(real); },
       v1::DIFFERENCE_KIND_PROGRAM_MISSING},
      {worker + "/bin/mine.sh", append, v1::DIFFERENCE_KIND_STRAY},
      {worker + "/conf", [](const auto& real) { fs::permissions(real, fs::perms(0777)); },
       v1::DIFFERENCE_KIND_DIRECTORY_ATTRIBUTES},
      {"opt/dm/data/dm-worker-18262/data", [](const auto& real) { fs::remove_all(real); },
       v1::DIFFERENCE_KIND_DIRECTORY_MISSING},
      {"etc/systemd/system/" + unit, append, v1::DIFFERENCE_KIND_UNIT_CONTENT},
      {"home/dm/.ssh/authorized_keys", [](const auto& real) { fs::remove(real); },
       v1::DIFFERENCE_KIND_KEY_MISSING},
  };
  for (const auto& one : cases) {
    INFO(v1::DifferenceKind_Name(one.kind) << " of " << one.path);
    const std::string real = root / one.path;
    const std::string kept = root / "kept";
    if (fs::exists(real)) {
      fs::copy(real, kept, fs::copy_options::recursive);
    }
    struct stat info = {};
    const bool was_there = stat(real.c_str(), &info) == 0;
    const std::string hard = root / "hard";
    // A program stays what it is in the release store.
    if (was_there && fs::is_regular_file(real)) fs::create_hard_link(real, hard);
    const bool by_name = one.kind == v1::DIFFERENCE_KIND_PROGRAM_MISSING;
    one.change(real);
    const auto found = Differences(stage);
    CHECK(found.size() == 1);
    if (!found.empty()) {
      CHECK(found[0].kind() == one.kind);
      CHECK(found[0].machine_id() == "m3");
      CHECK_FALSE(found[0].text().empty());
    }
    // As it was.
    if (by_name) {
      fs::rename(hard, real);
    } else if (fs::is_directory(real) && was_there) {
      fs::permissions(real, fs::perms(info.st_mode & 07777));
    } else {
      fs::remove_all(real);
      if (was_there) {
        fs::rename(kept, real);
        fs::permissions(real, fs::perms(info.st_mode & 07777));
        REQUIRE(chown(real.c_str(), info.st_uid, info.st_gid) == 0);
      }
    }
    fs::remove_all(kept);
    fs::remove(hard);
    CHECK(Differences(stage).empty());
  }
}

template <typename Request>
void Do(Stage* stage,
        absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&, const Caller&),
        Request request = {}) {
  INFO(Request::descriptor()->name());
  request.set_cluster_name(kVerified);
  Perform(stage, [&] { return call(stage->resources(), request, Caller{"alice"}); });
  const auto found = Differences(*stage);
  for (const auto& difference : found) UNSCOPED_INFO(difference.text());
  CHECK(found.empty());
}

TEST_CASE("after each operation the hosts are as it has recorded them", "[runners]") {
  Stage stage;
  Bring(&stage);
  v1::ScaleOutClusterRequest out;
  auto* master = out.mutable_topology()->add_master_servers();
  master->mutable_placement()->set_host("10.0.0.1");
  master->set_port(28261);
  master->set_peer_port(28291);
  auto* worker = out.mutable_topology()->add_worker_servers();
  worker->mutable_placement()->set_host("10.0.0.1");
  worker->set_port(28262);
  Do(&stage, operations::ScaleOutCluster, out);
  v1::PatchClusterRequest patch;
  patch.set_patch_id(stage.AddWorkerPatch());
  patch.set_overwrite(true);
  Do(&stage, operations::PatchCluster, patch);
  v1::ScaleInClusterRequest in;
  in.mutable_selection()->add_nodes("10.0.0.1:28261");
  Do(&stage, operations::ScaleInCluster, in);
  stage.AddPackage("v7.5.2");
  v1::UpgradeClusterRequest upgrade;
  upgrade.set_version("v7.5.2");
  Do(&stage, operations::UpgradeCluster, upgrade);
  v1::StopClusterRequest stop;
  stop.mutable_selection()->add_components(v1::COMPONENT_DM_WORKER);
  Do(&stage, operations::StopCluster, stop);
  Do(&stage, operations::DisableCluster, v1::DisableClusterRequest());
  Do(&stage, operations::StopCluster, v1::StopClusterRequest());
}

TEST_CASE("a host that is away and a cluster that is stopped are told apart", "[runners]") {
  Stage stage;
  Bring(&stage);
  stage.Lose("m3");
  const auto found = Differences(stage);
  REQUIRE_FALSE(found.empty());
  CHECK(found[0].kind() == v1::DIFFERENCE_KIND_HOST_UNREACHABLE);
  CHECK(found[0].machine_id() == "m3");
  // Its members are known to be down.
  for (std::size_t i = 1; i < found.size(); ++i) {
    CHECK(found[i].kind() == v1::DIFFERENCE_KIND_MEMBER_DOWN);
    CHECK(found[i].machine_id() == "m3");
  }
}

TEST_CASE("a unit that is stopped or disabled by hand is found", "[runners]") {
  Stage stage;
  Bring(&stage);
  const TempRoot& root = stage.host("m1").root();
  fs::remove(root / "run/units/prometheus-19090.service");
  fs::remove(root / "etc/systemd/system/multi-user.target.wants/grafana-13000.service");
  auto found = Differences(stage);
  // Nobody tells the targets any more.
  REQUIRE(found.size() == 3);
  CHECK(found[0].kind() == v1::DIFFERENCE_KIND_NOT_RUNNING);
  CHECK(found[1].kind() == v1::DIFFERENCE_KIND_UNIT_AT_BOOT);
  CHECK(found[2].kind() == v1::DIFFERENCE_KIND_TARGETS_UNKNOWN);
}

}  // namespace
}  // namespace dmgr::test
