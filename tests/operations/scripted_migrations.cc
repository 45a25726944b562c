#include "tests/operations/scripted_migrations.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "common/error.h"
#include "server/migrations/config.h"
#include "tests/operations/scripted_members.h"

namespace dmgr::test {
namespace {

absl::Status DmRefuses(absl::StatusCode code, const char* reason, const std::string& name) {
  return Error(code, reason, "DM refuses: {} {}", reason, name);
}

absl::Status NoTask(const std::string& task) {
  return DmRefuses(absl::StatusCode::kNotFound, "DM_TASK_MISSING", task);
}

// As dm-masters keep it.
std::string TomlOf(const std::string& config, bool relays) {
  const auto read = migrations::ReadSource(config).value();
  const auto password = YAML::Load(config)["from"]["password"].as<std::string>("");
  return fmt::format(
      "enable = true\nenable-relay = {}\nsource-id = \"{}\"\nflavor = \"mysql\"\nfilters = []\n\n"
      "[from]\nhost = \"{}\"\nport = {}\nuser = \"{}\"\npassword = \"{}\"\n\n"
      "[purge]\ninterval = 3600\n\n[tracer]\n",
      relays, read.source_id, read.host, read.port, read.user, password);
}

std::string SubtaskTomlOf(const std::string& config, const std::string& task,
                          const std::string& source) {
  const auto to = YAML::Load(config)["target-database"];
  return fmt::format(
      "name = \"{}\"\nmode = \"all\"\nsource-id = \"{}\"\n\n[from]\nhost = \"db1\"\n\n[to]\nhost = "
      "\"{}\"\nport = {}\nuser = \"{}\"\npassword = \"{}\"\n",
      task, source, to["host"].as<std::string>(), to["port"].as<int>(),
      to["user"].as<std::string>(), to["password"].as<std::string>(""));
}

}  // namespace

void ScriptedMigrations::LoseNextAnswer() {
  const std::lock_guard lock(mutex_);
  loses_answer_ = true;
}

void ScriptedMigrations::AddForeign(const std::string& config) {
  const std::lock_guard lock(mutex_);
  sources_[migrations::ReadSource(config).value().source_id] = config;
}

void ScriptedMigrations::SetUnit(const std::string& task, pb::UnitType unit) {
  const std::lock_guard lock(mutex_);
  tasks_.at(task).unit = unit;
}

void ScriptedMigrations::PauseByError(const std::string& task, const std::string& message) {
  const std::lock_guard lock(mutex_);
  tasks_.at(task).stage = pb::STAGE_PAUSED;
  tasks_.at(task).error = message;
}

absl::Status ScriptedMigrations::Answer() {
  if (!loses_answer_) return absl::OkStatus();
  loses_answer_ = false;
  return Error(absl::StatusCode::kUnavailable, "DM_UNAVAILABLE", "the answer was lost");
}

std::string ScriptedMigrations::State() {
  const std::lock_guard lock(mutex_);
  std::string state = "\n";
  for (const auto& [id, config] : sources_) {
    state += fmt::format("source {} on {}: {}\n", id, members_->WorkerOf(id), config);
  }
  for (const auto& id : relays_) state += fmt::format("relay of {}\n", id);
  for (const auto& [worker, id] : relay_workers_) {
    state += fmt::format("relay of {} on {}\n", id, worker);
  }
  for (const auto& [id, file] : purged_) state += fmt::format("relay of {} from {}\n", id, file);
  for (const auto& [name, task] : tasks_) {
    state += fmt::format("task {} {}: {}\n", name, pb::Stage_Name(task.stage), task.config);
    for (const auto& [source, error] : task.errors) state += fmt::format("fails: {}\n", source);
    for (const auto& [source, runs] : task.validators) {
      state += fmt::format("validator of {}: {}\n", source, runs);
    }
    state += fmt::format("structure {}, cutover {}\n", task.structure, task.cutover);
  }
  state += fmt::format("told: {}\n", handled_);
  for (const auto& [id, waiting] : locks_) state += fmt::format("lock {}\n", id);
  return state;
}

absl::StatusOr<dm::SourceAnswer> ScriptedMigrations::CreateSource(const Cluster& cluster,
                                                                  const std::string& config,
                                                                  const std::string& worker,
                                                                  const dm::Within& within) {
  ASSIGN_OR_RETURN(const auto read, migrations::ReadSource(config));
  const std::lock_guard lock(mutex_);
  const std::string& id = read.source_id;
  if (sources_.contains(id)) {
    return DmRefuses(absl::StatusCode::kAlreadyExists, "DM_SOURCE_EXISTS", id);
  }
  if (config.find(migrations::kHidden) != std::string::npos) {
    return DmRefuses(absl::StatusCode::kFailedPrecondition, "DM_DATABASE_LOGIN", id);
  }
  ASSIGN_OR_RETURN(const auto members, members_->GetMembers(cluster, within.deadline, {}));
  std::string taker;
  for (const auto& one : members.workers) {
    if (one.stage != "free" || (!worker.empty() && one.name != worker)) continue;
    taker = one.name;
    break;
  }
  if (!worker.empty() && taker.empty()) {
    return DmRefuses(absl::StatusCode::kFailedPrecondition, "DM_WORKER_BUSY", worker);
  }
  sources_[id] = config;
  if (!taker.empty()) members_->Bind(id, taker);
  RETURN_IF_ERROR(Answer());
  return dm::SourceAnswer{.source = id, .worker = taker, .message = ""};
}

absl::Status ScriptedMigrations::UpdateSource(const Cluster&, const std::string& config,
                                              const dm::Within&) {
  ASSIGN_OR_RETURN(const auto read, migrations::ReadSource(config));
  const std::lock_guard lock(mutex_);
  const auto source = sources_.find(read.source_id);
  if (source == sources_.end()) {
    return DmRefuses(absl::StatusCode::kNotFound, "DM_SOURCE_MISSING", read.source_id);
  }
  source->second = config;
  return Answer();
}

absl::Status ScriptedMigrations::StopSource(const Cluster&, const std::string& source,
                                            const dm::Within&) {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, task] : tasks_) {
    if (std::ranges::find(task.sources, source) == task.sources.end()) continue;
    return DmRefuses(absl::StatusCode::kFailedPrecondition, "DM_SOURCE_IN_USE", source);
  }
  if (sources_.erase(source) == 0) {
    return DmRefuses(absl::StatusCode::kNotFound, "DM_SOURCE_MISSING", source);
  }
  members_->Unbind(source);
  return Answer();
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::ListSources(const Cluster&,
                                                                  const dm::Within&) {
  const std::lock_guard lock(mutex_);
  dm::SourceAnswers answers;
  for (const auto& [id, config] : sources_) {
    answers.push_back({.source = id, .worker = members_->WorkerOf(id), .message = ""});
  }
  return answers;
}

