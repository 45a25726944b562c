// Good packages, and what must be in one.
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <set>

#include "common/enum_words.h"
#include "common/package/archs.h"
#include "common/package/unpack.h"
#include "server/package/program_version.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/package/upload.h"

namespace dmgr::package {
namespace {

using Catch::Contains;

std::string Blake2b(const std::string& data) {
  unsigned char digest[32];
  crypto_generichash(digest, sizeof(digest), reinterpret_cast<const unsigned char*>(data.data()),
                     data.size(), nullptr, 0);
  return HexEncode(std::string(reinterpret_cast<char*>(digest), sizeof(digest)));
}

const v1::PackageComponent& Component(const v1::Package& package, const std::string& name) {
  for (const auto& component : package.components()) {
    if (ToWord(component.component()) == name) return component;
  }
  throw std::runtime_error("no component " + name);
}

std::vector<std::string> Paths(const v1::PackageComponent& component) {
  std::vector<std::string> paths;
  for (const auto& file : component.files()) paths.push_back(file.path());
  return paths;
}

// The members of a release as another program sees them.
struct Listed {
  std::string line;
  std::string content;
};
std::vector<Listed> ListRelease(const std::string& path) {
  archive* reader = archive_read_new();
  archive_read_support_filter_zstd(reader);
  archive_read_support_format_tar(reader);
  REQUIRE(archive_read_open_filename(reader, path.c_str(), 65536) == ARCHIVE_OK);
  std::vector<Listed> listed;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    archive_read_data(reader, content.data(), content.size());
    CHECK(archive_entry_mtime(entry) == 0);
    CHECK(archive_entry_uid(entry) == 0);
    std::string name = archive_entry_pathname(entry);
    if (archive_entry_filetype(entry) == AE_IFDIR) {
      if (name.ends_with('/')) name.pop_back();
      listed.push_back({fmt::format("d {:04o} - - {}\n", archive_entry_perm(entry), name), ""});
    } else {
      listed.push_back({fmt::format("f {:04o} {} {} {}\n", archive_entry_perm(entry),
                                    content.size(), Blake2b(content), name),
                        content});
    }
  }
  archive_read_free(reader);
  return listed;
}

}  // namespace

TEST_CASE("file names") {
  CHECK(*VersionOfFileName("dm-v7.5.1.tar.gz") == "v7.5.1");
  CHECK(*VersionOfFileName("dm-v8.0.0-beta.1.tar.gz") == "v8.0.0-beta.1");
  for (const char* name : {"", "dm-.tar.gz", "dm-7.5.1.tar.gz", "dm-v7.5.tar.gz", "dm-v7.5.1.tgz",
                           "../dm-v7.5.1.tar.gz", "dm-v7.5.1/../x.tar.gz", "DM-v7.5.1.tar.gz"}) {
    CAPTURE(name);
    CHECK_FALSE(VersionOfFileName(name).ok());
  }
}

TEST_CASE("versions in what programs print") {
  CHECK(VersionIn("Release Version: v7.5.1\nGit Commit Hash: 1234\n") == "v7.5.1");
  CHECK(VersionIn("prometheus, version 2.42.0+ds (branch: debian/sid)\n") == "2.42.0+ds");
  CHECK(VersionIn("Version 7.5.17 (commit: abc)\n") == "7.5.17");
  CHECK(VersionIn("") == "");
  CHECK(VersionIn("flag provided but not defined: -V") == "");
  CHECK(VersionIn("x \xff version: \n v1") == "v1");
  CHECK(VersionIn("\xff Version:\t 9.5.1\n") == "9.5.1");
  // Whatever a program prints, and however much of it.
  CHECK(VersionIn("version " + std::string(1000000, ' ') + "7") == "7");
  CHECK(VersionIn("version " + std::string(1000000, '7')) == std::string(64, '7'));
}

