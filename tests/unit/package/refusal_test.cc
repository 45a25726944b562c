// Packages that are refused for what is in them.
#include <fmt/format.h>

#include "common/package/unpack.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/package/upload.h"

namespace dmgr::package {
namespace {

using Catch::Contains;

}  // namespace

TEST_CASE("members that do not belong in a package are refused") {
  const auto symlink = [](const std::string& path, const std::string& target) {
    return TarEntry{.path = path,
                    .content = "",
                    .type = AE_IFLNK,
                    .mode = 0777,
                    .link = target,
                    .hardlink = ""};
  };
  CHECK_THAT(RefusalWith(EntryOf("../evil", "x")), Contains("../evil: its path has \"..\""));
  CHECK_THAT(RefusalWith(EntryOf("a/../../evil", "x")), Contains("its path has \"..\""));
  CHECK_THAT(RefusalWith(EntryOf("/etc/evil", "x")), Contains("/etc/evil: its path is absolute"));
  CHECK_THAT(RefusalWith(EntryOf("a\nf 0644", "x")), Contains("control characters"));
  CHECK_THAT(RefusalWith(EntryOf("bin/dm-master", "x")),
             Contains("bin/dm-master: it is there twice"));
  CHECK_THAT(RefusalWith(EntryOf("bin/dm-master/x", "x")), Contains("a directory as well"));
  std::string deep = "d";
  for (int i = 0; i < 600; ++i) deep += "/d";
  CHECK_THAT(RefusalWith(EntryOf(deep, "x")), Contains("its path is too long"));
  CHECK_THAT(RefusalWith(EntryOf(std::string(300, 'n'), "x")), Contains("its path is too long"));
  CHECK_THAT(RefusalWith({.path = "null",
                          .content = "",
                          .type = AE_IFCHR,
                          .mode = 0666,
                          .link = "",
                          .hardlink = ""}),
             Contains("null: it is a device or another special file"));
  CHECK_THAT(RefusalWith({.path = "pipe",
                          .content = "",
                          .type = AE_IFIFO,
                          .mode = 0666,
                          .link = "",
                          .hardlink = ""}),
             Contains("special file"));
  CHECK_THAT(RefusalWith(symlink("evil", "/etc/passwd")), Contains("leads out of the package"));
  CHECK_THAT(RefusalWith(symlink("evil", "../../etc")), Contains("leads out of the package"));
  CHECK_THAT(RefusalWith(symlink("evil", "nosuch")), Contains("does not lead to a file"));
  CHECK_THAT(RefusalWith(symlink("evil", "conf")), Contains("does not lead to a file"));
  CHECK_THAT(RefusalWith(symlink("evil", "evil")), Contains("does not lead to a file"));
  CHECK_THAT(RefusalWith({.path = "evil",
                          .content = "",
                          .type = AE_IFREG,
                          .mode = 0644,
                          .link = "",
                          .hardlink = "/etc/passwd"}),
             Contains("absolute"));
  CHECK_THAT(RefusalWith({.path = "evil",
                          .content = "",
                          .type = AE_IFREG,
                          .mode = 0644,
                          .link = "",
                          .hardlink = "nosuch"}),
             Contains("no file of the package before it"));
  // Through a link, and to where only a chain of links leads out.
  CHECK_THAT(RefusalOf(PackTree(GoodTree(), "", {symlink("l", "conf"), EntryOf("l/evil", "x")})),
             Contains("l: it is a file or a link, and a directory as well"));
  CHECK_THAT(RefusalOf(PackTree(GoodTree(), "",
                                {symlink("others/a/b", "../../conf"),
                                 symlink("others/a/evil", "b/../../../../../etc/passwd")})),
             Contains("link"));
}

TEST_CASE("nothing is written outside of the work directory") {
  Upload upload;
  const auto refused = upload.Send(PackTree(GoodTree(), "", {EntryOf("../../evil", "x")}));
  CHECK_FALSE(refused.ok());
  CHECK_FALSE(fs::exists(upload.dir / "evil"));
  CHECK_FALSE(fs::exists(upload.WorkDir() + "/evil"));
}

TEST_CASE("grafana.tar.gz is looked at in the same way") {
  const auto with_grafana = [](const std::vector<TarEntry>& entries) {
    Tree tree = GoodTree();
    std::erase_if(tree, [](const auto& member) { return member.first.starts_with("grafana/"); });
    return PackTree(tree, "", {EntryOf("grafana.tar.gz", MakeTarGz(entries))});
  };
  CHECK_THAT(RefusalOf(with_grafana({EntryOf("../../evil", "x")})),
             Contains("grafana.tar.gz") && Contains("its path has \"..\""));
  CHECK_THAT(RefusalOf(with_grafana({EntryOf("bin/x", "x")})),
             Contains("grafana/bin/grafana-server is missing"));
  Tree tree = GoodTree();
  tree["grafana.tar.gz"] = "not an archive";
  std::erase_if(tree, [](const auto& member) { return member.first.starts_with("grafana/"); });
  CHECK_THAT(RefusalOf(PackTree(tree)), Contains("grafana.tar.gz: the archive cannot be read"));
  CHECK_THAT(RefusalOf(PackTree(GoodTree(), "", {EntryOf("grafana/bin/x", "x")})),
             Contains("only grafana.tar.gz may bring it"));
}

TEST_CASE("damaged uploads") {
  const std::string good = PackTree(GoodTree());
  Upload wrong_hash;
  wrong_hash.sha256 = std::string(64, '0');
  CHECK_THAT(wrong_hash.Refusal(good), Contains("sha256"));
  Upload wrong_size;
  wrong_size.size = good.size() + 1;
  CHECK_THAT(wrong_size.Refusal(good),
             Contains(fmt::format("has {} bytes where {}", good.size(), good.size() + 1)));
  // Cut off, with a hash that fits.
  for (const std::size_t left : {good.size() - 1, good.size() / 2, std::size_t{10}}) {
    CAPTURE(left);
    CHECK_THAT(RefusalOf(good.substr(0, left)), Contains("cannot be read"));
  }
  CHECK_THAT(RefusalOf("this is no archive"), Contains("cannot be read"));
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 0x55);
  RefusalOf(flipped);
  Upload nothing;
  CHECK_FALSE(nothing.Send("").ok());
}

