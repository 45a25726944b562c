// What the health page of every component says, also of one that is added later.
#include "common/components/traits.h"
#include "server/members/probe.h"
#include "tests/unit/dm/fake_http.h"

namespace dmgr::members {
namespace {

using components::HealthKind;
using components::Traits;
using components::TraitsOf;

topology::Instance InstanceAt(const FakeServer& server, topology::Component component) {
  topology::Instance instance;
  instance.component = component;
  instance.host = "127.0.0.1";
  instance.port = std::stoi(server.address().substr(server.address().find(':') + 1));
  return instance;
}

// The page that has the version where the record says.
std::string VersionPage(const Traits& traits) {
  std::string page = "\"1.2.3\"";
  for (auto key = traits.health.version_keys.rbegin(); key != traits.health.version_keys.rend();
       ++key) {
    page = fmt::format("{{\"{}\": {}, \"other\": 1}}", *key, page);
  }
  return page;
}

void Serve(const Traits& traits, FakeServer* server) {
  if (traits.health.kind == HealthKind::kMetrics) {
    const std::string metric = fmt::format(
        "# HELP x y\n{}{{goversion=\"go1.20\",version=\"1.2.3\"}} 1\n", traits.health.version);
    server->On("GET /metrics", {200, metric, "", false, false});
    return;
  }
  if (traits.health.kind == HealthKind::kDmStatus) {
    server->On("GET /status",
               {200, "Release Version: 1.2.3\nGit Commit Hash: 0\n", "", false, false});
    return;
  }
  server->On(fmt::format("GET {}", traits.health.ready), {200, "", "", false, false});
  server->On(fmt::format("GET {}", traits.health.version),
             {200, VersionPage(traits), "", false, false});
}

TEST_CASE("Every component is ready where its record says, and tells its version") {
  const topology::Component component =
      GENERATE(from_range(std::begin(topology::kComponents), std::end(topology::kComponents)));
  CAPTURE(topology::Name(component));
  FakeServer server;
  Serve(TraitsOf(component), &server);
  const HttpHealth health = ProbeHttp(InstanceAt(server, component), In(10));
  CAPTURE(health.reason);
  CHECK(health.ready);
  CHECK(health.version == "1.2.3");
}

TEST_CASE("A version page that is nested 100,000 deep tells no version, and harms nobody") {
  const Traits& traits = TraitsOf(topology::Component::kPrometheus);
  FakeServer server;
  server.On(fmt::format("GET {}", traits.health.ready), {200, "", "", false, false});
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  server.On(fmt::format("GET {}", traits.health.version),
            {200, "{\"data\": {\"version\": " + deep + "}}", "", false, false});
  const HttpHealth health = ProbeHttp(InstanceAt(server, topology::Component::kPrometheus), In(10));
  CHECK(health.ready);
  CHECK(health.version.empty());
}

TEST_CASE("A process that serves the pages of none of the components is not ready") {
  const topology::Component component =
      GENERATE(from_range(std::begin(topology::kComponents), std::end(topology::kComponents)));
  CAPTURE(topology::Name(component));
  FakeServer server;
  const HttpHealth health = ProbeHttp(InstanceAt(server, component), In(10));
  CHECK_FALSE(health.ready);
  CHECK_FALSE(health.reason.empty());
}

TEST_CASE(
    "A page that is not for dmgr, or not there, is a refusal; one that is not ready is none") {
  const auto component = topology::Component::kPrometheus;
  for (const auto& [code, is_refused] :
       {std::pair(401, true), std::pair(403, true), std::pair(404, true), std::pair(503, false)}) {
    CAPTURE(code);
    FakeServer server;
    server.On(fmt::format("GET {}", TraitsOf(component).health.ready),
              {code, "", "", false, false});
    const HttpHealth health = ProbeHttp(InstanceAt(server, component), In(10));
    CHECK_FALSE(health.ready);
    CHECK(health.is_refused == is_refused);
  }
}

}  // namespace
}  // namespace dmgr::members