TEST_CASE("a program is asked for its version as nobody, and not for ever") {
  if (geteuid() != 0) return;
  CHECK(ProgramVersion("/bin/bash", "--version").substr(0, 2) == "5.");
  CHECK(ProgramVersion("/nowhere", "-V").empty());
  CHECK(ProgramVersion("/bin/false", "-V").empty());
  const auto began = std::chrono::steady_clock::now();
  CHECK(ProgramVersion("/bin/sleep", "60").empty());
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(20));
  // Where only root may enter it is read all the same, and it is no root that runs.
  test::TempDir dir;
  const std::string path = dir / "who";
  fs::copy_file("/bin/touch", path);
  fs::permissions(dir / ".", fs::perms::owner_all);
  const std::string mark = dir / "version";
  CHECK(ProgramVersion(path, mark).empty());
  CHECK_FALSE(fs::exists(mark));
}

TEST_CASE("a good package is unpacked, described, and made into releases") {
  Upload upload;
  std::vector<std::string> seen;
  upload.check = [&](const std::string& tree) {
    seen.push_back(ReadFile(tree + "/conf/dm-master.toml"));
    return std::vector<std::string>();
  };
  const std::string bytes = PackTree(GoodTree());
  const auto package = upload.Send(bytes);
  INFO(Message(package.status()));
  REQUIRE(package.ok());
  CHECK(seen == std::vector<std::string>{"content of conf/dm-master.toml"});
  CHECK(package->version() == "v2.0.1");
  CHECK(package->file_name() == "dm-v2.0.1.tar.gz");
  CHECK(package->size_bytes() == bytes.size());
  CHECK(package->sha256() == Sha256Hex(bytes));
  CHECK(package->arch() == "amd64");
  CHECK(package->components_size() == 5);
  CHECK(Paths(Component(*package, "dm-master")) == std::vector<std::string>{"bin/dm-master"});
  CHECK(Paths(Component(*package, "prometheus")) ==
        std::vector<std::string>{"bin/prometheus", "bin/promtool"});
  CHECK(Paths(Component(*package, "alertmanager")) == std::vector<std::string>{"bin/alertmanager"});
  CHECK(Paths(Component(*package, "grafana")) ==
        std::vector<std::string>{"bin/grafana-cli", "bin/grafana-server",
                                 "homepath/conf/defaults.ini", "homepath/public/app.js"});
  CHECK(ReadFile(upload.WorkDir() + "/tree/grafana/dashboards/dm.json") ==
        "content of grafana/dashboards/dm.json");
  CHECK(std::distance(fs::directory_iterator(upload.WorkDir() + "/releases"), {}) == 5);
}

TEST_CASE("a release's hash is that of what another program reads from it, each time the same") {
  std::map<std::string, std::string> first;
  for (int round = 0; round < 2; ++round) {
    Upload upload;
    const auto package = upload.Send(PackTree(GoodTree(), round == 0 ? "" : "./"));
    REQUIRE(package.ok());
    for (const auto& component : package->components()) {
      const std::string path =
          fmt::format("{}/releases/{}.tar.zst", upload.WorkDir(), component.release_hash());
      auto listed = ListRelease(path);
      CHECK(std::is_sorted(listed.begin(), listed.end(), [](const Listed& a, const Listed& b) {
        return a.line.substr(a.line.rfind(' ')) < b.line.substr(b.line.rfind(' '));
      }));
      std::string manifest;
      std::uint64_t bytes = 0;
      for (const Listed& member : listed) {
        manifest += member.line;
        bytes += member.content.size();
      }
      CHECK(Blake2b(manifest) == component.release_hash());
      CHECK(bytes == component.size_bytes());
      CHECK(fs::file_size(path) == component.compressed_bytes());
      // Also the bytes of the archive.
      const auto [known, added] = first.emplace(ToWord(component.component()), ReadFile(path));
      CHECK(known->second == ReadFile(path));
    }
    if (round == 0) {
      const auto& master = Component(*package, "dm-master");
      const std::string program = Program("amd64", "bin/dm-master");
      CHECK(master.release_hash() ==
            Blake2b(fmt::format("d 0755 - - bin\nf 0755 {} {} bin/dm-master\n", program.size(),
                                Blake2b(program))));
    }
  }
}

