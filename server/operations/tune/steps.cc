// The steps of a tuning.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "dmgr/plan/v1/tune.pb.h"
#include "server/check/tunables.h"
#include "server/engine/runner.h"
#include "server/operations/steps/runner.h"
#include "server/operations/tune/plan.h"
#include "server/operations/tune/tune.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

namespace {

using engine::StepContext;
using engine::StepResult;

constexpr const char* kKeptFiles[] = {check::kSysctlFile, check::kTmpfilesFile};

// The settings that the step is about.
absl::StatusOr<std::vector<const check::Tunable*>> TunablesOf(const StepContext& context) {
  ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::TuneParams>(context));
  std::vector<const check::Tunable*> tunables;
  for (const auto& name : params.names()) {
    const check::Tunable* tunable = check::FindTunable(name);
    if (tunable == nullptr) {
      return Error(absl::StatusCode::kInternal, "STEP_UNREADABLE", "there is no setting {}", name);
    }
    tunables.push_back(tunable);
  }
  return tunables;
}

// As they are now.
absl::StatusOr<pv1::TuneSeen> LookAtTuning(StepContext& context) {
  ASSIGN_OR_RETURN(const auto tunables, TunablesOf(context));
  hv1::ToHost request;
  auto* settings = request.mutable_batch()->add_requests()->mutable_read_settings();
  for (const auto* tunable : tunables) settings->add_files(std::string(tunable->file));
  auto* files = request.mutable_batch()->add_requests()->mutable_read_files();
  for (const char* path : kKeptFiles) files->add_paths(path);
  ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
  pv1::TuneSeen seen;
  for (const auto& part : reply.batch().replies()) {
    for (const auto& setting : part.read_settings().settings()) {
      const auto at = static_cast<std::size_t>(seen.settings_size());
      if (at >= tunables.size()) break;
      auto* out = seen.add_settings();
      out->set_name(std::string(tunables[at]->name));
      out->set_value(setting.value());
    }
    for (const auto& file : part.read_files().files()) {
      auto* out = seen.add_files();
      out->set_path(file.path());
      out->set_content(file.content());
      out->set_mode(file.mode());
    }
  }
  return seen;
}

std::string ContentOf(const pv1::TuneSeen& seen, const std::string& path) {
  for (const auto& file : seen.files()) {
    if (file.path() == path) return file.content();
  }
  return {};
}

// What a file that offers several values, one of them in brackets, is set to; else all of it.
std::string ChosenIn(const std::string& value) {
  const auto open = value.find('[');
  const auto close = value.find(']', open);
  if (open == std::string::npos || close == std::string::npos) return value;
  return value.substr(open + 1, close - open - 1);
}

class SurveyTuning : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto seen, LookAtTuning(context));
    return StepResult{.result_json = StepJson(seen), .commit = nullptr};
  }
};

// Sets what is not as wanted, now and for each boot.
class Tune : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto seen, Before(context));
    const auto names = NamesOf(seen);
    hv1::ToHost request;
    auto* batch = request.mutable_batch();
    auto* write = batch->add_requests()->mutable_write_files();
    for (const char* path : kKeptFiles) {
      const std::string content = ContentOf(seen, path);
      const std::string kept = check::KeepIn(path, content, names);
      if (kept != content) AddFile(path, kept, 0644, write);
    }
    auto* settings = batch->add_requests()->mutable_write_settings();
    for (const auto& name : names) {
      const check::Tunable* tunable = check::FindTunable(name);
      AddSetting(*tunable, std::string(tunable->set_to), settings);
    }
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }

  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto seen, Before(context));
    hv1::WriteSettings settings;
    for (const auto& setting : seen.settings()) {
      const check::Tunable* tunable = check::FindTunable(setting.name());
      if (tunable != nullptr) AddSetting(*tunable, ChosenIn(setting.value()), &settings);
    }
    hv1::WriteFiles files;
    hv1::RemovePaths removal;
    for (const char* path : kKeptFiles) {
      const auto old = std::find_if(seen.files().begin(), seen.files().end(),
                                    [&](const auto& file) { return file.path() == path; });
      if (old == seen.files().end()) {
        removal.add_files(path);
      } else {
        AddFile(path, old->content(), old->mode(), &files);
      }
    }
    hv1::ToHost request;
    auto* batch = request.mutable_batch();
    *batch->add_requests()->mutable_write_settings() = std::move(settings);
    if (files.files_size() > 0) {
      *batch->add_requests()->mutable_write_files() = std::move(files);
    }
    if (removal.files_size() > 0) {
      *batch->add_requests()->mutable_remove_paths() = std::move(removal);
    }
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }

  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto seen, LookAtTuning(context));
    const auto names = NamesOf(seen);
    for (const auto& setting : seen.settings()) {
      const check::Tunable* tunable = check::FindTunable(setting.name());
      if (tunable == nullptr || !check::IsMet(*tunable, setting.value())) return false;
    }
    return std::all_of(std::begin(kKeptFiles), std::end(kKeptFiles), [&](const char* path) {
      const std::string content = ContentOf(seen, path);
      return check::KeepIn(path, content, names) == content;
    });
  }

 private:
  static absl::StatusOr<pv1::TuneSeen> Before(StepContext& context) {
    ASSIGN_OR_RETURN(const auto seen,
                     ResultOf<pv1::TuneSeen>(context, Machine(context) + "/" + kTuningStep));
    return seen.value_or(pv1::TuneSeen());
  }
  static std::vector<std::string> NamesOf(const pv1::TuneSeen& seen) {
    std::vector<std::string> names;
    for (const auto& setting : seen.settings()) {
      if (check::FindTunable(setting.name()) != nullptr) names.push_back(setting.name());
    }
    return names;
  }
  static void AddFile(const std::string& path, const std::string& content, unsigned mode,
                      hv1::WriteFiles* write) {
    auto* file = write->add_files();
    file->set_path(path);
    file->set_content(content);
    file->set_mode(mode);
    file->set_owner("root");
    file->set_group("root");
  }
  static void AddSetting(const check::Tunable& tunable, const std::string& value,
                         hv1::WriteSettings* write) {
    auto* setting = write->add_settings();
    setting->set_file(std::string(tunable.file));
    setting->set_value(value);
  }
};

}  // namespace

void RegisterTuneRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kSurveyTuning, std::make_unique<SurveyTuning>(resources));
  registry->Add(kTune, std::make_unique<Tune>(resources));
}

}  // namespace dmgr::operations