absl::Status ScriptedMigrations::BindSource(const Cluster& cluster, const std::string& source,
                                            const std::string& worker, const dm::Within& within) {
  const std::lock_guard lock(mutex_);
  if (!sources_.contains(source)) {
    return DmRefuses(absl::StatusCode::kNotFound, "DM_SOURCE_MISSING", source);
  }
  RETURN_IF_ERROR(members_->TransferSource(cluster, source, worker, within.deadline, {}));
  return Answer();
}

absl::Status ScriptedMigrations::SetRelay(const Cluster&, const std::string& source,
                                          const std::vector<std::string>& workers, bool enabled,
                                          const dm::Within&) {
  const std::lock_guard lock(mutex_);
  if (!sources_.contains(source)) {
    return DmRefuses(absl::StatusCode::kNotFound, "DM_SOURCE_MISSING", source);
  }
  if (workers.empty() && enabled) relays_.insert(source);
  if (workers.empty() && !enabled) relays_.erase(source);
  for (const auto& worker : workers) {
    if (enabled) {
      relay_workers_[worker] = source;
    } else {
      relay_workers_.erase(worker);
    }
  }
  return Answer();
}

absl::Status ScriptedMigrations::PurgeRelay(const Cluster&,
                                            const pb::PurgeWorkerRelayRequest& request,
                                            const dm::Within&) {
  const std::lock_guard lock(mutex_);
  for (const auto& source : request.sources()) purged_[source] = request.filename();
  return Answer();
}

absl::StatusOr<std::string> ScriptedMigrations::GetConfig(const Cluster&, pb::CfgType type,
                                                          const std::string& name,
                                                          const dm::Within&) {
  const std::lock_guard lock(mutex_);
  if (type == pb::CFG_TYPE_SOURCE && sources_.contains(name)) {
    return migrations::HideSecrets(sources_.at(name)) + "auto-fix-gtid: false\n";
  }
  if (type == pb::CFG_TYPE_TASK && tasks_.contains(name)) {
    return migrations::HideSecrets(tasks_.at(name).config);
  }
  return DmRefuses(absl::StatusCode::kNotFound, "DM_SOURCE_MISSING", name);
}

absl::StatusOr<dm::CheckResult> ScriptedMigrations::CheckTask(const Cluster&,
                                                              const pb::CheckTaskRequest& request,
                                                              const dm::Within&) {
  RETURN_IF_ERROR(migrations::ReadTask(request.task()).status());
  return dm::CheckResult{
      .sentence = "pre-check is passed. ", .rows = {}, .total = 3, .successful = 3};
}