TEST_CASE("wrappings that are tolerated") {
  CHECK(Upload().Send(PackTree(GoodTree(), "./")).ok());
  CHECK(Upload().Send(PackTree(GoodTree(), "dm-v2.0.1/")).ok());
  CHECK(Upload().Send(PackTree(GoodTree(), "./dm-v2.0.1/")).ok());
  CHECK_THAT(RefusalOf(PackTree(GoodTree(), "dm-v2.0.1/", {EntryOf("conf/x", "")})),
             Contains("conf/x: it is outside of dm-v2.0.1/"));
  // defaults.ini at the three places where it may be.
  for (const char* path : {"grafana/conf/defaults.ini", "grafana/homepath/conf/defaults.ini"}) {
    Tree tree = GoodTree();
    tree.erase("grafana/provisioning/conf/defaults.ini");
    tree[path] = "x";
    const auto package = Upload().Send(PackTree(tree));
    REQUIRE(package.ok());
    const auto paths = Paths(Component(*package, "grafana"));
    CHECK(std::count(paths.begin(), paths.end(), "homepath/conf/defaults.ini") == 1);
  }
  // Extra members are allowed, links to files inside too.
  CHECK(Upload()
            .Send(PackTree(GoodTree(), "",
                           {EntryOf("README.md", "x"),
                            {.path = "others/link",
                             .content = "",
                             .type = AE_IFLNK,
                             .mode = 0777,
                             .link = "../README.md",
                             .hardlink = ""},
                            {.path = "others/hard",
                             .content = "",
                             .type = AE_IFREG,
                             .mode = 0644,
                             .link = "",
                             .hardlink = "README.md"}}))
            .ok());
}

TEST_CASE("names with blanks and letters of other languages stay as they are") {
  Tree tree = GoodTree();
  tree["grafana/homepath/public/a b.js"] = "1";
  tree["grafana/homepath/public/\xc3\xbc\xe6\x97\xa5.js"] = "2";
  Upload upload;
  const auto package = upload.Send(PackTree(tree));
  INFO(Message(package.status()));
  REQUIRE(package.ok());
  const auto& grafana = Component(*package, "grafana");
  const auto paths = Paths(grafana);
  CHECK(std::count(paths.begin(), paths.end(), "homepath/public/a b.js") == 1);
  CHECK(std::count(paths.begin(), paths.end(), "homepath/public/\xc3\xbc\xe6\x97\xa5.js") == 1);
  std::string manifest;
  for (const Listed& member : ListRelease(
           fmt::format("{}/releases/{}.tar.zst", upload.WorkDir(), grafana.release_hash()))) {
    manifest += member.line;
  }
  CHECK(Blake2b(manifest) == grafana.release_hash());
}

TEST_CASE("each missing part is named") {
  for (const auto& [path, content] : GoodTree()) {
    if (path == "bin/promtool") continue;  // Not compulsory.
    Tree tree = GoodTree();
    tree.erase(path);
    std::string part = path;
    if (part.ends_with('/')) part.pop_back();
    if (part == "grafana/homepath/public/app.js") part = "grafana/homepath/public";
    CHECK_THAT(RefusalOf(PackTree(tree)), Contains(part + " is missing"));
  }
}

