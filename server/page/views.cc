#include "server/page/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <utility>

#include "absl/time/time.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "templates/page_files.h"

namespace dmgr::page {
namespace {

namespace mustache = kainjow::mustache;
using Data = mustache::data;

constexpr char kGood[] = "good";
constexpr char kBad[] = "bad";
constexpr char kBusy[] = "busy";

Data EmptyList() { return Data(Data::type::list); }

// What every template may name: an item of a list would else show what is around it.
Data NewData(Language language) {
  Data words(Data::type::object);
  for (const auto& [name, text] : WordsIn(language)) words.set(name, text);
  Data data(Data::type::object);
  data.set("t", words);
  return data;
}

// A text, and whether there is one, as "has_NAME".
void SetText(Data* data, const std::string& name, const std::string& text) {
  data->set(name, text);
  data->set("has_" + name, Data(!text.empty()));
}

std::string Rendered(const std::string& name, const Data& data) {
  mustache::mustache file{std::string(templates::PageFile(name))};
  return file.render(data);
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string RemedyOf(const google::rpc::Status& error) {
  for (const auto& detail : error.details()) {
    google::rpc::ErrorInfo info;
    if (!detail.UnpackTo(&info)) continue;
    const auto remedy = info.metadata().find("remedy");
    if (remedy != info.metadata().end()) return remedy->second;
  }
  return "";
}

const char* ToneOf(v1::OperationState state) {
  switch (state) {
    case v1::OPERATION_STATE_SUCCEEDED:
      return kGood;
    case v1::OPERATION_STATE_FAILED:
    case v1::OPERATION_STATE_CANCELLED:
      return kBad;
    default:
      return kBusy;
  }
}

bool IsOver(v1::OperationState state) {
  return state == v1::OPERATION_STATE_SUCCEEDED || state == v1::OPERATION_STATE_FAILED ||
         state == v1::OPERATION_STATE_CANCELLED || state == v1::OPERATION_STATE_ROLLED_BACK;
}

const char* ToneOf(v1::StepState state) {
  switch (state) {
    case v1::STEP_STATE_SUCCEEDED:
      return kGood;
    case v1::STEP_STATE_FAILED:
      return kBad;
    case v1::STEP_STATE_RUNNING:
      return kBusy;
    default:
      return "dim";
  }
}

const char* ToneOf(v1::TaskStage stage) {
  switch (stage) {
    case v1::TASK_STAGE_RUNNING:
    case v1::TASK_STAGE_FINISHED:
      return kGood;
    case v1::TASK_STAGE_PAUSED:
      return kBad;
    default:
      return kBusy;
  }
}

void SetOperation(Language language, const v1::Operation& operation, Data* data) {
  data->set("id", operation.operation_id());
  data->set("kind", Translated(language, ToWord(operation.kind())));
  data->set("cluster", operation.cluster_name());
  data->set("state", Translated(language, ToWord(operation.state())));
  data->set("tone", std::string(ToneOf(operation.state())));
  data->set("percent", fmt::format("{:.0f}", operation.progress_percent()));
  data->set("user", operation.user_name());
  data->set("begun", TimeText(operation.create_time()));
  SetText(data, "ended", TimeText(operation.end_time()));
}

std::string OperationRows(Language language, const v1::ListOperationsResponse& operations) {
  Data rows = EmptyList();
  for (const auto& operation : operations.operations()) {
    Data row(Data::type::object);
    SetOperation(language, operation, &row);
    rows.push_back(row);
  }
  Data data = NewData(language);
  data.set("has_operations", Data(operations.operations_size() > 0));
  data.set("operations", rows);
  return Rendered("operation_rows.mustache", data);
}

std::string Share(double done, double all) {
  return all > 0 ? fmt::format("{:.0f} %", std::clamp(100 * done / all, 0.0, 100.0)) : "";
}

std::string ProgressOf(Language language, const v1::Subtask& subtask) {
  switch (subtask.unit()) {
    case v1::TASK_UNIT_DUMP:
      return Share(subtask.dump().completed_tables(),
                   static_cast<double>(subtask.dump().total_tables()));
    case v1::TASK_UNIT_LOAD:
      return Share(static_cast<double>(subtask.load().finished_bytes()),
                   static_cast<double>(subtask.load().total_bytes()));
    case v1::TASK_UNIT_SYNC:
      return fmt::format("{} {}", subtask.sync().rows_per_second(),
                         WordsIn(language).at("rows_per_second"));
    default:
      return "";
  }
}

std::string LagOf(Language language, const v1::Subtask& subtask) {
  const auto& sync = subtask.sync();
  if (subtask.unit() != v1::TASK_UNIT_SYNC) return "";
  if (sync.has_lag() && sync.lag().seconds() > 0) return fmt::format("{} s", sync.lag().seconds());
  return sync.caught_up() ? WordsIn(language).at("caught_up") : "0 s";
}

Data TaskRow(Language language, const v1::Task& task, v1::TaskStage stage) {
  Data row(Data::type::object);
  row.set("cluster", task.cluster_name());
  row.set("task", task.task_name());
  row.set("stage", Translated(language, ToWord(stage)));
  row.set("tone", std::string(ToneOf(stage)));
  for (const char* name : {"source", "worker", "unit", "progress", "lag"}) {
    row.set(name, std::string());
  }
  row.set("note_tone", std::string("dim"));
  SetText(&row, "note", task.unknown_reason().empty() ? task.advice() : task.unknown_reason());
  return row;
}

std::string TaskRows(Language language, const v1::ListTasksResponse& tasks) {
  Data rows = EmptyList();
  for (const auto& task : tasks.tasks()) {
    if (task.subtasks().empty()) rows.push_back(TaskRow(language, task, task.stage()));
    for (const auto& subtask : task.subtasks()) {
      Data row = TaskRow(language, task, subtask.stage());
      row.set("source", subtask.source_id());
      row.set("worker", subtask.worker_name());
      row.set("unit", Translated(language, ToWord(subtask.unit())));
      row.set("progress", ProgressOf(language, subtask));
      row.set("lag", LagOf(language, subtask));
      if (!subtask.errors().empty()) {
        row.set("note_tone", std::string(kBad));
        SetText(&row, "note", subtask.errors(0).message());
      }
      rows.push_back(row);
    }
  }
  Data unreached = EmptyList();
  for (const auto& [cluster, why] : tasks.unreached_clusters()) {
    Data one(Data::type::object);
    one.set("cluster", cluster);
    one.set("why", why);
    unreached.push_back(one);
  }
  Data data = NewData(language);
  data.set("has_tasks", Data(tasks.tasks_size() > 0));
  data.set("tasks", rows);
  data.set("unreached", unreached);
  return Rendered("task_rows.mustache", data);
}

Data InstanceRow(Language language, const v1::InstanceStatus& instance) {
  Data row(Data::type::object);
  row.set("name", instance.name());
  row.set("component", ToWord(instance.component()));
  row.set("host", fmt::format("{}:{}", instance.host(), instance.port()));
  row.set("health", WordsIn(language).at(instance.healthy() ? "healthy" : "not_healthy"));
  row.set("tone", std::string(instance.healthy() ? kGood : kBad));
  row.set("state", instance.state_text());
  row.set("role", instance.leader() ? std::string("leader") : instance.stage_text());
  row.set("source", instance.source());
  row.set("version", instance.version());
  SetText(&row, "reason", instance.reason());
  return row;
}

// How the members of DM are; nothing of a cluster that is not up.
void SetHealth(Language language, const v1::Cluster& cluster, Data* row) {
  const auto& health = cluster.health();
  const auto& words = WordsIn(language);
  const bool is_well = health.working_members() == health.members();
  std::string text;
  std::string tone = "dim";
  if (cluster.has_health() && !health.has_observe_time()) text = words.at("not_known");
  if (health.has_observe_time()) {
    tone = is_well ? kGood : kBad;
    text = fmt::format("{} {}/{}", words.at(is_well ? "healthy" : "not_healthy"),
                       health.working_members(), health.members());
  }
  row->set("health", text);
  row->set("tone", tone);
}

}  // namespace

std::string InFrame(const Frame& frame, const std::string& part) {
  Data data = NewData(frame.language);
  data.set("lang", std::string(CodeOf(frame.language)));
  data.set("title", frame.title);
  data.set("user", frame.user);
  data.set("is_known", Data(!frame.user.empty()));
  data.set("is_live", Data(frame.period > 0));
  data.set("period", std::to_string(frame.period));
  data.set("content", part);
  return Rendered("layout.mustache", data);
}

std::string LoginPart(Language language, const std::string& error) {
  Data data = NewData(language);
  SetText(&data, "error", error);
  return Rendered("login.mustache", data);
}

std::string ErrorPart(Language language, const absl::Status& status) {
  Data data = NewData(language);
  data.set("message", std::string(Message(status)));
  SetText(&data, "remedy", Metadata(status, "remedy"));
  return Rendered("error.mustache", data);
}

std::string ClustersPart(Language language, const v1::ListClustersResponse& clusters) {
  Data rows = EmptyList();
  for (const auto& cluster : clusters.clusters()) {
    Data row(Data::type::object);
    row.set("name", cluster.name());
    row.set("version", cluster.version());
    row.set("state", Translated(language, ToWord(cluster.state())));
    SetHealth(language, cluster, &row);
    row.set("instances", std::to_string(cluster.instances_size()));
    row.set("behind", std::to_string(cluster.behind_machines_size()));
    row.set("is_behind", Data(cluster.behind_machines_size() > 0));
    row.set("operation", cluster.active_operation_id());
    row.set("is_held", Data(!cluster.active_operation_id().empty()));
    rows.push_back(row);
  }
  Data data = NewData(language);
  data.set("has_clusters", Data(clusters.clusters_size() > 0));
  data.set("clusters", rows);
  return Rendered("clusters.mustache", data);
}

std::string ClusterAwaitedPart(Language language, const v1::Cluster& cluster) {
  Data data = NewData(language);
  data.set("name", cluster.name());
  data.set("version", cluster.version());
  data.set("state", Translated(language, ToWord(cluster.state())));
  return Rendered("cluster_awaited.mustache", data);
}

std::string ClusterPart(Language language, const v1::GetClusterStatusResponse& status,
                        const v1::ListTasksResponse& tasks,
                        const v1::ListOperationsResponse& operations) {
  Data warnings = EmptyList();
  const auto warn = [&](const std::string& text) {
    Data warning(Data::type::object);
    warning.set("text", text);
    warnings.push_back(warning);
  };
  for (const auto& text : status.warnings()) warn(text);
  for (const auto& one : status.behind_machines()) {
    warn(
        fmt::format("{} {}: {}", one.machine_id(), WordsIn(language).at("left_out"), one.reason()));
  }
  Data rows = EmptyList();
  for (const auto& instance : status.instances()) rows.push_back(InstanceRow(language, instance));
  Data data = NewData(language);
  data.set("name", status.cluster_name());
  data.set("version", status.version());
  data.set("state", Translated(language, ToWord(status.state())));
  data.set("health", WordsIn(language).at(status.healthy() ? "healthy" : "not_healthy"));
  data.set("tone", std::string(status.healthy() ? kGood : kBad));
  data.set("operation", status.active_operation_id());
  data.set("is_held", Data(!status.active_operation_id().empty()));
  data.set("warnings", warnings);
  data.set("instances", rows);
  data.set("tasks", TaskRows(language, tasks));
  data.set("operations", OperationRows(language, operations));
  return Rendered("cluster.mustache", data);
}

std::string OperationsPart(Language language, const v1::ListOperationsResponse& operations) {
  Data data = NewData(language);
  data.set("rows", OperationRows(language, operations));
  return Rendered("operations.mustache", data);
}

std::string OperationPart(Language language, const v1::Operation& operation) {
  Data steps = EmptyList();
  for (const auto& step : operation.steps()) {
    Data row(Data::type::object);
    row.set("host", step.host());
    row.set("title", step.title());
    row.set("state", Translated(language, ToWord(step.state())));
    row.set("tone", std::string(ToneOf(step.state())));
    row.set("begun", TimeText(step.start_time()));
    row.set("ended", TimeText(step.end_time()));
    SetText(&row, "error", step.error().message());
    SetText(&row, "bytes",
            Share(static_cast<double>(step.bytes_done()), static_cast<double>(step.bytes_total())));
    steps.push_back(row);
  }
  Data data = NewData(language);
  SetOperation(language, operation, &data);
  data.set("is_over", Data(IsOver(operation.state())));
  SetText(&data, "error", operation.error().message());
  SetText(&data, "remedy", RemedyOf(operation.error()));
  data.set("steps", steps);
  return Rendered("operation.mustache", data);
}

std::string TasksPart(Language language, const v1::ListTasksResponse& tasks) {
  Data data = NewData(language);
  data.set("rows", TaskRows(language, tasks));
  return Rendered("tasks.mustache", data);
}

}  // namespace dmgr::page
