// The far end's start on a lab host. Mostly with the stand-in of tests/host/stand_in.cc, which does
// what a test asks for.
#ifndef DMGR_TESTS_LAB_FAR_END_LAB_SUPPORT_H_
#define DMGR_TESTS_LAB_FAR_END_LAB_SUPPORT_H_

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "common/error.h"
#include "common/ids.h"
#include "common/package/blake2b.h"
#include "common/package/sha256.h"
#include "server/host/near/far_end.h"
#include "tests/lab/ssh_lab_support.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {

using FarEndOr = absl::StatusOr<std::unique_ptr<host::FarEnd>>;

inline constexpr char kDir[] = "/var/lib/dmgr";

inline host::FarEndProgram StandIn() {
  const test::TempDir dir;
  std::filesystem::create_symlink(DMGR_BINARY_DIR "/tests/dmgr_stand_in", dir / "dmgr-host");
  auto program = host::FarEndProgram::Load(dir.path());
  REQUIRE(program.ok());
  return *std::move(program);
}

// One that no host has yet.
inline host::FarEndProgram Fresh(std::size_t padding = 0) {
  host::FarEndProgram program = StandIn();
  for (auto& [arch, image] : program.by_arch) {
    image.content.append(padding, '\0');
    image.content += RandomBytes(32);
    package::Sha256 sha256;
    sha256.Update(image.content);
    image.sha256 = sha256.Hex();
    package::Blake2b blake2b;
    blake2b.Update(image.content);
    image.hash = blake2b.Hex();
    image.packed.clear();
  }
  return program;
}

inline FarEndOr Start(const ssh::Endpoint& endpoint, const host::RootAccess& root,
                      const host::FarEndProgram& program, const std::string& dir = kDir) {
  const absl::Time deadline = In(30);
  ASSIGN_OR_RETURN(auto session, ssh::Session::Connect(endpoint, deadline));
  host::hv1::Begin begin;
  begin.set_mode(host::hv1::Begin::MODE_READ);
  return host::FarEnd::StartOverSsh(std::move(session), "machine-1", program, dir, root, begin,
                                    deadline);
}

inline FarEndOr StartAsRoot(const host::FarEndProgram& program, const std::string& dir = kDir) {
  static const ssh::Endpoint kEndpoint = Root(Lab::Shared(1));
  return Start(kEndpoint, {.is_root = true}, program, dir);
}

inline bool Works(const FarEndOr& far_end) {
  INFO(far_end.status().ToString());
  REQUIRE(far_end.ok());
  host::hv1::ToHost request;
  request.mutable_read_logs()->add_paths("echo");
  request.mutable_read_logs()->add_paths("text");
  auto answer = (*far_end)->Call(request, {.deadline = In(10)});
  INFO(answer.status().ToString());
  REQUIRE(answer.ok());
  return answer->log_text().text() == "text";
}

inline std::string FolderOf(const host::FarEndProgram& program, const std::string& dir = kDir) {
  return dir + "/" + program.by_arch.at("x86_64").hash;
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_FAR_END_LAB_SUPPORT_H_