TEST_CASE("everything that is missing or wrong is said at once") {
  Tree tree = GoodTree();
  tree.erase("bin/dm-worker");
  tree.erase("template/systemd.service.tmpl");
  tree["bin/dm-master"] = "#!/bin/sh\nexit 0\n";
  tree["bin/prometheus"] = "not a program";
  tree["bin/alertmanager"] = Program("arm64");
  tree["bin/promtool"][18] = '\x08';  // MIPS
  Upload upload;
  upload.check = [](const std::string&) {
    return std::vector<std::string>{"template/prometheus.yml.tmpl line 3: there is no variable x"};
  };
  const auto package = upload.Send(PackTree(tree));
  REQUIRE_FALSE(package.ok());
  const std::string message(Message(package.status()));
  for (const char* text :
       {"bin/dm-worker is missing", "template/systemd.service.tmpl is missing",
        "bin/dm-master is a script, not an ELF executable",
        "bin/prometheus is not an ELF executable",
        "bin/promtool is for an architecture other than amd64 and arm64 (ELF machine 8)",
        "template/prometheus.yml.tmpl line 3: there is no variable x"}) {
    CHECK_THAT(message, Contains(text));
  }
  CHECK_THAT(message, Contains("is for amd64, while bin/alertmanager is for arm64"));
  CHECK(FieldViolations(package.status()).field_violations_size() >= 7);
  CHECK_FALSE(fs::exists(upload.WorkDir() + "/releases"));
  // Without any part, too: a bounded message.
  Upload empty;
  CHECK(empty.Refusal(PackTree({{"README.md", "x"}})).size() < 4000);
}

TEST_CASE("architectures") {
  const auto package = Upload().Send(PackTree(GoodTree("arm64")));
  REQUIRE(package.ok());
  CHECK(package->arch() == "arm64");
  Tree tree = GoodTree();
  tree["bin/dm-worker"] = Program("arm64");
  CHECK_THAT(RefusalOf(PackTree(tree)),
             Contains("bin/dm-worker is for arm64, while bin/dm-master is for amd64"));
}

TEST_CASE("a package for two architectures has each component twice") {
  Upload upload;
  const auto package = upload.Send(PackTree(GoodTree(), "", SecondOf("arm64")));
  INFO(Message(package.status()));
  REQUIRE(package.ok());
  CHECK(package->arch() == "amd64");
  CHECK(ArchsOf(*package) == std::vector<std::string>{"amd64", "arm64"});
  CHECK(package->components_size() == 10);
  std::map<std::string, std::set<std::string>> hashes;
  for (const auto& part : package->components()) {
    hashes[ToWord(part.component())].insert(part.release_hash());
    const std::string archive = upload.WorkDir() + "/releases/" + part.release_hash() + ".tar.zst";
    CHECK(fs::file_size(archive) == part.compressed_bytes());
    for (const auto& entry : ListRelease(archive)) {
      if (entry.line.find(" bin/") == std::string::npos) continue;
      CHECK(entry.content.at(18) == (part.arch() == "arm64" ? '\xb7' : '\x3e'));
    }
  }
  for (const auto& [component, own] : hashes) {
    CAPTURE(component);
    CHECK(own.size() == 2);
  }
  // Of the other architecture nothing was run here.
  for (const auto& part : package->components()) {
    if (part.arch() == "arm64") CHECK(part.version().empty());
  }
}

TEST_CASE("what programs are for is read from them and not from the folder's name") {
  CHECK_THAT(RefusalOf(PackTree(GoodTree("arm64"), "", SecondOf("arm64"))),
             Contains("arm64 is a second folder for arm64"));
  // Programs for amd64, in a folder that says arm64.
  auto wrong = SecondOf("arm64");
  for (auto& entry : wrong) {
    if (entry.path == "arm64/bin/dm-worker") entry.content = Program("amd64");
  }
  CHECK_THAT(RefusalOf(PackTree(GoodTree(), "", wrong)),
             Contains("arm64/bin/dm-worker is for amd64, while all of arm64/ is for arm64"));
  auto less = SecondOf("arm64");
  std::erase_if(less, [](const TarEntry& entry) { return entry.path == "arm64/bin/dm-master"; });
  CHECK_THAT(RefusalOf(PackTree(GoodTree(), "", less)), Contains("arm64/bin/dm-master is missing"));
}

}  // namespace dmgr::package
