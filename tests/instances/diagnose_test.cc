// An archive for a report, and what is not in it.
#include "server/instances/diagnose.h"

#include <fstream>

#include "common/error.h"
#include "dmgr/v1/topology.pb.h"
#include "server/instances/redact.h"
#include "tests/instances/two_hosts.h"
#include "tests/support/process.h"

namespace dmgr::test {
namespace {

std::string Cleaned(const std::string& text, const std::vector<std::string>& known = {}) {
  return instances::Redactor(known).Clean(text);
}

TEST_CASE("values of keys that say that they are secret go, whatever the syntax", "[redact]") {
  CHECK(Cleaned("password: S3cret") == "password: ***");
  CHECK(Cleaned("  smtp_auth_password = \"a b\\\"c\" # x") == "  smtp_auth_password = ***");
  CHECK(Cleaned("password: a, b; c\nport: 1") == "password: ***\nport: 1");
  CHECK(Cleaned("  \"password\": \"S3cret\",\n") == "  \"password\": ***,\n");
  CHECK(Cleaned(R"({"db_password":"S3cret","port":1})") == R"({"db_password":***,"port":1})");
  CHECK(Cleaned(R"(msg="{\"password\":\"S3cret\",\"host\":\"h\"}")") ==
        R"(msg="{\"password\":***,\"host\":\"h\"}")");
  CHECK(Cleaned("[user=root] [password=S3cret] [x=y]") == "[user=root] [password=***] [x=y]");
  CHECK(Cleaned("bearer_token: 'a b'\nport: 1") == "bearer_token: ***\nport: 1");
  CHECK(Cleaned("slack_api_url: https://hooks.example/T0/abc") == "slack_api_url: ***");
  CHECK(Cleaned("mysql://root:S3cret@h1:3306/x") == "mysql://root:***@h1:3306/x");
  CHECK(Cleaned(
            "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\nb") ==
        "a\n***\nb");
  CHECK(Cleaned("-----BEGIN RSA PRIVATE KEY-----\ncut off") == "***");
}

TEST_CASE("what is no secret stays", "[redact]") {
  for (const char* text :
       {"", "level: info\n", "[2026/11/22 21:30:05.123 +00:00] [INFO] [server.go:1] [\"listen\"]",
        "http://10.0.0.1:9090/x", "{\"result\": true}", "\xff\xfe garbage"}) {
    CHECK(Cleaned(text) == text);
  }
}

TEST_CASE("known secrets go wherever they stand, longest first; common words stay", "[redact]") {
  CHECK(Cleaned("x S3cretLong S3cret y admin", {"S3cret", "S3cretLong", "admin"}) ==
        "x *** *** y admin");
}

TEST_CASE("of a configuration with secrets the keys are left", "[redact]") {
  CHECK(instances::Redactor({}).KeysOnly("[auth.ldap]\nhost = h1\n\n# S3cret\n- url: x\n  S3cret\n"
                                         "key: |\n  c2VjcmV0\n") ==
        "[auth.ldap]\nhost = ***\n\n***\n- url: ***\n  ***\nkey: ***\n  ***\n");
}

TEST_CASE("sensitive fields are found however deep", "[redact]") {
  v1::Topology topology;
  auto* file = topology.add_alertmanager_servers()->mutable_config_file_content();
  file->set_name("alertmanager.yml");
  file->set_content("S3cret");
  const auto found = instances::SensitiveTexts(topology);
  CHECK(std::find(found.begin(), found.end(), "S3cret") != found.end());
  CHECK(std::find(found.begin(), found.end(), "alertmanager.yml") == found.end());
}

TEST_CASE("an archive has what there is, says what is missing, and has no secret", "[diagnose]") {
  TwoHosts hosts;
  hosts.h1().Write("dm/demo/log/dm-master.log",
                   "[INFO] began\nuser grafana-pass-1 came\npassword=S0urce-pass\n\xff\xfe\n");
  hosts.Lose("h2");
  const std::string path = hosts.control() + "/demo.tar.gz";
  {
    std::ofstream file(path, std::ios::binary);
    v1::DiagnoseClusterRequest request;
    request.set_cluster_name(kDemo);
    REQUIRE_OK(instances::Diagnose(
        hosts.resources(), &hosts.places(), request, [] { return false; },
        [&](const v1::DiagnoseClusterResponse& response) {
          file << response.data();
          return true;
        }));
  }
  const auto list = testing::Run({.args = {"/usr/bin/tar", "-tzf", path}});
  CHECK(list.exit_code == 0);
  for (const char* member : {"demo/cluster.json", "demo/versions.txt", "demo/status.json",
                             "demo/missing.txt", "demo/logs/dm-h1-8261/dm-master.log"}) {
    INFO(list.out);
    CHECK(list.out.find(member) != std::string::npos);
  }
  const auto all = testing::Run({.args = {"/usr/bin/tar", "-xzOf", path}});
  CHECK(all.out.find("[INFO] began") != std::string::npos);
  // The configurations cannot be made without the package, nor can a dead host be asked.
  CHECK(all.out.find("the configurations: ") != std::string::npos);
  CHECK(all.out.find("logs on h2: ") != std::string::npos);
  for (const char* secret : {"grafana-pass-1", "S0urce-pass"}) {
    CHECK(all.out.find(secret) == std::string::npos);
  }
}

}  // namespace
}  // namespace dmgr::test
