// Files that patches are made of.
#include "server/package/patch.h"

#include <catch2/catch.hpp>

#include "common/error.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/package/support.h"

namespace dmgr::package {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<v1::Patch> Make(const std::string& content, const std::string& name,
                               const std::string& component = "") {
  const test::TempDir dir;
  dir.Write("upload", content);
  fs::create_directories(dir / "work");
  auto patch = MakePatch(dir / "upload", name, component, dir / "work");
  if (patch.ok()) {
    CHECK(fs::file_size(dir / ("work/" + patch->patch_id() + ".tar.zst")) ==
          patch->release().compressed_bytes());
  }
  return patch;
}

std::string Why(const absl::StatusOr<v1::Patch>& patch) {
  REQUIRE(patch.status().code() == kInvalid);
  CHECK(Reason(patch.status()) == "PATCH_INVALID");
  CHECK_FALSE(Metadata(patch.status(), "remedy").empty());
  return std::string(Message(patch.status()));
}

TEST_CASE("one program is one patch, in whatever file it comes", "[patch]") {
  const auto bare = Make(Program("amd64"), "dm-worker-v7.5.1-fix");
  REQUIRE(bare.ok());
  CHECK(bare->release().component() == v1::COMPONENT_DM_WORKER);
  CHECK(bare->arch() == "amd64");
  REQUIRE(bare->release().files_size() == 1);
  CHECK(bare->release().files(0).path() == "bin/dm-worker");
  const auto packed =
      Make(PackTree({{"out/bin/dm-worker", Program("amd64")}, {"README", "x"}}), "fix.tar.gz");
  REQUIRE(packed.ok());
  CHECK(packed->patch_id() == bare->patch_id());
  // The role is stronger than the name.
  const auto named = Make(Program("amd64"), "dm-worker", "dm-master");
  REQUIRE(named.ok());
  CHECK(named->release().component() == v1::COMPONENT_DM_MASTER);
  const auto grafana = Make(Program("arm64"), "grafana-server");
  REQUIRE(grafana.ok());
  CHECK(grafana->release().component() == v1::COMPONENT_GRAFANA);
  CHECK(grafana->release().files(0).path() == "bin/grafana-server");
  CHECK(grafana->arch() == "arm64");
}

TEST_CASE("more of a component than its program is no patch, since the rest would stay",
          "[patch]") {
  const std::string elf = Program("amd64");
  const auto why = [&](const std::string& program, const std::string& more) {
    return Why(Make(PackTree({{program, elf}, {more, "x"}}), "x.tar.gz"));
  };
  CHECK_THAT(why("grafana-7/bin/grafana-server", "grafana-7/public/robots.txt"),
             Catch::Contains("grafana-7/public/robots.txt goes with"));
  CHECK_THAT(why("bin/grafana-server", "bin/grafana-cli"), Catch::Contains("bin/grafana-cli"));
  CHECK_THAT(why("p/prometheus", "p/promtool"),
             Catch::Contains("p/promtool goes with p/prometheus"));
  CHECK_THAT(why("a/alertmanager", "a/amtool"), Catch::Contains("a/amtool"));
  CHECK(Make(PackTree({{"p/prometheus", elf}, {"p/LICENSE", "x"}}), "x.tar.gz").ok());
  // Of another component.
  CHECK(Make(PackTree({{"p/dm-worker", elf}, {"p/promtool", "x"}}), "x.tar.gz").ok());
}

// Through a program of this machine.
std::string Piped(const std::string& content, const std::string& program) {
  const test::TempDir dir;
  dir.Write("in", content);
  const std::string command = program + " < " + (dir / "in") + " > " + (dir / "out");
  REQUIRE(std::system(command.c_str()) == 0);
  return ReadFile(dir / "out");
}

TEST_CASE("a tarball is plain, or of gzip or zstd; for nothing else a program is started",
          "[patch]") {
  const std::string packed = PackTree({{"bin/dm-worker", Program("amd64")}});
  const std::string plain = Piped(packed, "gzip -d");
  CHECK(Make(plain, "fix.tar").ok());
  CHECK(Make(Piped(plain, "zstd -q"), "fix.tar.zst").ok());
  for (const char* program : {"xz", "bzip2"}) {
    INFO(program);
    CHECK_FALSE(Make(Piped(plain, program), "fix.tar.other").ok());
  }
  // What only the outer layer is allowed for.
  CHECK_FALSE(Make(Piped(Piped(plain, "xz"), "gzip"), "fix.tar.gz").ok());
}

TEST_CASE("a file that holds no program, or too many, is no patch", "[patch]") {
  CHECK_THAT(Why(Make("#!/bin/sh\n", "dm-worker")), Catch::Contains("neither"));
  CHECK_THAT(Why(Make(Program("amd64"), "a.out")), Catch::Contains("role"));
  CHECK_THAT(Why(Make(Program("amd64"), "dm-workers")), Catch::Contains("role"));
  CHECK_THAT(Why(Make(Program("amd64"), "x", "nosuch")), Catch::Contains("nosuch"));
  CHECK_THAT(Why(Make(PackTree({{"README", "x"}}), "x.tar.gz")), Catch::Contains("no program"));
  CHECK_THAT(Why(Make(PackTree({{"dm-worker", "#!/bin/sh\n"}}), "x.tar.gz")),
             Catch::Contains("script"));
  CHECK_THAT(
      Why(Make(PackTree({{"a/dm-worker", Program("amd64")}, {"b/dm-worker", "old"}}), "x.tar.gz")),
      Catch::Contains("a/dm-worker") && Catch::Contains("b/dm-worker"));
  const auto both = PackTree({{"dm-master", Program("amd64")}, {"dm-worker", Program("amd64")}});
  CHECK_THAT(Why(Make(both, "x.tar.gz")), Catch::Contains("role"));
  CHECK(Make(both, "x.tar.gz", "dm-master").ok());
  std::string other = Program("amd64");
  other[18] = '\x15';  // EM_PPC64
  CHECK_THAT(Why(Make(other, "dm-worker")), Catch::Contains("architecture"));
}

}  // namespace
}  // namespace dmgr::package
