// What a topology may say of TLS.
#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

constexpr char kAllowed[] = R"(server_configs { master { fields { key: "cert-allowed-cn"
  value { list_value { values { string_value: "ours" } } } } } } )";

TEST_CASE("a cluster has TLS when global says so, and keeps it as it is") {
  const Cluster plain = Good(Input(kFull));
  CHECK_FALSE(plain.enable_tls);
  const ExpandInput input = Input(kFull + "global { enable_tls: true }");
  const Cluster secure = Good(input);
  CHECK(secure.enable_tls);
  std::vector<Problem> problems;
  CheckFixed(plain, secure, input.topology, &problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "topology.global.enable_tls");
  CHECK_THAT(problems[0].text,
             Catch::Contains("TLS stays off") && Catch::Contains("cannot become on"));
}

TEST_CASE("names that may connect are told by certificates") {
  CHECK(ProblemsOf(Input(kMaster + kAllowed + "global { enable_tls: true }")).empty());
  const auto problems = ProblemsOf(Input(kMaster + kAllowed));
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], Catch::Contains("topology.global.enable_tls: is not set") &&
                              Catch::Contains("cert-allowed-cn"));
}

TEST_CASE("how Prometheus connects is dmgr's to say where there is TLS") {
  const std::string scheme = kMaster + R"(monitoring_servers { placement { host: "10.0.0.1" }
    additional_scrape_conf { fields { key: "scheme" value { string_value: "http" } } } } )";
  CHECK(ProblemsOf(Input(scheme)).empty());
  const auto problems = ProblemsOf(Input(scheme + "global { enable_tls: true }"));
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], Catch::Contains("additional_scrape_conf.scheme"));
}

TEST_CASE("who has a certificate, and who answers over TLS only") {
  Cluster cluster = Good(Input(kFull + "global { enable_tls: true }"));
  for (const Instance& one : cluster.instances) CHECK_FALSE(one.HasCertificate());
  cluster.SetTls(std::make_shared<const Tls>());
  for (const Instance& one : cluster.instances) {
    INFO(one.name);
    CHECK(one.HasCertificate() == (one.IsDm() || one.component == Component::kPrometheus));
    CHECK(one.AnswersOverTls() == one.IsDm());
  }
}

}  // namespace
}  // namespace dmgr::topology
