// Tables of sources, targets and tasks.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/output/format.h"
#include "client/output/next_actions.h"
#include "client/output/tables.h"
#include "common/address.h"
#include "dmgr/v1/database_check.pb.h"
#include "dmgr/v1/next_action.pb.h"
#include "dmgr/v1/source_service.pb.h"
#include "dmgr/v1/target_service.pb.h"
#include "dmgr/v1/task_service.pb.h"

namespace dmgr::client {
namespace {

using MigrationRows = std::vector<std::vector<std::string>>;

std::string StageWord(v1::TaskStage stage) {
  return Word(v1::TaskStage_Name(stage), "TASK_STAGE_");
}
std::string UnitWord(v1::TaskUnit unit) { return Word(v1::TaskUnit_Name(unit), "TASK_UNIT_"); }

std::string StageOfTask(const v1::Task& task) {
  if (!task.unknown_reason().empty()) return "not known";
  return StageWord(task.stage()) + (task.foreign() ? ", foreign" : "");
}

template <typename Names>
std::string NamesOrDash(const Names& names) {
  return OrDash(fmt::format("{}", fmt::join(names, ",")));
}

// How much is done of the dump or the load, 0 to 1; nothing where that is not known. What DM
// estimates may be less than what is done.
std::optional<double> DoneOf(const v1::Subtask& subtask) {
  double done = 0;
  double total = 0;
  if (subtask.unit() == v1::TASK_UNIT_DUMP) {
    const bool has_rows = subtask.dump().total_rows() > 0;
    done = has_rows ? subtask.dump().finished_rows() : subtask.dump().completed_tables();
    total =
        has_rows ? subtask.dump().total_rows() : static_cast<double>(subtask.dump().total_tables());
  } else if (subtask.unit() == v1::TASK_UNIT_LOAD) {
    done = static_cast<double>(subtask.load().finished_bytes());
    total = static_cast<double>(subtask.load().total_bytes());
  }
  if (total <= 0) return std::nullopt;
  return std::clamp(done / total, 0.0, 1.0);
}

std::string Percent(const std::optional<double>& done) {
  return done ? fmt::format("{} %", static_cast<int>(*done * 100)) : "-";
}

// "43 %, 1200 of 2800 rows".
std::string ProgressOf(const v1::Subtask& subtask) {
  const auto done = DoneOf(subtask);
  if (!done) return "-";
  if (subtask.unit() == v1::TASK_UNIT_LOAD) {
    return fmt::format("{}, {} of {}", Percent(done),
                       Bytes(static_cast<std::uint64_t>(subtask.load().finished_bytes())),
                       Bytes(static_cast<std::uint64_t>(subtask.load().total_bytes())));
  }
  const auto& dump = subtask.dump();
  if (dump.total_rows() <= 0) {
    return fmt::format("{}, {:.0f} of {} tables", Percent(done), dump.completed_tables(),
                       dump.total_tables());
  }
  return fmt::format("{}, {:.0f} of {:.0f} rows", Percent(done), dump.finished_rows(),
                     dump.total_rows());
}

// At the speed of now. How many bytes a dump will have is known by its rows only.
std::string LeftOf(const v1::Subtask& subtask) {
  const auto done = DoneOf(subtask);
  if (!done || subtask.stage() != v1::TASK_STAGE_RUNNING) return "-";
  const bool loads = subtask.unit() == v1::TASK_UNIT_LOAD;
  const double finished = loads ? static_cast<double>(subtask.load().finished_bytes())
                                : subtask.dump().finished_bytes();
  const double speed = static_cast<double>(loads ? subtask.load().bytes_per_second()
                                                 : subtask.dump().bytes_per_second());
  if (*done <= 0 || speed <= 0) return "-";
  return Span(static_cast<std::int64_t>(finished * (1 - *done) / *done / speed));
}

bool Syncs(const v1::Subtask& subtask) { return subtask.unit() == v1::TASK_UNIT_SYNC; }

std::string LagOf(const v1::Subtask& subtask) {
  return Syncs(subtask) && subtask.sync().has_lag() ? Span(subtask.sync().lag().seconds()) : "-";
}

// A task is as far as the subtask that is the least far.
struct HowFar {
  v1::TaskUnit unit = v1::TASK_UNIT_UNSPECIFIED;
  std::optional<double> done;
  std::optional<std::int64_t> lag_seconds;
};

HowFar HowFarIs(const v1::Task& task) {
  HowFar far;
  for (const auto& subtask : task.subtasks()) {
    if (Syncs(subtask) && subtask.sync().has_lag()) {
      far.lag_seconds = std::max(far.lag_seconds.value_or(0), subtask.sync().lag().seconds());
    }
    if (subtask.unit() == v1::TASK_UNIT_UNSPECIFIED) continue;
    const auto done = DoneOf(subtask);
    if (far.unit == v1::TASK_UNIT_UNSPECIFIED || subtask.unit() < far.unit) {
      far.unit = subtask.unit();
      far.done = done;
    } else if (subtask.unit() == far.unit && done) {
      far.done = std::min(far.done.value_or(1), *done);
    }
  }
  return far;
}

// DM's own words: what it says, why, and what helps.
std::string ErrorsOf(const v1::Subtask& subtask) {
  std::string text;
  for (const auto& error : subtask.errors()) {
    text += fmt::format("{}: error {} ({}): {}\n", subtask.source_id(), error.code(),
                        OrDash(error.error_class()), error.message());
    if (!error.raw_cause().empty()) text += "  cause: " + error.raw_cause() + "\n";
    if (!error.workaround().empty()) text += "  what helps: " + error.workaround() + "\n";
  }
  return text;
}

// What a subtask waits for.
std::string WaitsOf(const v1::Subtask& subtask) {
  std::string text;
  if (subtask.paused_by_hand()) text += subtask.source_id() + ": paused by somebody\n";
  if (!subtask.shard_lock_id().empty()) {
    text +=
        fmt::format("{}: waits for shard lock {}\n", subtask.source_id(), subtask.shard_lock_id());
  }
  for (const auto& ddl : subtask.sync().blocking_ddls()) {
    text += fmt::format("{}: waits for other shards: {}\n", subtask.source_id(), ddl);
  }
  return text;
}

// The advice, and the first command that does it.
std::string NextOfTask(const v1::Task& task) {
  if (!task.unknown_reason().empty()) return "not known: " + task.unknown_reason();
  const std::string command = task.next_actions().empty() ? "" : CommandOf(task.next_actions(0));
  if (command.empty() || task.advice().empty()) return task.advice() + command;
  return task.advice() + ": " + command;
}

std::string RelayOf(const v1::Source& source) {
  if (source.relay().stage().empty()) return "-";
  return source.relay().stage() + (source.relay().caught_up() ? ", caught up" : "");
}

std::string StateOfSource(const v1::Source& source) {
  if (source.missing()) return "missing";
  if (source.foreign()) return "foreign";
  return source.worker_name().empty() ? "unbound" : "bound";
}

std::string AddressOfTarget(const v1::Target& target) {
  return JoinHostPort(target.host(), target.port());
}

// What it shows to the database, and asks of it.
std::string TlsOf(const v1::Target& target) {
  if (target.ca_certificate().empty()) return "-";
  return target.client_certificate().empty() ? "checked" : "mutual";
}

template <typename Checks>
std::string TableOfChecks(const Checks& checks) {
  MigrationRows rows = {{"RESULT", "CHECK", "WHAT WAS SEEN", "WHAT TO DO"}};
  for (const auto& check : checks) {
    rows.push_back({Word(v1::DatabaseCheckResult_Name(check.result()), "DATABASE_CHECK_RESULT_"),
                    check.check_name(), check.found(), OrDash(check.instruction())});
  }
  return Table(rows);
}

template <typename Revision>
std::vector<std::string> CellsOfRevision(const Revision& one) {
  return {fmt::format("{}{}", one.revision(), one.current() ? ", in effect" : ""),
          LocalTime(one.create_time()), OrDash(one.user_name())};
}

template <typename Revisions>
std::string TableOfRevisions(const Revisions& revisions) {
  MigrationRows rows = {{"REVISION", "CREATED", "USER", "OPERATION"}};
  for (const auto& one : revisions) {
    auto cells = CellsOfRevision(one);
    cells.push_back(OrDash(one.operation_id()));
    rows.push_back(std::move(cells));
  }
  return Table(rows);
}

}  // namespace

std::string ToTable(const v1::ListSourcesResponse& response) {
  MigrationRows rows = {{"SOURCE", "STATE", "WORKER", "RELAY", "REVISION", "TASKS"}};
  for (const auto& s : response.sources()) {
    rows.push_back({s.source_id(), StateOfSource(s), OrDash(s.worker_name()), RelayOf(s),
                    std::to_string(s.revision()), NamesOrDash(s.task_names())});
  }
  return Table(rows);
}

std::string ToTable(const v1::GetSourceResponse& response) {
  const auto& s = response.source();
  MigrationRows rows = {{"Source", s.source_id()},
                        {"Cluster", s.cluster_name()},
                        {"State", StateOfSource(s)},
                        {"Worker", OrDash(s.worker_name())},
                        {"Tasks", NamesOrDash(s.task_names())},
                        {"Revision", std::to_string(s.revision())},
                        {"Changed", OrDash(LocalTime(s.create_time()))},
                        {"By", OrDash(s.user_name())},
                        {"Relay", RelayOf(s)}};
  if (!s.relay().relay_binlog().empty()) {
    rows.push_back({"Relay binlog", s.relay().relay_binlog()});
    rows.push_back({"Source binlog", OrDash(s.relay().source_binlog())});
  }
  std::string text = Table(rows);
  for (const auto& error : s.relay().errors()) text += "relay: " + error + "\n";
  return s.config_yaml().empty() ? text : text + "\n" + s.config_yaml();
}

std::string ToTable(const v1::ListTargetsResponse& response) {
  MigrationRows rows = {{"TARGET", "ADDRESS", "USER", "TLS", "REVISION", "TASKS"}};
  for (const auto& t : response.targets()) {
    rows.push_back({t.target_name(), AddressOfTarget(t), t.user_name(), TlsOf(t),
                    std::to_string(t.revision()), NamesOrDash(t.task_names())});
  }
  return Table(rows);
}

std::string ToTable(const v1::GetTargetResponse& response) {
  const auto& t = response.target();
  return Table({{"Target", t.target_name()},
                {"Cluster", t.cluster_name()},
                {"Address", AddressOfTarget(t)},
                {"User", t.user_name()},
                {"TLS", TlsOf(t)},
                {"Tasks", NamesOrDash(t.task_names())},
                {"Revision", std::to_string(t.revision())},
                {"Changed", OrDash(LocalTime(t.update_time()))}});
}

std::string ToTable(const v1::ListTaskRevisionsResponse& response) {
  return TableOfRevisions(response.revisions());
}

std::string ToTable(const v1::ListSourceRevisionsResponse& response) {
  return TableOfRevisions(response.revisions());
}

// No operation brings them.
std::string ToTable(const v1::ListTargetRevisionsResponse& response) {
  MigrationRows rows = {{"REVISION", "CREATED", "USER"}};
  for (const auto& one : response.revisions()) rows.push_back(CellsOfRevision(one));
  return Table(rows);
}

std::string ToTable(const v1::ListTasksResponse& response) {
  MigrationRows rows = {{"CLUSTER", "TASK", "STAGE", "UNIT", "PROGRESS", "LAG", "NEXT"}};
  for (const auto& task : response.tasks()) {
    const HowFar far = HowFarIs(task);
    rows.push_back({task.cluster_name(), task.task_name(), StageOfTask(task), UnitWord(far.unit),
                    Percent(far.done), far.lag_seconds ? Span(*far.lag_seconds) : "-",
                    OrDash(NextOfTask(task))});
  }
  std::string text = Table(rows);
  const std::map<std::string, std::string> unreached(response.unreached_clusters().begin(),
                                                     response.unreached_clusters().end());
  for (const auto& [cluster, reason] : unreached) {
    text += fmt::format("cluster {} could not be asked: {}\n", cluster, reason);
  }
  return text;
}

std::string ToTable(const v1::GetTaskResponse& response) {
  const auto& task = response.task();
  std::string text =
      fmt::format("task {} of {}  {}", task.task_name(), task.cluster_name(), StageOfTask(task));
  if (task.revision() > 0) text += fmt::format("  revision {}", task.revision());
  if (!task.target_name().empty()) text += "  target " + task.target_name();
  text += "\n";
  MigrationRows rows = {{"SOURCE", "WORKER", "STAGE", "UNIT", "PROGRESS", "LEFT", "LAG", "ROWS/S",
                         "SOURCE BINLOG", "TASK BINLOG"}};
  std::string waits;
  for (const auto& s : task.subtasks()) {
    text += ErrorsOf(s);
    waits += WaitsOf(s);
    rows.push_back({s.source_id(), OrDash(s.worker_name()), StageWord(s.stage()),
                    UnitWord(s.unit()), ProgressOf(s), LeftOf(s), LagOf(s),
                    Syncs(s) ? std::to_string(s.sync().rows_per_second()) : "-",
                    OrDash(s.sync().source_binlog()), OrDash(s.sync().task_binlog())});
  }
  if (rows.size() > 1) text += Table(rows);
  text += waits;
  if (!task.unknown_reason().empty()) text += "not known: " + task.unknown_reason() + "\n";
  return text + NextText(task.advice(), {task.next_actions().begin(), task.next_actions().end()});
}

std::string ToTable(const v1::CheckSourceResponse& response) {
  return TableOfChecks(response.checks());
}

std::string ToTable(const v1::CheckTargetResponse& response) {
  return TableOfChecks(response.checks());
}

std::string ToTable(const v1::CheckTaskResponse& response) {
  std::vector<v1::TaskCheck> checks(response.checks().begin(), response.checks().end());
  std::stable_sort(checks.begin(), checks.end(),
                   [](const auto& a, const auto& b) { return a.result() > b.result(); });
  MigrationRows rows = {{"RESULT", "CHECK", "WHAT WAS SEEN", "WHAT TO DO"}};
  int failed = 0;
  int warned = 0;
  for (const auto& check : checks) {
    failed += check.result() == v1::CHECK_RESULT_FAIL ? 1 : 0;
    warned += check.result() == v1::CHECK_RESULT_WARN ? 1 : 0;
    const auto result = Word(v1::CheckResult_Name(check.result()), "CHECK_RESULT_");
    if (check.errors().empty()) {
      rows.push_back(
          {result, check.check_name(), OrDash(check.description()), OrDash(check.instruction())});
    }
    // Its result, name and remedy stand once.
    for (const auto& error : check.errors()) {
      const bool first = &error == &check.errors(0);
      rows.push_back({first ? result : "", first ? check.check_name() : "", error,
                      first ? OrDash(check.instruction()) : ""});
    }
  }
  return (rows.size() > 1 ? Table(rows) : "") + fmt::format("{} failed, {} warnings, {} passed\n",
                                                            failed, warned,
                                                            response.passed_count());
}

std::vector<TaskLine> TaskLines(const v1::ListTasksResponse& response) {
  std::vector<TaskLine> lines;
  for (const auto& task : response.tasks()) {
    const std::string name = task.cluster_name() + "  " + task.task_name();
    if (task.subtasks().empty()) {
      const std::string why = task.unknown_reason().empty() ? "" : ": " + task.unknown_reason();
      lines.push_back({name, StageOfTask(task) + why});
    }
    for (const auto& s : task.subtasks()) {
      std::string what = StageWord(s.stage()) + "  " + UnitWord(s.unit());
      if (const auto done = DoneOf(s)) what += "  " + Percent(done);
      if (Syncs(s) && s.sync().has_lag()) what += "  lag " + LagOf(s);
      for (const auto& error : s.errors()) what += "  " + error.message();
      lines.push_back({name + "  " + s.source_id(), what});
    }
  }
  return lines;
}

}  // namespace dmgr::client
