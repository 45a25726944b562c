// Releases: receive.
#include "tests/host/far_release.h"

#include <archive.h>
#include <archive_entry.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

struct Item {
  std::string path;
  unsigned type = AE_IFREG;
  std::string content;  // Or the target of a link.
  std::string hard_link;
};

// A tar.zst with anything in it.
std::string MakeArchive(const TempRoot& root, const std::vector<Item>& items) {
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  archive_write_add_filter_zstd(writer);
  REQUIRE(archive_write_open_filename(writer, (root / "made.tar.zst").c_str()) == ARCHIVE_OK);
  for (const auto& item : items) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, item.path.c_str());
    archive_entry_set_filetype(entry, item.type);
    archive_entry_set_perm(entry, 0755);
    if (item.type == AE_IFREG) {
      archive_entry_set_size(entry, static_cast<la_int64_t>(item.content.size()));
    }
    if (item.type == AE_IFLNK) archive_entry_set_symlink(entry, item.content.c_str());
    if (!item.hard_link.empty()) archive_entry_set_hardlink(entry, item.hard_link.c_str());
    REQUIRE(archive_write_header(writer, entry) == ARCHIVE_OK);
    if (item.type == AE_IFREG && item.hard_link.empty()) {
      archive_write_data(writer, item.content.data(), item.content.size());
    }
    archive_entry_free(entry);
  }
  archive_write_free(writer);
  return root.Read("made.tar.zst");
}

std::vector<std::string> StoreNames(const TempRoot& root) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(root / kStore)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

