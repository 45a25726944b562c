// What holds for every component, also for one that is added later.
#include "server/topology/sections.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

const Descriptor& TopologyDescriptor() { return *v1::Topology::descriptor(); }

// One server of each component, all on the first host.
v1::Topology OneOfEach() {
  v1::Topology topology;
  ForEachSection([&](const auto& section) {
    section.Of(&topology).Add()->mutable_placement()->set_host("10.0.0.1");
  });
  return topology;
}

ExpandInput InputOf(const v1::Topology& topology) {
  ExpandInput input = Input("");
  input.topology = topology;
  return input;
}

TEST_CASE("Every repeated field of the topology is the section of a component") {
  std::set<std::string> fields;
  for (int i = 0; i < TopologyDescriptor().field_count(); ++i) {
    if (TopologyDescriptor().field(i)->is_repeated()) {
      fields.insert(TopologyDescriptor().field(i)->name());
    }
  }
  std::set<std::string> sections;
  for (const Component component : kComponents) {
    sections.emplace(components::TraitsOf(component).section);
  }
  CHECK(fields == sections);
}

TEST_CASE("A section has what its record says of it") {
  ForEachSection([](const auto& section) {
    using Server = typename std::decay_t<decltype(section)>::Server;
    const components::Traits& traits = components::TraitsOf(section.component);
    CAPTURE(traits.name);
    const FieldDescriptor* field =
        TopologyDescriptor().FindFieldByName(std::string(traits.section));
    REQUIRE(field != nullptr);
    CHECK(field->message_type() == Server::descriptor());
    for (const components::Port& port : traits.ports) {
      const auto* own = Server::descriptor()->FindFieldByName(std::string(port.field));
      REQUIRE(own != nullptr);
      CHECK(own->cpp_type() == FieldDescriptor::CPPTYPE_UINT32);
    }
    const bool has_config = Server::descriptor()->FindFieldByName("config") != nullptr;
    CHECK(has_config == !traits.config_section.empty());
    if (has_config) {
      CHECK(v1::ServerConfigs::descriptor()->FindFieldByName(std::string(traits.config_section)) !=
            nullptr);
    }
  });
}

TEST_CASE("Every component gets its usual ports, a name and a unit with its service port") {
  const Cluster cluster = Good(InputOf(OneOfEach()));
  REQUIRE(cluster.instances.size() == std::size(kComponents));
  for (const Component component : kComponents) {
    const components::Traits& traits = components::TraitsOf(component);
    CAPTURE(traits.name);
    REQUIRE(cluster.Of(component).size() == 1);
    const Instance& instance = *cluster.Of(component).front();
    std::vector<int> usual;
    for (const components::Port& port : traits.ports) {
      usual.push_back(port.usual);
      CHECK(instance.PortFor(port.use) == port.usual);
    }
    CHECK(instance.Ports() == usual);
    const std::string port = std::to_string(traits.service_port().usual);
    CHECK(instance.name == std::string(traits.name_prefix) + "-10.0.0.1-" + port);
    CHECK(instance.Unit() == std::string(traits.name) + "-" + port + ".service");
    CHECK(instance.deploy_dir == "/home/tidb/deploy/" + std::string(traits.name) + "-" + port);
  }
}

TEST_CASE("Every port of every component may be given, and must be one") {
  ForEachSection([](const auto& section) {
    const components::Traits& traits = components::TraitsOf(section.component);
    for (const components::Port& port : traits.ports) {
      CAPTURE(traits.name, port.field);
      v1::Topology topology = OneOfEach();
      auto* server = section.Of(&topology).Mutable(0);
      const auto* field = server->GetDescriptor()->FindFieldByName(std::string(port.field));
      server->GetReflection()->SetUInt32(server, field, 12345);
      const Cluster cluster = Good(InputOf(topology));
      CHECK(cluster.Of(section.component).front()->PortFor(port.use) == 12345);
      server->GetReflection()->SetUInt32(server, field, 70000);
      const auto problems = ProblemsOf(InputOf(topology));
      REQUIRE(problems.size() == 1);
      CHECK(problems.front().starts_with("topology." + std::string(traits.section) + "[0]." +
                                         std::string(port.field) + ": 70000 is not a port"));
    }
  });
}

TEST_CASE("What is added to a topology of every component can be taken out again") {
  const v1::Topology all = OneOfEach();
  const Cluster cluster = Good(InputOf(all));
  for (const Instance& instance : cluster.instances) {
    CAPTURE(instance.name);
    v1::Topology changed = all;
    RemoveServers({instance}, &changed);
    ForEachSection([&](const auto& section) {
      CHECK(section.Of(changed).size() == (section.component == instance.component ? 0 : 1));
    });
    AppendServers(all, &changed);
    ForEachSection([&](const auto& section) {
      CHECK(section.Of(changed).size() == (section.component == instance.component ? 1 : 2));
    });
  }
}

TEST_CASE("What a server says of its own survives being stored beside the instances") {
  Cluster cluster = Good(InputOf(OneOfEach()));
  cluster.instances.front().monitoring.Clear();
  const v1::Topology options = OptionsOf(cluster);
  ForEachSection([&](const auto& section) {
    constexpr bool kHas = std::decay_t<decltype(section)>::kHasOptions;
    CHECK(section.Of(options).size() == (kHas ? 1 : 0));
  });
  Cluster bare = cluster;
  for (Instance& instance : bare.instances) {
    instance.monitoring.Clear();
    instance.alertmanager.Clear();
    instance.grafana.Clear();
  }
  SetOptions(options, &bare);
  CHECK(OptionsOf(bare).SerializeAsString() == options.SerializeAsString());
}

}  // namespace
}  // namespace dmgr::topology
