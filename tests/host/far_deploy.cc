#include "tests/host/far_deploy.h"

#include <catch2/catch.hpp>

#include "tests/host/far_account.h"

namespace dmgr::test {

void Deploy(FarProcess& far, const std::string& dir, const char* key) {
  REQUIRE(far.Call(Ensure("dm", key)).has_ensure_account());
  hv1::ToHost request;
  for (const std::string& path : {dir, dir + "/bin", dir + "/data", dir + "/conf"}) {
    auto* made = request.mutable_make_dirs()->add_dirs();
    made->set_path(path);
    made->set_mode(0755);
    made->set_owner("dm");
    made->set_group("dm");
  }
  REQUIRE(far.Call(request).has_done());
  hv1::ToHost files;
  auto* file = files.mutable_write_files()->add_files();
  file->set_path(dir + "/bin/dm-master");
  file->set_owner("root");
  file->set_group("root");
  file->set_mode(0755);
  file->set_content("program");
  REQUIRE(far.Call(files).has_done());
  hv1::ToHost units;
  auto* unit = units.mutable_install_units()->add_units();
  unit->set_name(kDeployedUnit);
  unit->set_content("[Unit]\n");
  unit->set_enabled(true);
  REQUIRE(far.Call(units).has_done());
}

hv1::RemovePaths Paths(const std::string& dir) {
  hv1::RemovePaths removal;
  removal.add_units(kDeployedUnit);
  removal.add_dirs(dir);
  removal.add_parents("/opt/dmgr");
  removal.set_user("dm");
  return removal;
}

hv1::LeaveCluster Leaving(const char* key) {
  hv1::LeaveCluster leaving;
  leaving.set_user("dm");
  leaving.set_public_key(key);
  leaving.add_store_dirs("/opt/.dmgr/releases");
  leaving.add_parents("/opt/dmgr");
  return leaving;
}

}  // namespace dmgr::test
