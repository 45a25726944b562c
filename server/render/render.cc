#include "server/render/render.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/components/traits.h"
#include "common/error.h"
#include "server/render/from_package.h"
#include "server/render/grafana.h"
#include "server/render/template.h"
#include "server/render/tiup_shape.h"
#include "server/render/tls.h"
#include "server/render/toml_config.h"
#include "server/render/user_unit.h"
#include "server/render/values.h"

namespace dmgr::render {
namespace {

using components::ConfigKind;
using components::When;
using topology::Instance;

// Placeholder of DM's rule files for the name of the cluster.
constexpr std::string_view kRulesClusterName = "ENV_LABELS_ENV";

absl::StatusOr<const std::string*> Find(const PackageFiles& package, const std::string& path) {
  const auto it = package.find(path);
  if (it == package.end()) {
    return Error(absl::StatusCode::kFailedPrecondition, "PACKAGE_INCOMPLETE",
                 "the package has no {}", path)
        .With("path", path)
        .Remedy("upload a complete package")
        .Next(v1::ACTION_BUILD_PACKAGE);
  }
  return &it->second;
}

absl::Status TemplateError(const std::string& instance, const std::vector<std::string>& problems) {
  return Error(absl::StatusCode::kFailedPrecondition, "TEMPLATE_UNUSABLE",
               "the files of {} cannot be made: {}", instance, fmt::join(problems, "; "))
      .With("instance", instance);
}

// Collects the files of one instance; the first error stays.
class Renderer {
 public:
  explicit Renderer(const RenderInput& input)
      : input_(input),
        instance_(*input.instance),
        traits_(components::TraitsOf(instance_.component)),
        values_(ConfigValues(input)) {}

  absl::StatusOr<RenderedInstance> Run() {
    for (const components::Template& one : traits_.templates) AddFromTemplate(one);
    switch (traits_.config) {
      case ConfigKind::kDmToml:
        AddToml();
        break;
      case ConfigKind::kPrometheus:
        AddPrometheusFiles();
        break;
      case ConfigKind::kAlertmanager:
        AddAlertmanagerFiles();
        break;
      case ConfigKind::kGrafana:
        AddGrafanaFiles();
        break;
      case ConfigKind::kFlags:
        break;
    }
    AddCertificates();
    AddUnit();
    if (status_.ok()) CheckAskedFor();
    if (!status_.ok()) return status_;
    return std::move(result_);
  }

 private:
  void Update(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }

  RenderedFile* AddFile(std::string_view path, unsigned mode, std::string content) {
    result_.files.push_back({fmt::format("{}/{}", instance_.deploy_dir, path), mode,
                             std::move(content), /*secret=*/false, /*only_on_host=*/false});
    return &result_.files.back();
  }

  // One that was added.
  RenderedFile& FileAt(std::string_view path) {
    const std::string full = fmt::format("{}/{}", instance_.deploy_dir, path);
    return *std::ranges::find(result_.files, full, &RenderedFile::path);
  }

  std::string FromTemplate(std::string_view name, Kind kind, const Values& values) {
    const std::string path = fmt::format("template/{}", name);
    const auto text = Find(*input_.package, path);
    if (!text.ok()) {
      Update(text.status());
      return {};
    }
    templates_.push_back(*text);
    std::vector<std::string> problems;
    std::string rendered = RenderTemplate(path, kind, Shaped(kind, **text), values, &problems);
    if (!problems.empty()) Update(TemplateError(instance_.name, problems));
    return rendered;
  }

  // The template, with the programs of a run script where the instance has them.
  std::string Shaped(Kind kind, std::string text) const {
    if (kind != Kind::kShell || !instance_.tiup_shape || traits_.tiup_folder.empty()) return text;
    for (const components::Program& program : traits_.programs) {
      text = InTiupShape(text, program.name, traits_.tiup_folder);
    }
    return text;
  }

  void AddFromTemplate(const components::Template& one) {
    const When now = input_.join.empty() ? When::kFounding : When::kJoining;
    if (one.when != When::kAlways && one.when != now) return;
    AddFile(one.target, one.mode, FromTemplate(one.name, one.syntax, values_))->secret = one.secret;
  }

