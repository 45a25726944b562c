// Another tool's files keep a second name, and are put back, whatever a kill has left half done.
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "tests/host/far_account.h"
#include "tests/host/far_deploy.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

constexpr char kScript[] = "/opt/theirs/scripts/run.sh";
constexpr char kNew[] = "/opt/theirs/scripts/new.sh";
constexpr char kUnitFile[] = "etc/systemd/system/dm-master-8261.service";
// By the begin of the cluster's id.
std::string Aside(const std::string& path) {
  return path + ".tiup-" + std::string(kClusterA).substr(0, 8);
}

class TheirFiles {
 public:
  TheirFiles() : far_(root_) {
    AddAccountPrograms(root_);
    root_.Write("opt/theirs/scripts/run.sh", "theirs", 0755);
    root_.Write(kUnitFile, "their unit");
    far_.Begin(kClusterA, 1);
    REQUIRE(far_.Call(Ensure("dm", kKeyA)).has_ensure_account());
  }

  const TempRoot& root() const { return root_; }
  std::string Script() const { return root_.Read("opt/theirs/scripts/run.sh"); }
  bool HasAside() const { return root_.Exists(Aside("opt/theirs/scripts/run.sh")); }

  hv1::FromHost SetAside() {
    hv1::ToHost request;
    Name(request.mutable_set_aside());
    return far_.Call(request);
  }
  void PutBack() {
    hv1::ToHost request;
    Name(request.mutable_put_back());
    REQUIRE(far_.Call(request).has_done());
  }
  void WriteOwn() {
    hv1::ToHost request;
    for (const char* path : {kScript, kNew}) {
      auto* file = request.mutable_write_files()->add_files();
      file->set_path(path);
      file->set_mode(0755);
      file->set_owner("dm");
      file->set_group("dm");
      file->set_content("ours");
    }
    REQUIRE(far_.Call(request).has_done());
  }

 private:
  template <typename Request>
  static void Name(Request* request) {
    request->add_paths(kScript);
    request->add_paths(kNew);
    request->add_units(kDeployedUnit);
  }

  TempRoot root_;
  FarProcess far_;
};

TEST_CASE("files are set aside before others take their place, and put back") {
  TheirFiles files;
  for (int round = 0; round < 2; ++round) {
    REQUIRE(files.SetAside().has_done());
    CHECK(files.HasAside());
    CHECK(files.root().Read(Aside(kUnitFile)) == "their unit");
    CHECK_FALSE(files.root().Exists(Aside("opt/theirs/scripts/new.sh")));
    // The place is never empty.
    CHECK(files.Script() == (round == 0 ? "theirs" : "ours"));
    files.WriteOwn();
    CHECK(files.Script() == "ours");
  }
  for (int round = 0; round < 2; ++round) {
    files.PutBack();
    CHECK(files.Script() == "theirs");
    CHECK_FALSE(files.HasAside());
    CHECK_FALSE(files.root().Exists("opt/theirs/scripts/new.sh"));
    CHECK(files.root().Read(kUnitFile) == "their unit");
  }
}

TEST_CASE("a kill while files are put back loses none of them") {
  TheirFiles files;
  REQUIRE(files.SetAside().has_done());
  files.WriteOwn();
  // The file is back, and nothing says so yet.
  const std::string script = files.root() / "opt/theirs/scripts/run.sh";
  fs::rename(Aside(script), script);
  SECTION("and it goes on") { files.PutBack(); }
  SECTION("and the change is made again, and taken back") {
    REQUIRE(files.SetAside().has_done());
    CHECK(files.HasAside());
    files.WriteOwn();
    files.PutBack();
  }
  CHECK(files.Script() == "theirs");
  CHECK_FALSE(files.HasAside());
  CHECK_FALSE(files.root().Exists("opt/theirs/scripts/new.sh"));
}

TEST_CASE("a kill before a file has its second name") {
  TheirFiles files;
  REQUIRE(files.SetAside().has_done());
  fs::remove(files.root() / (Aside("opt/theirs/scripts/run.sh")));
  SECTION("the next attempt gives it one") {
    REQUIRE(files.SetAside().has_done());
    CHECK(files.HasAside());
    files.WriteOwn();
  }
  SECTION("nothing is put back, nothing is lost") {}
  files.PutBack();
  CHECK(files.Script() == "theirs");
}

TEST_CASE("what has the second name already is nobody's to overwrite") {
  TheirFiles files;
  files.root().Write(Aside("opt/theirs/scripts/run.sh"), "somebody's");
  const auto reply = files.SetAside();
  CHECK(reply.failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK(files.root().Read(Aside("opt/theirs/scripts/run.sh")) == "somebody's");
  CHECK(files.Script() == "theirs");
}

}  // namespace
}  // namespace dmgr::test
