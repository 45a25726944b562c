// Clusters of TiUP whose processes speak TLS.
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/certificates/cluster.h"
#include "server/operations/import/import.h"
#include "server/operations/rotate_tls/rotate_tls.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/stage.h"
#include "tests/operations/tiup_hosts.h"
#include "tests/store/samples.h"

namespace dmgr::test {
namespace {

// What TiUP has in its folder tls.
v1::TiupTls SampleTiupTls() {
  topology::Cluster cluster;
  cluster.name = "theirs";
  const auto made = certificates::MakeTls(cluster, absl::Now());
  REQUIRE_OK(made.status());
  v1::TiupTls tls;
  tls.set_ca_certificate(made->tls.issuer);
  tls.set_ca_key(made->secrets.issuer_key);
  tls.set_client_certificate(made->secrets.own.certificate);
  tls.set_client_key(made->secrets.own.key);
  return tls;
}

TEST_CASE("a cluster of TiUP with TLS goes on with its CA", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  v1::ImportClusterRequest request;
  request.set_cluster_name(kForeign);
  request.set_version("v7.5.1");
  *request.mutable_topology() = TiupTopology();
  request.mutable_topology()->mutable_global()->set_enable_tls(true);
  const Ask importing = [&] {
    return operations::ImportCluster(stage.resources(), request, kImporter);
  };
  CHECK(Reason(importing().status()) == "INVALID_ARGUMENT");
  *request.mutable_tls() = SampleTiupTls();
  Perform(&stage, importing);
  v1::ExportTiupTlsRequest asked;
  asked.set_cluster_name(kForeign);
  auto exported = operations::ExportTiupTls(stage.resources(), asked);
  REQUIRE_OK(exported.status());
  CHECK(exported->tls().SerializeAsString() == request.tls().SerializeAsString());

  Perform(&stage, TakingOver(stage));
  const TempRoot& root = stage.host("m1").root();
  const std::string folder = "opt/dm/deploy/dm-master-18261/tls/";
  CHECK(root.Read(folder + "ca.crt") == request.tls().ca_certificate());
  const std::string certificate = root.Read(folder + "dm-master.crt");
  v1::RotateClusterTlsRequest rotate;
  rotate.set_cluster_name(kForeign);
  Perform(&stage,
          [&] { return operations::RotateClusterTls(stage.resources(), rotate, kImporter); });
  CHECK(root.Read(folder + "ca.crt") == request.tls().ca_certificate());
  CHECK(root.Read(folder + "dm-master.crt") != certificate);
  exported = operations::ExportTiupTls(stage.resources(), asked);
  REQUIRE_OK(exported.status());
  CHECK(exported->tls().ca_key() == request.tls().ca_key());
  CHECK(exported->tls().ca_key().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
  CHECK(exported->tls().client_certificate() != request.tls().client_certificate());
}

TEST_CASE("a cluster of TiUP without TLS has no CA", "[runners]") {
  Stage stage;
  LayAsTiup(stage);
  v1::ImportClusterRequest request;
  request.set_cluster_name(kForeign);
  request.set_version("v7.5.1");
  *request.mutable_topology() = TiupTopology();
  *request.mutable_tls() = SampleTiupTls();
  CHECK(Reason(operations::ImportCluster(stage.resources(), request, kImporter).status()) ==
        "INVALID_ARGUMENT");
  Perform(&stage, Importing(stage));
  v1::ExportTiupTlsRequest asked;
  asked.set_cluster_name(kForeign);
  CHECK(Reason(operations::ExportTiupTls(stage.resources(), asked).status()) == "TLS_NOT_ENABLED");
}

TEST_CASE("what is no version of DM is not imported", "[runners]") {
  Stage stage;
  v1::ImportClusterRequest request;
  request.set_cluster_name(kForeign);
  request.set_version("../v7.5.1");
  *request.mutable_topology() = TiupTopology();
  CHECK(Reason(operations::ImportCluster(stage.resources(), request, kImporter).status()) ==
        "INVALID_ARGUMENT");
}

}  // namespace
}  // namespace dmgr::test