  void AddToml() {
    const std::string path = DmTomlPath(traits_);
    const auto base = Find(*input_.package, path);
    if (!base.ok()) return Update(base.status());
    auto merged = MergeToml(path, **base, instance_.config, instance_.component,
                            input_.cluster->version, TlsKeysOf(instance_));
    if (!merged.ok()) return Update(Annotate(merged.status(), instance_.name));
    AddFile(path, 0644, *std::move(merged));
  }

  // Where TiUP puts them.
  void AddCertificates() {
    const Certificates& own = input_.certificates;
    if (own.key.empty()) return;
    const TlsPaths paths = TlsPathsOf(instance_);
    AddFile(paths.trusted, 0644, own.trusted);
    AddFile(paths.certificate, 0644, own.certificate);
    RenderedFile* key = AddFile(paths.key, 0600, own.key);
    key->secret = key->only_on_host = true;
  }

  void AddPrometheusFiles() {
    const v1::MonitoringServer& options = instance_.monitoring;
    // These may hold passwords.
    if (options.has_remote_config() || !options.additional_scrape_conf().fields().empty()) {
      RenderedFile& config = FileAt("conf/prometheus.yml");
      config.mode = 0600;
      config.secret = true;
    }
    for (const auto& [name, content] : RuleFiles(input_)) {
      AddFile("conf/" + name, 0644, ReplaceAll(content, kRulesClusterName, input_.cluster->name));
    }
  }

  void AddAlertmanagerFiles() {
    const std::string path = "conf/alertmanager.yml";
    if (instance_.alertmanager.has_config_file_content()) {
      AddFile(path, 0600, instance_.alertmanager.config_file_content().content())->secret = true;
      return;
    }
    const auto content = Find(*input_.package, path);
    if (!content.ok()) return Update(content.status());
    AddFile(path, 0640, **content);
  }

  void AddGrafanaFiles() {
    google::protobuf::Struct config = instance_.config;
    const v1::GrafanaServer& own = instance_.grafana;
    for (const auto& [key, value] : own.secret_config().fields()) {
      (*config.mutable_fields())[key] = value;
    }
    if (own.has_ldap_config_content()) {
      const std::string path = "conf/ldap.toml";
      (*config.mutable_fields())["auth.ldap.config_file"].set_string_value(
          fmt::format("{}/{}", instance_.deploy_dir, path));
      AddFile(path, 0600, own.ldap_config_content().content())->secret = true;
    }
    if (auto more = GrafanaIni(config); more.ok()) {
      FileAt("conf/grafana.ini").content += *more;
    } else {
      Update(Annotate(more.status(), instance_.name));
    }
    for (auto& [name, content] : Dashboards(*input_.package, instance_, *input_.cluster)) {
      AddFile("dashboards/" + name, 0644, std::move(content));
    }
  }

  // Of an older package, templates may know nothing of what the topology asks for.
  void CheckAskedFor() {
    std::vector<std::string> ignored;
    for (const auto& name : OptionsInForce(values_)) {
      const bool asked = std::any_of(templates_.begin(), templates_.end(),
                                     [&](const std::string* text) { return AsksFor(*text, name); });
      if (!asked) ignored.push_back(name);
    }
    if (ignored.empty()) return;
    status_ =
        Error(absl::StatusCode::kFailedPrecondition, "TEMPLATE_TOO_OLD",
              "the topology gives {} for {}, and the package's templates have no place for it",
              fmt::join(ignored, ", "), instance_.name)
            .With("instance", instance_.name)
            .Remedy("build the package again, or leave it out")
            .Next(v1::ACTION_BUILD_PACKAGE);
  }

  void AddUnit() {
    const auto values = UnitValues(*input_.cluster, instance_);
    if (!values.ok()) return Update(values.status());
    result_.unit_name = instance_.Unit();
    result_.unit_content = FromTemplate(components::kUnitTemplate, Kind::kUnit, *values);
    if (input_.cluster->user_mode) result_.unit_content = ForUserInstance(result_.unit_content);
  }

  const RenderInput& input_;
  const Instance& instance_;
  const components::Traits& traits_;
  const Values values_;
  std::vector<const std::string*> templates_;
  RenderedInstance result_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<RenderedInstance> Render(const RenderInput& input) { return Renderer(input).Run(); }

}  // namespace dmgr::render
