// Passwords and hosts of which nobody has confirmed the key.
#include "dmgr/v1/host_key_service.pb.h"
#include "tests/rpc/fixture.h"

namespace dmgr::testing {
namespace {

// Nobody is there: a call that tries it is UNAVAILABLE.
v1::CreateMachineRequest OnPortOne() {
  v1::CreateMachineRequest request;
  request.mutable_machine()->set_machine_id("unconfirmed");
  request.mutable_machine()->set_host("127.0.0.1");
  request.mutable_machine()->set_ssh_port(1);
  return request;
}

TEST_CASE("a password for a host whose key nobody confirmed is refused before it is tried",
          "[rpc][host_key]") {
  v1::CreateMachineRequest request = OnPortOne();
  request.set_validate_only(GENERATE(false, true));
  auto* credential = request.mutable_credential();
  SECTION("for the login") { credential->set_password("hunter2"); }
  SECTION("for sudo") {
    credential->set_private_key("any");
    credential->set_sudo_password("hunter2");
  }
  SECTION("for sudo, beside the key") {
    credential->set_private_key("any");
    credential->set_password("hunter2");
  }
  const auto create = [&] {
    return Daemon().Admin().Call<v1::CreateMachineResponse>(request).status();
  };
  const absl::Status unconfirmed = create();
  CHECK(absl::IsFailedPrecondition(unconfirmed));
  CHECK(Reason(unconfirmed) == "HOST_KEY_UNCONFIRMED");
  CHECK_THAT(std::string(Message(unconfirmed)), !Catch::Contains("hunter2"));
  request.set_expected_host_key_fingerprint("SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  CHECK(Reason(create()) != "HOST_KEY_UNCONFIRMED");
}

TEST_CASE("a credential goes nowhere but where it was given for", "[rpc][host_key]") {
  AddCluster("bound");
  v1::UpdateMachineRequest request;
  request.mutable_machine()->set_machine_id("bound-host");
  request.mutable_machine()->set_far_end_dir("/opt/dmgr");
  request.mutable_update_mask()->add_paths("far_end_dir");
  const auto reason = [&] {
    return Reason(Daemon().Admin().Call<v1::UpdateMachineResponse>(request).status());
  };
  const auto set = [](const std::string& assignment) {
    Sql("UPDATE machine SET " + assignment + " WHERE machine_id = 'bound-host'");
  };
  CHECK(reason() == "HOST_UNREACHABLE");
  // By whoever can write to the database, and not by dmgrd.
  const std::string host = Sql("SELECT host FROM machine WHERE machine_id = 'bound-host'");
  const std::pair<std::string, std::string> changes[] = {
      {"host = '127.9.9.9'", "host = '" + host + "'"},
      {"ssh_port = 2", "ssh_port = 1"},
      {"login_user = 'eve'", "login_user = 'root'"},
      {"host_key = 'ssh-ed25519 BBBB'", "host_key = 'ssh-ed25519 AAAA'"}};
  for (const auto& [wrong, right] : changes) {
    INFO(wrong);
    set(wrong);
    CHECK(reason() == "CREDENTIAL_UNREADABLE");
    set(right);
    CHECK(reason() == "HOST_UNREACHABLE");
  }
}

TEST_CASE("a scan of a host key names what is wrong", "[rpc][host_key]") {
  v1::ScanHostKeyRequest request;
  const auto scan = [&] {
    return Reason(Daemon().Admin().Call<v1::ScanHostKeyResponse>(request).status());
  };
  for (const char* host : {"", "-oProxyCommand=x", "a b", "a\nb"}) {
    request.set_host(host);
    CHECK(scan() == "INVALID_ARGUMENT");
  }
  request.set_host("127.0.0.1");
  request.set_ssh_port(70000);
  CHECK(scan() == "INVALID_ARGUMENT");
  request.set_ssh_port(1);
  CHECK(scan() == "HOST_UNREACHABLE");
}

}  // namespace
}  // namespace dmgr::testing
