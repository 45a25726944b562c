// What is rendered for a cluster that has TLS.
#include <yaml-cpp/yaml.h>

#include <memory>
#include <string>

#include "tests/unit/render/support.h"

namespace dmgr::render {
namespace {

using Catch::Contains;

// A cluster with TLS, whose certificates are words.
struct TlsFixture : Fixture {
  TlsFixture() { cluster.SetTls(std::make_shared<const topology::Tls>()); }

  RenderedInstance Rendered(Component component) {
    const Instance& instance = First(component);
    RenderInput input{.cluster = &cluster,
                      .instance = &instance,
                      .package = &package,
                      .join = join,
                      .grafana_password = password};
    if (instance.HasCertificate()) input.certificates = {"the CA", "its certificate", "its key"};
    auto rendered = Render(input);
    INFO(Message(rendered.status()));
    REQUIRE(rendered.ok());
    return *rendered;
  }
  // nullptr: there is none.
  const RenderedFile* Find(const RenderedInstance& rendered, Component component,
                           const std::string& name) {
    for (const RenderedFile& file : rendered.files) {
      if (file.path == First(component).deploy_dir + "/" + name) return &file;
    }
    return nullptr;
  }
};

TEST_CASE("certificates lie where TiUP puts them, and a key is for its user only") {
  TlsFixture f;
  for (const Component component :
       {Component::kDmMaster, Component::kDmWorker, Component::kPrometheus}) {
    const std::string own = "tls/" + std::string(topology::Name(component));
    INFO(own);
    const RenderedInstance rendered = f.Rendered(component);
    const RenderedFile* trusted = f.Find(rendered, component, "tls/ca.crt");
    const RenderedFile* shown = f.Find(rendered, component, own + ".crt");
    const RenderedFile* key = f.Find(rendered, component, own + ".pem");
    REQUIRE(trusted != nullptr);
    REQUIRE(shown != nullptr);
    REQUIRE(key != nullptr);
    CHECK(trusted->content == "the CA");
    CHECK(shown->content == "its certificate");
    CHECK_FALSE(shown->secret);
    CHECK(key->content == "its key");
    CHECK(key->mode == 0600);
    CHECK(key->secret);
    CHECK(key->only_on_host);
  }
  for (const Component component : {Component::kGrafana, Component::kAlertmanager}) {
    CHECK(f.Find(f.Rendered(component), component, "tls/ca.crt") == nullptr);
  }
}

TEST_CASE("DM is told of its certificates, and peers of dm-masters find each other by https") {
  TlsFixture f;
  const RenderedInstance master = f.Rendered(Component::kDmMaster);
  const std::string script =
      f.Find(master, Component::kDmMaster, "scripts/run_dm-master.sh")->content;
  CHECK_THAT(script, Contains("--peer-urls=\"https://0.0.0.0:8291\"") &&
                         Contains("--advertise-peer-urls=\"https://10.0.0.1:8291\"") &&
                         Contains("dm-master-2=https://10.0.0.2:8291") && !Contains("http://"));
  const std::string toml = f.Find(master, Component::kDmMaster, "conf/dm-master.toml")->content;
  CHECK_THAT(toml, Contains("ssl-ca = \"/dm/dm-master-8261/tls/ca.crt\"") ||
                       Contains("ssl-ca = '/dm/dm-master-8261/tls/ca.crt'"));
  CHECK_THAT(toml, Contains("/dm/dm-master-8261/tls/dm-master.crt") &&
                       Contains("/dm/dm-master-8261/tls/dm-master.pem"));
  const RenderedInstance worker = f.Rendered(Component::kDmWorker);
  CHECK_THAT(f.Find(worker, Component::kDmWorker, "conf/dm-worker.toml")->content,
             Contains("/dm/dm-worker-8262/tls/dm-worker.pem"));
  // Whom to join is said without a scheme.
  CHECK_THAT(f.Find(worker, Component::kDmWorker, "scripts/run_dm-worker.sh")->content,
             !Contains("http"));

  Fixture plain;
  CHECK_THAT(plain.Text(Component::kDmMaster, "conf/dm-master.toml"), !Contains("ssl-"));
}

TEST_CASE("whoever lists names that may connect does not shut out dmgr") {
  TlsFixture f;
  auto& fields = *f.First(Component::kDmMaster).config.mutable_fields();
  for (const char* name : {"ours", "dm-worker"}) {
    fields["cert-allowed-cn"].mutable_list_value()->add_values()->set_string_value(name);
  }
  const RenderedInstance rendered = f.Rendered(Component::kDmMaster);
  const std::string toml = f.Find(rendered, Component::kDmMaster, "conf/dm-master.toml")->content;
  for (const char* name : {"ours", "dm-master", "dm-worker", "prometheus", "dmgr"}) {
    CHECK_THAT(toml, Contains(fmt::format("\"{}\"", name)) || Contains(fmt::format("'{}'", name)));
  }
}

TEST_CASE("Prometheus scrapes DM over TLS, and the others as before") {
  TlsFixture f;
  const RenderedInstance rendered = f.Rendered(Component::kPrometheus);
  const YAML::Node yaml =
      YAML::Load(f.Find(rendered, Component::kPrometheus, "conf/prometheus.yml")->content);
  int secure = 0;
  for (const auto& job : yaml["scrape_configs"]) {
    const auto name = job["job_name"].as<std::string>();
    INFO(name);
    const bool of_dm = name == "dm_master" || name == "dm_worker";
    REQUIRE(job["scheme"].IsDefined() == of_dm);
    if (!of_dm) continue;
    ++secure;
    CHECK(job["scheme"].as<std::string>() == "https");
    CHECK(job["tls_config"]["ca_file"].as<std::string>() == "/dm/prometheus-9090/tls/ca.crt");
    CHECK(job["tls_config"]["key_file"].as<std::string>() ==
          "/dm/prometheus-9090/tls/prometheus.pem");
  }
  CHECK(secure == 2);

  INFO("the template of an older package would scrape in vain");
  std::string& text = f.package["template/prometheus.yml.tmpl"];
  for (const char* tag : {"{{#with_tls}}", "{{/with_tls}}"}) {
    for (auto at = text.find(tag); at != std::string::npos; at = text.find(tag)) {
      text.erase(at, std::string(tag).size());
    }
  }
  const auto refused = Render({.cluster = &f.cluster,
                               .instance = &f.First(Component::kPrometheus),
                               .package = &f.package,
                               .join = {},
                               .grafana_password = {},
                               .certificates = {"the CA", "its certificate", "its key"}});
  CHECK(Reason(refused.status()) == "TEMPLATE_TOO_OLD");
}

}  // namespace
}  // namespace dmgr::render
