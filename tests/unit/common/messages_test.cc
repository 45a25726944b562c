// Words of enums, labels, and what is done with any message by its descriptor.
#include "common/messages.h"

#include <catch2/catch.hpp>

#include "common/enum_words.h"
#include "common/error.h"
#include "common/labels.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "dmgr/v1/user_service.pb.h"

namespace dmgr {
namespace {

TEST_CASE("the values of an enum have words, and words have values") {
  CHECK(ToWord(v1::COMPONENT_DM_MASTER) == "dm-master");
  CHECK(ToWord(v1::INSTANCE_STATE_NOT_INSTALLED) == "not-installed");
  CHECK(ToWord(v1::COMPONENT_UNSPECIFIED).empty());
  CHECK(ToWord(static_cast<v1::Component>(99)).empty());
  CHECK(FromWord<v1::Component>("grafana") == v1::COMPONENT_GRAFANA);
  for (const char* unknown : {"", "unspecified", "DM-MASTER", "dm_master", "dm"}) {
    CHECK(FromWord<v1::Component>(unknown) == v1::COMPONENT_UNSPECIFIED);
  }
}

TEST_CASE("what is sensitive is cleared, however deep it lies, and nothing else") {
  v1::DeployClusterRequest request;
  request.set_cluster_name("demo");
  request.set_grafana_admin_password("secret 1");
  auto* grafana = request.mutable_topology()->add_grafana_servers();
  grafana->mutable_placement()->set_host("10.0.0.1");
  grafana->set_password("secret 2");
  auto* prometheus = request.mutable_topology()->add_monitoring_servers();
  prometheus->set_port(9090);
  prometheus->mutable_remote_config()->add_remote_write();
  (*request.mutable_labels())["team"] = "db";
  Redact(&request);
  CHECK(request.DebugString().find("secret") == std::string::npos);
  CHECK_FALSE(request.topology().monitoring_servers(0).has_remote_config());
  CHECK(request.cluster_name() == "demo");
  CHECK(request.topology().grafana_servers(0).placement().host() == "10.0.0.1");
  CHECK(request.topology().monitoring_servers(0).port() == 9090);
  CHECK(request.labels().at("team") == "db");

  v1::CreateMachineRequest machine;
  machine.mutable_credential()->set_private_key("secret");
  machine.mutable_credential()->set_sudo_password("secret");
  Redact(&machine);
  CHECK(machine.credential().ByteSizeLong() == 0);
  v1::ResetPasswordRequest reset;
  reset.set_new_password("secret");
  Redact(&reset);
  CHECK(reset.new_password().empty());
}

TEST_CASE("equal messages have equal bytes, in whatever order their maps were filled") {
  v1::Cluster a;
  v1::Cluster b;
  for (int i = 0; i < 50; ++i) (*a.mutable_labels())["k" + std::to_string(i)] = "v";
  for (int i = 49; i >= 0; --i) (*b.mutable_labels())["k" + std::to_string(i)] = "v";
  CHECK(CanonicalBytes(a) == CanonicalBytes(b));
  v1::Cluster parsed;
  REQUIRE(parsed.ParseFromString(CanonicalBytes(a)));
  CHECK(parsed.labels_size() == 50);
  (*b.mutable_labels())["k1"] = "w";
  CHECK(CanonicalBytes(a) != CanonicalBytes(b));
}

TEST_CASE("labels and descriptions: what may be kept") {
  google::protobuf::Map<std::string, std::string> labels;
  labels["example.com/team-1_x"] = std::string(255, 'v');
  CHECK(CheckLabels("", std::string(1024, 'd'), labels).ok());
  const auto fields = [&](const std::string& description) {
    const auto status = CheckLabels("machine.", description, labels);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    return FieldViolations(status).field_violations_size();
  };
  CHECK(fields("two\nlines") == 1);
  labels[""] = "x";
  labels["with space"] = "x";
  labels[std::string(64, 'k')] = "x";
  labels["long"] = std::string(256, 'v');
  CHECK(fields("") == 4);
  labels.clear();
  for (int i = 0; i < 65; ++i) labels["k" + std::to_string(i)] = "v";
  CHECK(fields("") == 1);
}

}  // namespace
}  // namespace dmgr
