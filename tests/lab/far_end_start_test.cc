// The far end's start over SSH on real hosts. Mostly with the stand-in of tests/host/stand_in.cc,
// which does what a test asks for.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <map>
#include <thread>

#include "common/error.h"
#include "tests/lab/far_end_lab_support.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

namespace hv1 = host::hv1;

constexpr char kSudoPassword[] = "it's a \"pass\" word";

const ssh::Endpoint& Login(const std::string& user, Lab::Sudo sudo) {
  static std::map<std::string, ssh::Endpoint> logins;
  const auto [login, is_new] = logins.try_emplace(user);
  if (is_new) {
    const Lab& lab = Lab::Shared(1);
    lab.AddUser("h1", {.name = user, .password = kSudoPassword, .sudo = sudo});
    login->second.host = lab.Address("h1");
    login->second.user = user;
    login->second.password = kSudoPassword;
    login->second.pinned_host_key = PinOf(lab.HostKey("h1"));
  }
  return login->second;
}

void CheckRefused(const absl::Status& status, const std::string& words) {
  CHECK(absl::IsPermissionDenied(status));
  CHECK(Reason(status) == "SUDO_REFUSED");
  CHECK_THAT(std::string(Message(status)),
             Catch::Contains("machine-1") && Catch::Contains(words) && !Catch::Contains("dmgr-"));
  CHECK_FALSE(Metadata(status, "remedy").empty());
}

TEST_CASE("the far end is uploaded once", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const host::FarEndProgram program = Fresh();
  absl::Time begin = absl::Now();
  CHECK(Works(StartAsRoot(program)));
  std::printf("first start: %s\n", absl::FormatDuration(absl::Now() - begin).c_str());
  const std::string look =
      "cd " + FolderOf(program) + " && stat -c '%n %u %g %a' . * && stat -c %i *";
  const std::string first = lab.Ssh("h1", look);
  CHECK_THAT(first, Catch::StartsWith(". 0 0 755\ndmgr-host 0 0 755\n"));
  begin = absl::Now();
  CHECK(Works(StartAsRoot(program)));
  std::printf("later start: %s\n", absl::FormatDuration(absl::Now() - begin).c_str());
  CHECK(lab.Ssh("h1", look) == first);
}

TEST_CASE("the far end goes packed, and as it is to a host without gzip", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const bool has_gzip = GENERATE(true, false);
  host::FarEndProgram program = StandIn();
  lab.Ssh("h1", "rm -rf " + FolderOf(program));
  for (auto& [arch, image] : program.by_arch) {
    REQUIRE(image.packed.size() < image.content.size());
    // What is not to be sent must not arrive.
    std::string& other = has_gzip ? image.content : image.packed;
    std::fill(other.begin(), other.end(), 'x');
  }
  if (!has_gzip) lab.Ssh("h1", "mv /usr/bin/gzip /usr/bin/gzip.away");
  const FarEndOr far_end = StartAsRoot(program);
  if (!has_gzip) lab.Ssh("h1", "mv /usr/bin/gzip.away /usr/bin/gzip");
  CHECK(Works(far_end));
}

TEST_CASE("the far end goes when the connection goes", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const host::FarEndProgram program = Fresh();
  CHECK(Works(StartAsRoot(program)));
  CHECK(lab.Ssh("h1", "for i in $(seq 50); do pgrep -fc " + FolderOf(program) +
                          "/[d]mgr-host >/dev/null || exit 0; sleep 0.1; done; echo still there") ==
        "");
}

TEST_CASE("an ordinary user becomes root by sudo, without a password", "[lab]") {
  CHECK(Works(Start(Login("free", Lab::Sudo::kWithoutPassword), {}, Fresh())));
  // A password that is not asked for is not sent.
  CHECK(Works(Start(Login("free", Lab::Sudo::kWithoutPassword), {.sudo_password = "x"}, Fresh())));
}

TEST_CASE("an ordinary user becomes root by sudo, with a password", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const ssh::Endpoint endpoint = Login("asked", Lab::Sudo::kWithPassword);
  const host::FarEndProgram program = Fresh();
  CHECK(Works(Start(endpoint, {.sudo_password = kSudoPassword}, program)));
  CHECK(lab.Ssh("h1", "stat -c '%u %a' " + FolderOf(program) + "/*") == "0 755\n");
  CHECK(Works(Start(endpoint, {.sudo_password = kSudoPassword}, program)));
}

