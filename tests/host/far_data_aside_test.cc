// Data directories that get another name, and are put back or dropped, whatever a kill has left
// half done.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "tests/host/far_account.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;
using DataVerb = hv1::SetDataAside::Verb;

constexpr uid_t kDataUser = 5001;
constexpr char kDataPath[] = "/opt/dmgr/dm-master/data";
constexpr char kDataKept[] = "opt/dmgr/dm-master/data.before-1";

class DataOfMaster {
 public:
  DataOfMaster() : far_(root_) {
    AddAccountPrograms(root_);
    far_.Begin(kClusterA, 1);
    REQUIRE(far_.Call(Ensure("dm", kKeyA)).has_ensure_account());
    hv1::ToHost request;
    auto* dir = request.mutable_make_dirs()->add_dirs();
    dir->set_path(kDataPath);
    dir->set_mode(0700);
    dir->set_owner("dm");
    dir->set_group("dm");
    REQUIRE(far_.Call(request).has_done());
    Write("old");
  }

  const TempRoot& root() const { return root_; }
  std::string Path(const std::string& name = "") const {
    return root_ / (std::string(kDataPath).substr(1) + name);
  }
  bool Has(const std::string& name) const { return fs::exists(Path("/" + name)); }
  void Write(const std::string& name, uid_t user = kDataUser) const {
    root_.Write(std::string(kDataPath).substr(1) + "/" + name, "x");
    REQUIRE(chown(Path("/" + name).c_str(), user, user) == 0);
  }

  void Bind() { root_.Bind(std::string(kDataPath).substr(1)); }

  hv1::FromHost Do(DataVerb verb) {
    hv1::ToHost request;
    auto* aside = request.mutable_set_data_aside();
    aside->set_verb(verb);
    aside->add_units("dm-master-8261.service");
    aside->add_dirs(kDataPath);
    aside->set_label("before-1");
    aside->set_user("dm");
    return far_.Call(request);
  }
  void MustDo(DataVerb verb) {
    const auto reply = Do(verb);
    INFO(reply.failure().text());
    REQUIRE(reply.has_clear_dirs());
    CHECK(reply.clear_dirs().left().empty());
  }

 private:
  TempRoot root_;
  FarProcess far_;
};

TEST_CASE("data is set aside for an empty directory like it, and put back") {
  DataOfMaster data;
  data.MustDo(hv1::SetDataAside::VERB_LOOK);
  CHECK(data.Has("old"));
  for (int round = 0; round < 2; ++round) {
    data.MustDo(hv1::SetDataAside::VERB_SET_ASIDE);
    CHECK_FALSE(data.Has("old"));
    CHECK(data.root().Exists(std::string(kDataKept) + "/old"));
    struct stat info = {};
    REQUIRE(stat(data.Path().c_str(), &info) == 0);
    CHECK(info.st_uid == kDataUser);
    CHECK((info.st_mode & 07777) == 0700);
    data.Write("new");
  }
  CHECK(data.Has("new"));
  for (int round = 0; round < 2; ++round) {
    data.MustDo(hv1::SetDataAside::VERB_PUT_BACK);
    CHECK(data.Has("old"));
    CHECK_FALSE(data.Has("new"));
    CHECK_FALSE(data.root().Exists(kDataKept));
  }
}

TEST_CASE("data that was set aside is dropped, and what has taken its place stays") {
  DataOfMaster data;
  data.MustDo(hv1::SetDataAside::VERB_SET_ASIDE);
  data.Write("new");
  for (int round = 0; round < 2; ++round) {
    data.MustDo(hv1::SetDataAside::VERB_DROP);
    CHECK(data.Has("new"));
    CHECK_FALSE(data.root().Exists(kDataKept));
  }
  // Of what is not aside any more nothing is put back.
  data.MustDo(hv1::SetDataAside::VERB_PUT_BACK);
  CHECK(data.Has("new"));
}

TEST_CASE("a kill between the record and the new name loses no data") {
  DataOfMaster data;
  data.MustDo(hv1::SetDataAside::VERB_SET_ASIDE);
  fs::remove(data.Path());
  SECTION("before the empty directory") {}
  SECTION("before the new name") { fs::rename(data.root() / kDataKept, data.Path()); }
  SECTION("and it goes on") {
    data.MustDo(hv1::SetDataAside::VERB_SET_ASIDE);
    CHECK(data.root().Exists(std::string(kDataKept) + "/old"));
    CHECK(fs::is_empty(data.Path()));
  }
  data.MustDo(hv1::SetDataAside::VERB_PUT_BACK);
  CHECK(data.Has("old"));
  CHECK_FALSE(data.root().Exists(kDataKept));
}

TEST_CASE("what has the other name and is not recorded is nobody's to take") {
  DataOfMaster data;
  data.root().Write(std::string(kDataKept) + "/mine", "somebody's");
  for (const DataVerb verb : {hv1::SetDataAside::VERB_LOOK, hv1::SetDataAside::VERB_SET_ASIDE}) {
    CHECK(data.Do(verb).failure().kind() == hv1::Failure::KIND_CONFLICT);
  }
  data.MustDo(hv1::SetDataAside::VERB_PUT_BACK);
  data.MustDo(hv1::SetDataAside::VERB_DROP);
  CHECK(data.Has("old"));
  CHECK(data.root().Exists(std::string(kDataKept) + "/mine"));
}

TEST_CASE("data that is mounted from its own file system is refused at the look") {
  DataOfMaster data;
  data.Bind();
  for (const DataVerb verb : {hv1::SetDataAside::VERB_LOOK, hv1::SetDataAside::VERB_SET_ASIDE}) {
    const auto refused = data.Do(verb).failure();
    CHECK(refused.kind() == hv1::Failure::KIND_CONFLICT);
    CHECK_THAT(refused.text(), Catch::Contains(std::string(kDataPath) + " is a mount point"));
  }
  data.MustDo(hv1::SetDataAside::VERB_PUT_BACK);
  CHECK(data.Has("old"));
  CHECK_FALSE(data.root().Exists(kDataKept));
  CHECK_FALSE(
      data.root().Exists("var/lib/dmgr/clusters/" + std::string(kClusterA) + "/data-aside"));
}

TEST_CASE("what is not the user's is not removed with the data") {
  DataOfMaster data;
  data.MustDo(hv1::SetDataAside::VERB_SET_ASIDE);
  data.Write("mine.sql", 0);
  const auto refused = data.Do(hv1::SetDataAside::VERB_PUT_BACK);
  CHECK(refused.failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK_THAT(refused.failure().text(), Catch::Contains("mine.sql"));
  CHECK(data.root().Exists(std::string(kDataKept) + "/old"));
  fs::remove(data.Path("/mine.sql"));
  data.MustDo(hv1::SetDataAside::VERB_PUT_BACK);
  CHECK(data.Has("old"));
}

}  // namespace
}  // namespace dmgr::test