absl::StatusOr<dm::StartedTask> ScriptedMigrations::StartTask(const Cluster&,
                                                              const pb::StartTaskRequest& request,
                                                              const dm::Within&) {
  ASSIGN_OR_RETURN(const auto read, migrations::ReadTask(request.task()));
  const std::lock_guard lock(mutex_);
  if (tasks_.contains(read.name)) {
    return DmRefuses(absl::StatusCode::kAlreadyExists, "DM_TASK_EXISTS", read.name);
  }
  dm::StartedTask started;
  for (const auto& source : read.sources) {
    if (!sources_.contains(source)) {
      return DmRefuses(absl::StatusCode::kNotFound, "DM_SOURCE_MISSING", source);
    }
    started.sources.push_back(
        {.source = source, .worker = members_->WorkerOf(source), .message = ""});
  }
  tasks_[read.name] = {.config = request.task(), .sources = read.sources};
  RETURN_IF_ERROR(Answer());
  return started;
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::SetStage(const std::string& task,
                                                               pb::Stage stage) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return NoTask(task);
  dm::SourceAnswers answers;
  for (const auto& source : found->second.sources) {
    answers.push_back({.source = source, .worker = members_->WorkerOf(source), .message = ""});
  }
  if (stage == pb::STAGE_STOPPED) {
    tasks_.erase(found);
  } else {
    found->second.stage = stage;
    found->second.error.clear();
  }
  RETURN_IF_ERROR(Answer());
  return answers;
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::PauseTask(const Cluster&,
                                                                const std::string& task,
                                                                const dm::Within&) {
  return SetStage(task, pb::STAGE_PAUSED);
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::ResumeTask(const Cluster&,
                                                                 const std::string& task,
                                                                 const dm::Within&) {
  return SetStage(task, pb::STAGE_RUNNING);
}

absl::StatusOr<dm::SourceAnswers> ScriptedMigrations::DeleteTask(const Cluster&,
                                                                 const std::string& task,
                                                                 const dm::Within&) {
  return SetStage(task, pb::STAGE_STOPPED);
}

absl::StatusOr<pb::QueryStatusListResponse> ScriptedMigrations::QueryStatus(const Cluster&,
                                                                            const std::string& task,
                                                                            const dm::Within&) {
  const std::lock_guard lock(mutex_);
  if (!task.empty() && !tasks_.contains(task)) return NoTask(task);
  pb::QueryStatusListResponse response;
  response.set_result(true);
  for (const auto& [id, config] : sources_) {
    pb::QueryStatusResponse of_source;
    of_source.set_result(true);
    of_source.mutable_source_status()->set_source(id);
    of_source.mutable_source_status()->set_worker(members_->WorkerOf(id));
    for (const auto& [name, one] : tasks_) {
      const bool is_of = std::ranges::find(one.sources, id) != one.sources.end();
      if (!is_of || (!task.empty() && name != task)) continue;
      auto* subtask = of_source.add_sub_task_status();
      subtask->set_name(name);
      subtask->set_stage(one.stage);
      subtask->set_unit(one.unit);
      const bool is_paused = one.stage == pb::STAGE_PAUSED;
      subtask->mutable_result()->set_is_canceled(is_paused && one.error.empty());
      if (is_paused && !one.error.empty()) {
        subtask->mutable_result()->add_errors()->set_message(one.error);
      }
      if (const auto error = one.errors.find(id); error != one.errors.end()) {
        subtask->set_stage(pb::STAGE_PAUSED);
        *subtask->mutable_result()->add_errors() = error->second;
      }
      if (one.unit == pb::UNIT_TYPE_SYNC) subtask->mutable_sync()->set_synced(true);
    }
    if (task.empty() || of_source.sub_task_status_size() > 0) *response.add_sources() = of_source;
  }
  return response;
}

absl::StatusOr<dm::KeysCopy> ScriptedMigrations::CopyKeys(const Cluster&, const dm::Within&) {
  const std::lock_guard lock(mutex_);
  dm::KeysCopy copy;
  for (const auto& [id, config] : sources_) {
    auto* key = copy.add_keys();
    key->set_key(dm::KeyOf(dm::keys::kSource, {id}));
    key->set_value(TomlOf(config, relays_.contains(id)));
    kept_[key->value()] = config;
  }
  for (const auto& [name, task] : tasks_) {
    for (const auto& source : task.sources) {
      auto* key = copy.add_keys();
      key->set_key(dm::KeyOf(dm::keys::kSubTask, {source, name}));
      key->set_value(SubtaskTomlOf(task.config, name, source));
      kept_[key->value()] = task.config;
    }
  }
  for (const auto& [worker, id] : relay_workers_) {
    auto* key = copy.add_keys();
    key->set_key(dm::KeyOf(dm::keys::kRelayWorker, {worker}));
    key->set_value(id);
  }
  // In the order of keys, as KeyStore gives them.
  std::sort(copy.mutable_keys()->pointer_begin(), copy.mutable_keys()->pointer_end(),
            [](const dm::Key* a, const dm::Key* b) { return a->key() < b->key(); });
  return copy;
}

// What is put back is read at once.
absl::Status ScriptedMigrations::PutKeysBack(const Cluster&, const dm::KeysCopy& copy,
                                             const dm::Within&) {
  const std::lock_guard lock(mutex_);
  for (const auto& key : copy.keys()) {
    const auto names = dm::NamesIn(key.key(), dm::keys::kSource);
    if (names.has_value()) sources_[names->front()] = kept_.at(key.value());
    const auto of_subtask = dm::NamesIn(key.key(), dm::keys::kSubTask);
    if (!of_subtask.has_value()) continue;
    Task& task = tasks_[of_subtask->back()];
    task.config = kept_.at(key.value());
    task.sources = migrations::ReadTask(task.config).value().sources;
  }
  return Answer();
}

}  // namespace dmgr::test