TEST_CASE("sudo's refusals are told in its own words", "[lab]") {
  const ssh::Endpoint asked = Login("asked", Lab::Sudo::kWithPassword);
  const ssh::Endpoint none = Login("none", Lab::Sudo::kNone);
  const host::FarEndProgram program = StandIn();
  const absl::Time begin = absl::Now();
  CheckRefused(Start(asked, {.sudo_password = "wrong"}, program).status(), "the password is wrong");
  CheckRefused(Start(asked, {}, program).status(), "a password is required");
  CheckRefused(Start(none, {.sudo_password = kSudoPassword}, program).status(),
               "not in the sudoers file");
  CheckRefused(Start(none, {}, program).status(), "a password is required");
  CHECK(absl::Now() - begin < absl::Seconds(25));
}

TEST_CASE("a sudo that wants a terminal, and none at all", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const ssh::Endpoint endpoint = Login("free", Lab::Sudo::kWithoutPassword);
  lab.Ssh("h1", "echo 'Defaults requiretty' >/etc/sudoers.d/tty");
  const absl::Status tty = Start(endpoint, {}, StandIn()).status();
  lab.Ssh("h1", "rm /etc/sudoers.d/tty && mv /usr/bin/sudo /usr/bin/sudo.away");
  const absl::Status missing = Start(endpoint, {}, StandIn()).status();
  lab.Ssh("h1", "mv /usr/bin/sudo.away /usr/bin/sudo");
  CheckRefused(tty, "you must have a tty");
  CHECK_THAT(Metadata(tty, "remedy"), Catch::Contains("requiretty"));
  CheckRefused(missing, "No such file or directory");
  CHECK_THAT(Metadata(missing, "remedy"), Catch::Contains("install sudo"));
}

TEST_CASE("what the login's start-up files print does no harm", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const ssh::Endpoint endpoint = Login("talker", Lab::Sudo::kWithoutPassword);
  lab.Ssh("h1",
          "sed -i '1i echo Welcome; echo you have mail >&2; echo -n x86_64' "
          "/home/talker/.bashrc");
  CHECK(Works(Start(endpoint, {}, Fresh())));
}

TEST_CASE("a damaged far end is replaced", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const std::string damage = GENERATE("truncate -s 1000 dmgr-host", "truncate -s 0 dmgr-host",
                                      "echo 'echo something else' >dmgr-host",
                                      "chmod 0644 dmgr-host", "rm dmgr-host && mkdir dmgr-host");
  INFO(damage);
  const host::FarEndProgram program = Fresh();
  CHECK(Works(StartAsRoot(program)));
  lab.Ssh("h1", "cd " + FolderOf(program) + " && " + damage);
  const FarEndOr far_end = StartAsRoot(program);
  if (damage.find("mkdir") != std::string::npos) {
    CHECK(Reason(far_end.status()) == "FAR_END_DIR_UNUSABLE");
  } else {
    CHECK(Works(far_end));
  }
}

TEST_CASE("a folder that is of no use is named, with the way out", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const std::string how = GENERATE("noexec", "ro", "full");
  const std::string dir = "/mnt/" + how;
  lab.Ssh("h1", "mkdir -p " + dir);
  if (how == "full") {
    lab.FillDisk("h1", dir, 4);
  } else {
    lab.Ssh("h1", "mount -t tmpfs -o mode=755," + how + " tmpfs " + dir);
  }
  const absl::Status status = StartAsRoot(StandIn(), dir).status();
  INFO(how << ": " << status.ToString());
  const std::string left = lab.Ssh("h1", "find " + dir + " -name 'part-*'");
  if (how == "full") {
    lab.FreeDisk("h1", dir);
    CHECK(absl::IsResourceExhausted(status));
    CHECK(Reason(status) == "HOST_NO_SPACE");
  } else {
    lab.Ssh("h1", "umount " + dir);
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(Reason(status) == "FAR_END_DIR_UNUSABLE");
  }
  CHECK(left.empty());
  CHECK_THAT(std::string(Message(status)), Catch::Contains(dir) && Catch::Contains("machine-1"));
  const auto next = NextActionsOf(status);
  REQUIRE(next.size() == 1);
  CHECK(next[0].action() == v1::ACTION_UPDATE_MACHINE);
  CHECK(next[0].arguments().at("machine_id") == "machine-1");
  CHECK(next[0].arguments().contains("far_end_dir"));
}

TEST_CASE("a folder that a shell might misread never reaches one", "[lab]") {
  for (const char* dir :
       {"", "/", "relative", "/a b", "/a;reboot", "/a/../b", "/a'", "/a/", "//a"}) {
    CHECK(Reason(StartAsRoot(StandIn(), dir).status()) == "BAD_FAR_END_DIR");
  }
}

TEST_CASE("a host of another architecture is refused by name", "[lab]") {
  host::FarEndProgram program = StandIn();
  program.by_arch = {{"riscv64", program.by_arch.at("x86_64")}};
  const absl::Status status = StartAsRoot(program).status();
  CHECK(Reason(status) == "ARCH_NOT_SUPPORTED");
  CHECK_THAT(std::string(Message(status)), Catch::Contains("x86_64") && Catch::Contains("riscv64"));
}