TEST_CASE("a bad member ends the upload before its end") {
  std::vector<TarEntry> entries = {EntryOf("../evil", "x")};
  entries.push_back(EntryOf("big", RandomBytes(30'000'000)));
  const std::string bytes = MakeTarGz(entries);
  test::TempDir dir;
  auto receiver = Receiver::Create(dir / "work", "v2.0.1");
  REQUIRE(receiver.ok());
  std::size_t sent = 0;
  absl::Status status;
  while (status.ok() && sent < bytes.size()) {
    status = (*receiver)->Append(std::string_view(bytes).substr(sent, 1'000'000));
    sent += 1'000'000;
  }
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(sent < 20'000'000);
}

TEST_CASE("an upload that is given up ends its thread") {
  const std::string bytes = PackTree(GoodTree());
  test::TempDir dir;
  auto receiver = Receiver::Create(dir / "work", "v2.0.1");
  REQUIRE(receiver.ok());
  CHECK((*receiver)->Append(std::string_view(bytes).substr(0, 1000)).ok());
  receiver->reset();
  CHECK(fs::exists(dir / "work"));
  CHECK_FALSE(Receiver::Create(dir / "work", "v2.0.1").ok());
  CHECK_FALSE(Receiver::Create(dir / "other", "../v2").ok());
}

TEST_CASE("limits of unpacking") {
  const auto no_wrapper = [](std::string_view) { return false; };
  test::TempDir dir;
  dir.Write("a.tar.gz", MakeTarGz({EntryOf("a", std::string(3'000'000, 'x')), EntryOf("b", "y")}));
  Budget bytes{.entries = 10, .bytes = 2'000'000};
  CHECK_THAT(std::string(Message(UnpackFile(dir / "a.tar.gz", dir / "1", no_wrapper, &bytes))),
             Contains("too many bytes"));
  Budget entries{.entries = 1, .bytes = 10'000'000};
  CHECK_THAT(std::string(Message(UnpackFile(dir / "a.tar.gz", dir / "2", no_wrapper, &entries))),
             Contains("too many members"));
  Budget enough{.entries = 2, .bytes = 3'000'001};
  CHECK(UnpackFile(dir / "a.tar.gz", dir / "3", no_wrapper, &enough).ok());
  CHECK(enough.entries == 0);
  CHECK(enough.bytes == 0);
}

TEST_CASE("a bomb is refused before it has unpacked") {
  test::TempDir dir;
  dir.Write("bomb.tar.gz", MakeTarGz({EntryOf("zeros", std::string(8 << 20, '\0'))}));
  const auto unpack = [&](const std::string& target, std::uint64_t ratio_from) {
    Budget budget{.ratio_from = ratio_from};
    const auto status = UnpackFile(
        dir / "bomb.tar.gz", dir / target, [](std::string_view) { return false; }, &budget);
    return std::string(Message(status));
  };
  CHECK(unpack("small", 8 << 20).empty());
  CHECK_THAT(unpack("large", 4 << 20), Contains("far more than its size"));
  CHECK(fs::file_size(dir / "large/zeros") <= 4 << 20);
}

}  // namespace dmgr::package