TEST_CASE("a release that dmgrd made arrives whole, once") {
  TempRoot root;
  const Release release = MakeRelease(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const std::size_t chunk =
      GENERATE(std::size_t{1000}, std::size_t{64} << 10, std::size_t{8} << 20);
  REQUIRE(Push(far, release, chunk).has_done());

  const std::string dir = std::string("opt/.dmgr/releases/") + release.hash;
  CHECK(root.Read(dir + "/bin/dm-worker") == Noise(3 << 20, 1));
  CHECK(root.Read(dir + "/homepath/public/ü.css") == "a { }");
  CHECK(fs::is_directory(root / (dir + "/homepath/none")));
  CHECK((StatOf(root / (dir + "/bin/dm-worker")).st_mode & 07777) == 0755);
  CHECK((StatOf(root / (dir + "/homepath/public/ü.css")).st_mode & 07777) == 0644);
  CHECK((StatOf(root / dir).st_mode & 07777) == 0755);
  CHECK(root.Read(dir + "/.complete") == package::HashText(release.archive) + "\n");
  CHECK(StoreNames(root) == std::vector<std::string>{release.hash});
  CHECK(root.Exists(std::string("opt/.dmgr/holders/") + release.hash + "/" + kClusterA));

  const auto again = far.Call(ReceiveRequest(release));
  REQUIRE(again.has_receive_release());
  CHECK_FALSE(again.receive_release().wanted());

  hv1::ToHost query;
  query.mutable_query_releases()->set_store_dir(kStore);
  query.mutable_query_releases()->add_hashes(std::string(64, 'a'));
  query.mutable_query_releases()->add_hashes(release.hash);
  const auto present = far.Call(query).query_releases();
  REQUIRE(present.present_size() == 1);
  CHECK(present.present(0) == release.hash);
}

TEST_CASE("a release that was changed is replaced where it is read") {
  TempRoot root;
  const Release release = MakeRelease(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(Push(far, release).has_done());
  auto checked = ReceiveRequest(release);
  checked.mutable_receive_release()->set_checked(true);
  CHECK_FALSE(far.Call(checked).receive_release().wanted());

  const std::string program = std::string("opt/.dmgr/releases/") + release.hash + "/bin/dm-worker";
  const auto time = fs::last_write_time(root / program);
  std::string content = root.Read(program);
  content[100] ^= 1;
  std::ofstream(root / program, std::ios::binary) << content;
  fs::last_write_time(root / program, time);
  CHECK_FALSE(far.Call(ReceiveRequest(release)).receive_release().wanted());
  REQUIRE(far.Call(checked).receive_release().wanted());
  SendChunks(far, release.archive);
  REQUIRE(Finish(far).has_done());
  CHECK(root.Read(program) == Noise(3 << 20, 1));
  CHECK(StoreNames(root) == std::vector<std::string>{release.hash});
  CHECK_FALSE(far.Call(checked).receive_release().wanted());
}

TEST_CASE("damage is found, and nothing is left of it") {
  TempRoot root;
  Release release = MakeRelease(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const Release good = release;
  SECTION("a byte in the middle") { release.archive[release.archive.size() / 2] ^= 1; }
  SECTION("the first byte") { release.archive[0] ^= 1; }
  SECTION("bytes are missing") {
    release.archive.resize(release.archive.size() - 1000);
    auto request = ReceiveRequest(good);
    REQUIRE(far.Call(request).receive_release().wanted());
    SendChunks(far, release.archive);
    CHECK(Finish(far).failure().kind() == hv1::Failure::KIND_CORRUPT);
    release.archive += std::string(1000, 'x');
  }
  SECTION("bytes too many") {
    REQUIRE(far.Call(ReceiveRequest(good)).receive_release().wanted());
    SendChunks(far, good.archive + "x");
    CHECK(Finish(far).failure().kind() == hv1::Failure::KIND_CORRUPT);
    release.archive[100] ^= 1;
  }
  SECTION("another archive") {
    release.archive_hash[5] = release.archive_hash[5] == '0' ? '1' : '0';
  }
  SECTION("more than was said") { release.unpacked -= 1; }
  SECTION("no archive at all") { release.archive = "hello"; }
  CHECK(Push(far, release).failure().kind() == hv1::Failure::KIND_CORRUPT);
  CHECK(StoreNames(root).empty());
  // The far end is as good as new.
  REQUIRE(Push(far, good).has_done());
}

TEST_CASE("an archive that reaches outside of its release is refused") {
  TempRoot root;
  root.Write("etc/victim", "old");
  std::vector<Item> items = {{"bin", AE_IFDIR, "", ""}};
  SECTION("..") { items.push_back({"../../../../etc/victim", AE_IFREG, "new", ""}); }
  SECTION(".. inside") { items.push_back({"bin/../../x", AE_IFREG, "new", ""}); }
  SECTION("an absolute path") { items.push_back({"/etc/victim", AE_IFREG, "new", ""}); }
  SECTION("a link out") { items.push_back({"bin/l", AE_IFLNK, "../../x", ""}); }
  SECTION("an absolute link") { items.push_back({"bin/l", AE_IFLNK, "/etc", ""}); }
  SECTION("a link over a link") {
    items.push_back({"bin/up", AE_IFLNK, "..", ""});
    items.push_back({"bin/l", AE_IFLNK, "up/../..", ""});
  }
  SECTION("a link over a link that comes later") {
    items.push_back({"bin/l", AE_IFLNK, "up/../x", ""});
    items.push_back({"bin/up", AE_IFLNK, "..", ""});
  }
  SECTION("a file through a link") {
    items.push_back({"l", AE_IFLNK, "bin", ""});
    items.push_back({"l/x", AE_IFREG, "new", ""});
  }
  SECTION("a hard link") { items.push_back({"bin/h", AE_IFREG, "", "../../etc/victim"}); }
  SECTION("a fifo") { items.push_back({"bin/f", AE_IFIFO, "", ""}); }
  SECTION("a device") { items.push_back({"bin/d", AE_IFCHR, "", ""}); }
  SECTION("the marker") { items.push_back({".complete", AE_IFREG, "x", ""}); }
  SECTION("a path twice") {
    items.push_back({"bin/x", AE_IFREG, "a", ""});
    items.push_back({"bin/x", AE_IFREG, "b", ""});
  }
  SECTION("a file without its directory") { items.push_back({"a/b", AE_IFREG, "x", ""}); }
  Release release{std::string(64, 'a'), MakeArchive(root, items), 1 << 20};
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  const auto failure = Push(far, release).failure();
  CAPTURE(failure.text());
  CHECK(failure.kind() == hv1::Failure::KIND_CORRUPT);
  CHECK(failure.text().find("damaged") != std::string::npos);
  CHECK(StoreNames(root).empty());
  CHECK(root.Read("etc/victim") == "old");
}

TEST_CASE("links that stay inside are unpacked") {
  TempRoot root;
  const std::vector<Item> items = {{"bin", AE_IFDIR, "", ""},
                                   {"bin/a", AE_IFREG, "x", ""},
                                   {"bin/b", AE_IFLNK, "./a", ""},
                                   {"lib", AE_IFLNK, "bin", ""}};
  Release release{std::string(64, 'b'), MakeArchive(root, items), 1};
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(Push(far, release).has_done());
  CHECK(root.Read(std::string("opt/.dmgr/releases/") + release.hash + "/lib/b") == "x");
}

TEST_CASE("a release can be cancelled, and a killed one leaves nothing for ever") {
  TempRoot root;
  const Release release = MakeRelease(root);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(ReceiveRequest(release)).receive_release().wanted());
  SendChunks(far, release.archive.substr(0, 1 << 20), 64 << 10, /*end=*/false);
  SECTION("cancelled") {
    hv1::ToHost cancel;
    cancel.set_id(far.last_id());
    cancel.mutable_cancel();
    far.Send(cancel);
    CHECK(Finish(far).failure().kind() == hv1::Failure::KIND_CANCELLED);
    CHECK(StoreNames(root).empty());
    // Chunks that were under way are dropped.
    SendChunks(far, release.archive.substr(1 << 20));
    REQUIRE(Push(far, release).has_done());
  }
  SECTION("killed") {
    REQUIRE(WaitFor([&] { return !StoreNames(root).empty(); }));
    kill(far.pid(), SIGKILL);
    far.ExitStatus();
    REQUIRE(StoreNames(root).size() == 1);
    FarProcess next(root);
    next.Begin(kClusterA, 2);
    REQUIRE(Push(next, release).has_done());
  }
  CHECK(StoreNames(root) == std::vector<std::string>{release.hash});
}

TEST_CASE("two clusters may receive the same release at the same time") {
  TempRoot root;
  const Release release = MakeRelease(root);
  FarProcess a(root);
  FarProcess b(root);
  a.Begin(kClusterA, 1);
  b.Begin(kClusterB, 2);
  REQUIRE(a.Call(ReceiveRequest(release)).receive_release().wanted());
  REQUIRE(b.Call(ReceiveRequest(release)).receive_release().wanted());
  SendChunks(a, release.archive);
  SendChunks(b, release.archive);
  CHECK(Finish(a).has_done());
  CHECK(Finish(b).has_done());
  CHECK(StoreNames(root) == std::vector<std::string>{release.hash});
}

TEST_CASE("a full disk is told with what is needed, before and while it is written") {
  TempRoot root;
  Release release = MakeRelease(root);
  root.Mount("opt", 2 << 20);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  auto failure = Push(far, release).failure();
  CHECK(failure.kind() == hv1::Failure::KIND_NO_SPACE);
  const std::string needed = std::to_string((release.unpacked >> 20) + 1) + " MiB";
  CHECK(failure.text().find("needs " + needed) != std::string::npos);
  CHECK(failure.path() == kStore);

  // Somebody takes the space meanwhile.
  root.Mount("opt", 8 << 20);
  REQUIRE(far.Call(ReceiveRequest(release)).receive_release().wanted());
  std::ofstream(root / "opt/other") << std::string(7 << 20, 'x');
  SendChunks(far, release.archive);
  failure = Finish(far).failure();
  CHECK(failure.kind() == hv1::Failure::KIND_NO_SPACE);
  CHECK(StoreNames(root).empty());
  fs::remove(root / "opt/other");
  CHECK(Push(far, release).has_done());
}

TEST_CASE("a store that others could change is refused") {
  TempRoot root;
  const Release release = MakeRelease(root);
  fs::create_directories(root / "opt/.dmgr");
  REQUIRE(chmod((root / "opt/.dmgr").c_str(), 0777) == 0);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  CHECK(far.Call(ReceiveRequest(release)).failure().kind() == hv1::Failure::KIND_CONFLICT);
}

TEST_CASE("progress is told, but not with every chunk") {
  TempRoot root;
  const Release release = MakeRelease(root, 24 << 20);
  FarProcess far(root);
  far.Begin(kClusterA, 1);
  REQUIRE(far.Call(ReceiveRequest(release)).receive_release().wanted());
  const auto begin = std::chrono::steady_clock::now();
  SendChunks(far, release.archive, 16 << 10);
  int messages = 0;
  std::uint64_t last = 0;
  while (true) {
    const auto reply = far.Receive();
    REQUIRE(reply.has_value());
    if (!reply->has_progress()) break;
    ++messages;
    CHECK(reply->progress().bytes_done() > last);
    last = reply->progress().bytes_done();
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(messages >= 1);
  CHECK(messages <= 2 + took / std::chrono::milliseconds(200));
}

}  // namespace
}  // namespace dmgr::test
