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
