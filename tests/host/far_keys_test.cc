// The keys of a cluster that its user lets in.
#include <catch2/catch.hpp>
#include <string>

#include "tests/host/far_account.h"

namespace dmgr::test {
namespace {

const char kKeysPath[] = "home/dm/.ssh/authorized_keys";

// As dmgrd makes it for the cluster with this uuid.
std::string KeyOf(const std::string& bytes, const std::string& cluster,
                  const std::string& name = "demo") {
  return "ssh-ed25519 " + bytes + " dmgr:" + name + ":" + cluster;
}

hv1::ToHost LeaveOnly(const std::string& key) {
  hv1::ToHost request;
  request.mutable_drop_old_keys()->set_user("dm");
  request.mutable_drop_old_keys()->set_public_key(key);
  return request;
}

TEST_CASE("of the keys of a cluster one stays, and all that are others'") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const std::string first = KeyOf("AAAA1", kClusterA, "before");
  const std::string second = KeyOf("AAAA2", kClusterA);
  const std::string others = KeyOf("AAAA3", kClusterB);
  for (const auto& key : {first, others, std::string(kKeyA), second}) {
    REQUIRE(far.Call(Ensure("dm", key)).has_ensure_account());
  }
  for (int i = 0; i < 2; ++i) {
    REQUIRE(far.Call(LeaveOnly(second)).has_done());
    CHECK(root.Read(kKeysPath) == others + "\n" + kKeyA + "\n" + second + "\n");
  }
  // What is no key of this cluster takes none of another one along.
  REQUIRE(far.Call(LeaveOnly(kKeyB)).has_done());
  CHECK(root.Read(kKeysPath) == others + "\n" + kKeyA + "\n");
  // No key is to stay, in whatever form it was given.
  REQUIRE(far.Call(Ensure("dm", "restrict,pty " + KeyOf("AAAA9", kClusterA))).has_ensure_account());
  REQUIRE(far.Call(LeaveOnly("")).has_done());
  CHECK(root.Read(kKeysPath) == others + "\n" + kKeyA + "\n");
}

TEST_CASE("a cluster that leaves takes its older keys along") {
  TempRoot root;
  AddAccountPrograms(root);
  FarProcess other(root);
  other.Begin(kClusterB, 1);
  const std::string others = KeyOf("AAAA3", kClusterB);
  REQUIRE(other.Call(Ensure("dm", others)).has_ensure_account());
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  for (const char* bytes : {"AAAA1", "AAAA2"}) {
    REQUIRE(far.Call(Ensure("dm", KeyOf(bytes, kClusterA))).has_ensure_account());
  }
  hv1::ToHost leaving;
  leaving.mutable_leave_cluster()->set_user("dm");
  leaving.mutable_leave_cluster()->set_public_key(KeyOf("AAAA2", kClusterA));
  REQUIRE(far.Call(leaving).has_leave_cluster());
  CHECK(root.Read(kKeysPath) == others + "\n");
}

}  // namespace
}  // namespace dmgr::test
