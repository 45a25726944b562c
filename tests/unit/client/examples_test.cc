// The topology files that dmgrctl prints.
#include <catch2/catch.hpp>

#include "client/commands/topology_examples.h"
#include "client/topology/topology.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

TEST_CASE("every topology to begin with can be read", "[examples]") {
  const std::string text =
      GENERATE(as<std::string>{}, kMinimalTopology, kLocalTopology, kFullTopology);
  const auto topology = ParseTopology(text, "example");
  INFO(text);
  REQUIRE(topology.ok());
  CHECK(topology->master_servers_size() % 2 == 1);
  CHECK(topology->worker_servers_size() >= 2);
}

void CheckKeys(const Descriptor& section, const std::string& text) {
  for (int i = 0; i < section.field_count(); ++i) {
    const FieldDescriptor& field = *section.field(i);
    const auto* below = field.message_type();
    // Contents of files, which a topology file only names.
    if (below != nullptr && below->name() == "LocalFile") continue;
    if (field.name() == "rule_files" || field.name() == "dashboards") continue;
    if (below != nullptr && below->file()->package() == "dmgr.v1") CheckKeys(*below, text);
    if (field.name() == "placement") continue;
    INFO(field.full_name());
    CHECK(text.find(field.name() + ":") != std::string::npos);
  }
}

TEST_CASE("the full topology names every key", "[examples]") {
  CheckKeys(*v1::Topology::descriptor(), kFullTopology);
}

}  // namespace
}  // namespace dmgr::client
