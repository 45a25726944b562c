#include "server/metrics/families.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>

#include "common/enum_words.h"

namespace dmgr::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::initializer_list<std::pair<const char*, std::string>>;

// All of one name.
class Family {
 public:
  Family(const char* name, const char* help, MetricType type = MetricType::Gauge) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }

  void Add(double value, const Labels& labels = {}) {
    ClientMetric metric;
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    (family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family_.metric.push_back(std::move(metric));
  }
  MetricFamily Take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

std::string StageLabel(v1::TaskStage stage) {
  const std::string word = ToWord(stage);
  return word.empty() ? "unknown" : word;
}

std::string UnitLabel(v1::TaskUnit unit) {
  const std::string word = ToWord(unit);
  return word.empty() ? "none" : word;
}

// Of each subtask.
struct TaskFamilies {
  Family stage{"dmgr_task_stage", "1 for the stage and unit that a subtask is in."};
  Family lag{"dmgr_task_lag_seconds",
             "Between what the source has written last and what has arrived; of subtasks that "
             "sync."};
  Family errors{"dmgr_task_errors", "Errors that have paused a subtask."};
  Family rows{"dmgr_task_rows_per_second", "Rows that a subtask has written lately."};

  void Add(const v1::Task& task, const v1::Subtask& subtask) {
    const std::string& cluster = task.cluster_name();
    const std::string& source = subtask.source_id();
    stage.Add(1, {{"cluster", cluster},
                  {"task", task.task_name()},
                  {"source", source},
                  {"stage", StageLabel(subtask.stage())},
                  {"unit", UnitLabel(subtask.unit())}});
    const Labels labels = {{"cluster", cluster}, {"task", task.task_name()}, {"source", source}};
    errors.Add(subtask.errors_size(), labels);
    if (subtask.unit() != v1::TASK_UNIT_SYNC) return;
    if (subtask.sync().has_lag())
      lag.Add(static_cast<double>(subtask.sync().lag().seconds()), labels);
    rows.Add(static_cast<double>(subtask.sync().rows_per_second()), labels);
  }
};

void AddTasks(const Readings& readings, std::vector<MetricFamily>* families) {
  TaskFamilies of_tasks;
  Family tasks("dmgr_tasks", "Tasks of a cluster by their stage.");
  std::map<std::pair<std::string, std::string>, int> counts;
  std::size_t told = 0;
  std::size_t left_out = 0;
  for (const auto& task : readings.tasks) {
    ++counts[{task.cluster_name(), StageLabel(task.stage())}];
    for (const auto& subtask : task.subtasks()) {
      if (told < kMostSubtasks) {
        of_tasks.Add(task, subtask);
        ++told;
      } else {
        ++left_out;
      }
    }
  }
  for (const auto& [names, count] : counts) {
    tasks.Add(count, {{"cluster", names.first}, {"stage", names.second}});
  }
  Family beyond("dmgr_subtasks_left_out", "Subtasks that are too many to be told one by one.");
  beyond.Add(static_cast<double>(left_out));
  for (Family* family :
       {&tasks, &of_tasks.stage, &of_tasks.lag, &of_tasks.errors, &of_tasks.rows, &beyond}) {
    families->push_back(family->Take());
  }
}

void AddClusters(const Readings& readings, std::vector<MetricFamily>* families) {
  Family reached("dmgr_cluster_reached", "1 when the dm-masters of a cluster could be asked.");
  for (const auto& name : readings.reached) reached.Add(1, {{"cluster", name}});
  for (const auto& [name, why] : readings.unreached) reached.Add(0, {{"cluster", name}});
  families->push_back(reached.Take());
  Family days("dmgr_cluster_tls_days_left",
              "Days until the first certificate of a cluster with TLS ends.");
  for (const auto& [name, left] : readings.tls_days) days.Add(left, {{"cluster", name}});
  families->push_back(days.Take());
}

bool IsActive(const std::string& state) {
  return state == "queued" || state == "running" || state == "cancelling" ||
         state == "rolling-back";
}

void AddOperations(const Readings& readings, std::vector<MetricFamily>* families) {
  Family operations("dmgr_operations", "Operations on record by kind and state.");
  Family active("dmgr_active_operations", "Operations that have not ended.");
  double count = 0;
  for (const auto& one : readings.operations) {
    operations.Add(static_cast<double>(one.count), {{"kind", one.kind}, {"state", one.state}});
    if (IsActive(one.state)) count += static_cast<double>(one.count);
  }
  active.Add(count);
  families->push_back(operations.Take());
  families->push_back(active.Take());
}

}  // namespace

std::vector<MetricFamily> FamiliesOf(const Readings& readings) {
  std::vector<MetricFamily> families;
  if (readings.is_complete) {
    AddTasks(readings, &families);
    AddClusters(readings, &families);
    AddOperations(readings, &families);
  }
  Family complete("dmgr_readings_complete", "0 when the database could not be read.");
  complete.Add(readings.is_complete ? 1 : 0);
  Family calls("dmgr_rpcs_total",
               "Calls by method and code; of streams those that began, or were refused.",
               MetricType::Counter);
  for (const auto& call : readings.calls) {
    calls.Add(static_cast<double>(call.count), {{"method", call.method}, {"code", call.code}});
  }
  Family sessions("dmgr_host_sessions", "SSH sessions to hosts that are open.");
  sessions.Add(static_cast<double>(readings.host_sessions));
  for (Family* family : {&complete, &calls, &sessions}) families.push_back(family->Take());
  return families;
}

}  // namespace dmgr::metrics