TEST_CASE("an upload that breaks off leaves nothing that could be executed", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const host::FarEndProgram program = Fresh(200 << 20);
  FarEndOr far_end = absl::UnknownError("not started");
  std::jthread upload([&] { far_end = StartAsRoot(program); });
  // The session's own sshd, an ancestor of what writes, goes as soon as some bytes have come.
  lab.Ssh("h1", "for i in $(seq 500); do test -n \"$(find " + FolderOf(program) +
                    " -name 'part-*' -size +1M 2>/dev/null)\" && break; sleep 0.02; done; "
                    "p=$(pgrep -x dd); "
                    "while test $(cat /proc/$p/comm) != sshd; do "
                    "p=$(cut -d' ' -f4 /proc/$p/stat); done; kill -KILL $p");
  upload.join();
  CHECK_FALSE(far_end.ok());
  CHECK(lab.Ssh("h1", "for i in $(seq 50); do test -z \"$(ls " + FolderOf(program) +
                          ")\" && exit 0; sleep 0.1; done; ls " + FolderOf(program)) == "");
}

TEST_CASE("a host that goes in the middle of a call ends it", "[lab]") {
  const Lab& lab = Lab::Shared(2);
  const std::string how = GENERATE("off", "unplugged");
  INFO(how);
  FarEndOr far_end = Start(Root(lab, "h2"), {.is_root = true}, StandIn());
  REQUIRE(far_end.ok());
  hv1::ToHost request;
  request.mutable_read_logs()->add_paths("ignore");
  absl::Status status;
  absl::Time ended;
  std::thread call([&] {
    status = (*far_end)->Call(request, {}).status();
    ended = absl::Now();
  });
  how == "off" ? lab.PowerCut("h2") : lab.Unplug("h2");
  const absl::Time begin = absl::Now();
  call.join();
  how == "off" ? lab.Start("h2") : lab.Plug("h2");
  std::printf("%s: noticed after %s: %s\n", how.c_str(),
              absl::FormatDuration(ended - begin).c_str(), std::string(Message(status)).c_str());
  CHECK(Reason(status) == "FAR_END_LOST");
  CHECK(ended - begin < absl::Seconds(40));
  CHECK((*far_end)->KeepAlive() == status);
}

TEST_CASE("a release goes to a host at speed", "[lab]") {
  // sudo copies every byte once more.
  const bool by_sudo = GENERATE(false, true);
  FarEndOr far_end = by_sudo ? Start(Login("asked", Lab::Sudo::kWithPassword),
                                     {.sudo_password = kSudoPassword}, StandIn())
                             : StartAsRoot(StandIn());
  REQUIRE(far_end.ok());
  const test::TempDir dir;
  std::string data(100 << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 2654435761u >> 23);
  const std::string archive = dir.Write("archive", data);
  hv1::ReceiveRelease request;
  request.set_store_dir("/root");
  request.set_hash("want");
  request.set_compressed_bytes(data.size());
  std::uint64_t told = 0;
  host::CallOptions options{.deadline = In(60)};
  options.on_progress = [&](std::uint64_t done) { told = done; };
  const absl::Time begin = absl::Now();
  auto sent = (*far_end)->SendRelease(request, archive, options);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  INFO(sent.status().ToString());
  REQUIRE(sent.ok());
  CHECK(told >= data.size() - (256 << 10));  // The end of the last chunk has its own answer.
  CHECK(told <= data.size());
  std::printf("release of 100 MiB%s: %.2f s, %.0f MB/s\n", by_sudo ? " by sudo" : "", seconds,
              104.8576 / seconds);
  const bool whole = ReadFile(Lab::Shared(1).Root("h1") / "root/received") == data;
  CHECK(whole);
  Lab::Shared(1).Ssh("h1", "rm /root/received");
}

TEST_CASE("the real far end starts and answers", "[lab]") {
  auto program = host::FarEndProgram::Load(DMGR_BINARY_DIR "/bin");
  REQUIRE(program.ok());
  FarEndOr far_end =
      Start(Login("asked", Lab::Sudo::kWithPassword), {.sudo_password = kSudoPassword}, *program);
  INFO(far_end.status().ToString());
  REQUIRE(far_end.ok());
  CHECK((*far_end)->begin_reply().arch() == "x86_64");
  hv1::ToHost request;
  request.mutable_get_facts()->add_paths("/var/lib");
  auto facts = (*far_end)->Call(request, {.deadline = In(10)});
  INFO(facts.status().ToString());
  REQUIRE(facts.ok());
  CHECK(facts->facts().hostname() == "h1");
  CHECK(facts->facts().machine_id() + "\n" == Lab::Shared(1).Ssh("h1", "cat /etc/machine-id"));
}

}  // namespace
}  // namespace dmgr::testing
