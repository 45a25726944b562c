// Other certificates for the processes of a cluster with TLS.
#include "server/operations/rotate_tls/rotate_tls.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "common/error.h"
#include "common/files.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/service/service.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

const Caller kRotating{"alice"};
constexpr char kSecure[] = "dm-test";
constexpr char kMasterTls[] = "opt/dm/deploy/dm-master-18261/tls/";

// A cluster that runs.
struct Secure {
  explicit Secure(bool enabled) {
    v1::DeployClusterRequest request;
    request.set_cluster_name(kSecure);
    request.set_version("v7.5.1");
    *request.mutable_topology() = SampleTopology();
    request.mutable_topology()->mutable_global()->set_enable_tls(enabled);
    Perform(&stage,
            [&] { return operations::DeployCluster(stage.resources(), request, kRotating); });
    v1::StartClusterRequest start;
    start.set_cluster_name(kSecure);
    Perform(&stage, [&] { return operations::StartCluster(stage.resources(), start, kRotating); });
  }

  Ask Rotating(bool new_authority) {
    v1::RotateClusterTlsRequest request;
    request.set_cluster_name(kSecure);
    request.set_new_authority(new_authority);
    return [this, request] {
      return operations::RotateClusterTls(stage.resources(), request, kRotating);
    };
  }
  std::string Shown(const std::string& host, const std::string& name) {
    return ReadFile(stage.host(host).root() / (kMasterTls + name)).value();
  }

  Stage stage;
};

TEST_CASE("the processes of a cluster get other certificates, and another CA", "[runners]") {
  Secure secure(true);
  const bool another = GENERATE(false, true);
  const std::string certificate = secure.Shown("m1", "dm-master.crt");
  const std::string authority = secure.Shown("m1", "ca.crt");
  CHECK(secure.Shown("m2", "ca.crt") == authority);
  CHECK(secure.Shown("m2", "dm-master.crt") != certificate);
  std::set<std::string> runners;
  Rehearse(&secure.stage, secure.Rotating(another), &runners);
  CHECK(runners.contains("host.survey_units"));
  runners.erase("host.survey_units");
  runners.erase("control.survey_members");
  CHECK(runners == RunnersOfTls());
  CHECK(secure.Shown("m1", "dm-master.crt") != certificate);
  // The old CA is not trusted any more, or still the one.
  const std::string now = secure.Shown("m1", "ca.crt");
  CHECK((now == authority) == !another);
  CHECK((now.find(authority) == std::string::npos) == another);
  CHECK(secure.Shown("m2", "ca.crt") == now);
}

TEST_CASE("a cluster without TLS has no certificates to renew", "[runners]") {
  Secure plain(false);
  const auto refused = plain.Rotating(false)();
  CHECK(Reason(refused.status()) == "TLS_NOT_ENABLED");
}

}  // namespace
}  // namespace dmgr::test
