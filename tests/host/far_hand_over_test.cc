// What one cluster gives to another one that uses it, too.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "tests/host/far_account.h"
#include "tests/host/far_deploy.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

uid_t OwnerOf(const TempRoot& root, const std::string& path) {
  struct stat info = {};
  REQUIRE(stat((root / path).c_str(), &info) == 0);
  return info.st_uid;
}

TEST_CASE("what is handed over stays until the heir removes it") {
  TempRoot root;
  AddAccountPrograms(root);
  const std::string shared(64, 'd');
  const std::string own(64, 'e');
  for (const auto& hash : {shared, own}) {
    root.Write("opt/.dmgr/releases/" + hash + "/.complete", "");
    root.Write("opt/.dmgr/holders/" + hash + "/" + kClusterA, "");
  }
  FarProcess a(root);
  a.Begin(kClusterA, 1);
  Deploy(a, "/opt/dmgr/a", kKeyA);
  root.Write("opt/dmgr/a/data/state", "of its user");
  fs::permissions(root / "opt/dmgr/a/data/state", fs::perms(0600));
  // A disk: nothing else that is there is taken.
  root.Mount("srv/data", 64 << 10);
  hv1::ToHost existing;
  auto* dir = existing.mutable_make_dirs()->add_dirs();
  dir->set_path("/srv/data");
  dir->set_mode(0755);
  dir->set_owner("dm");
  dir->set_group("dm");
  REQUIRE(a.Call(existing).has_done());
  const uid_t user = OwnerOf(root, "srv/data");
  REQUIRE(user != 0);
  FarProcess b(root);
  b.Begin(kClusterB, 1);
  REQUIRE(b.Call(Ensure("dm", kKeyB)).has_ensure_account());

  hv1::ToHost hand_over;
  auto* given = hand_over.mutable_hand_over();
  given->set_heir(kClusterB);
  given->add_units(kDeployedUnit);
  given->add_dirs("/opt/dmgr/a");
  given->add_dirs("/srv/data");
  given->add_hashes(shared);
  given->add_store_dirs("/opt/.dmgr/releases");
  for (int round = 0; round < 2; ++round) REQUIRE(a.Call(hand_over).has_done());
  hv1::ToHost leave;
  *leave.mutable_leave_cluster() = Leaving(kKeyA);
  REQUIRE(a.Call(leave).has_leave_cluster());
  CHECK(root.Exists("opt/dmgr/a/bin/dm-master"));
  CHECK(OwnerOf(root, "srv/data") == user);
  CHECK(root.Exists(std::string("etc/systemd/system/") + kDeployedUnit));
  CHECK(root.Exists("opt/.dmgr/releases/" + shared));
  CHECK_FALSE(root.Exists("opt/.dmgr/releases/" + own));
  CHECK(root.Read("home/dm/.ssh/authorized_keys") == std::string(kKeyB) + "\n");

  hv1::ToHost removal;
  *removal.mutable_batch()->add_requests()->mutable_remove_paths() = Paths("/opt/dmgr/a");
  *removal.mutable_batch()->add_requests()->mutable_leave_cluster() = Leaving(kKeyB);
  const auto reply = b.Call(removal);
  REQUIRE(reply.batch().replies_size() == 2);
  CHECK(OwnerOf(root, "srv/data") == 0);
  CHECK_FALSE(root.Exists("opt/dmgr/a/bin"));
  CHECK_FALSE(root.Exists(std::string("etc/systemd/system/") + kDeployedUnit));
  CHECK_FALSE(root.Exists("opt/.dmgr"));
}

}  // namespace
}  // namespace dmgr::test
