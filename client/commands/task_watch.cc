// task watch, logs.
#include <map>
#include <sstream>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/commands/command.h"
#include "client/commands/stream.h"
#include "client/commands/when.h"
#include "client/progress/block.h"
#include "client/progress/outage.h"
#include "common/error.h"
#include "dmgr/v1/task_service.grpc.pb.h"

namespace dmgr::client {
namespace {

struct WatchOptions {
  std::string cluster;
  std::string task;
  int interval = 0;
};

// Of a watch that nobody looks at live: each task, as it was printed last.
class Changes {
 public:
  explicit Changes(Terminal* terminal) : terminal_(terminal) {}

  void Take(const v1::ListTasksResponse& tasks) {
    std::map<std::string, std::string> now;
    for (const auto& [name, what] : TaskLines(tasks)) now[name] = what;
    for (const auto& [cluster, why] : tasks.unreached_clusters()) {
      now[cluster] = "cannot be asked: " + why;
    }
    for (const auto& [name, what] : now) {
      const auto old = before_.find(name);
      if (old == before_.end() || old->second != what) Say(name, what);
    }
    for (const auto& [name, what] : before_) {
      if (now.count(name) == 0) Say(name, "gone");
    }
    before_ = std::move(now);
  }

 private:
  void Say(const std::string& name, const std::string& what) {
    terminal_->out() << absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::LocalTimeZone())
                     << "  " << name << "  " << what << "\n"
                     << std::flush;
  }

  Terminal* const terminal_;
  std::map<std::string, std::string> before_;
};

// What one stream has told so far, as one list.
class Picture {
 public:
  void Take(const v1::WatchTasksResponse& news) {
    for (const auto& task : news.tasks()) {
      tasks_[{task.cluster_name(), task.task_name()}] = task;
    }
    for (const auto& gone : news.gone_tasks()) {
      tasks_.erase({gone.cluster_name(), gone.task_name()});
    }
    is_complete_ = news.complete();
    if (is_complete_) unreached_ = news.unreached_clusters();
  }
  bool is_complete() const { return is_complete_; }
  v1::ListTasksResponse List() const {
    v1::ListTasksResponse list;
    for (const auto& [name, task] : tasks_) *list.add_tasks() = task;
    *list.mutable_unreached_clusters() = unreached_;
    return list;
  }

 private:
  std::map<std::pair<std::string, std::string>, v1::Task> tasks_;
  google::protobuf::Map<std::string, std::string> unreached_;
  bool is_complete_ = false;
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Shows pictures as they come.
class Screen {
 public:
  Screen(Environment* environment, const WatchOptions& options)
      : environment_(*environment),
        is_of_one_(!options.task.empty()),
        is_live_(environment->terminal->live() && !environment->structured()),
        block_(environment->terminal),
        changes_(environment->terminal) {}

  void Show(const v1::ListTasksResponse& list) {
    if (environment_.structured()) return;
    if (!is_live_) return changes_.Take(list);
    v1::GetTaskResponse one;
    if (is_of_one_ && list.tasks_size() > 0) *one.mutable_task() = list.tasks(0);
    block_.Draw(LinesOf(one.has_task() ? ToTable(one) : ToTable(list)));
  }
  void Clear() {
    if (is_live_) block_.Clear();
  }

 private:
  Environment& environment_;
  const bool is_of_one_;
  const bool is_live_;
  Block block_;
  Changes changes_;
};

v1::WatchTasksRequest RequestOf(const WatchOptions& options) {
  v1::WatchTasksRequest request;
  request.set_cluster_name(options.cluster);
  if (!options.task.empty()) request.add_task_names(options.task);
  request.mutable_interval()->set_seconds(options.interval);
  return request;
}

// One task that is watched alone.
class Alone {
 public:
  explicit Alone(const WatchOptions& options) : options_(options) {}

  // NOT_FOUND when it is not there, and never was; CANCELLED when it was.
  absl::Status Look(const v1::ListTasksResponse& list) {
    if (options_.task.empty()) return absl::OkStatus();
    was_there_ = was_there_ || list.tasks_size() > 0;
    if (list.tasks_size() > 0) return absl::OkStatus();
    if (was_there_) return absl::CancelledError("it is gone");
    return Error(absl::StatusCode::kNotFound, "TASK_NOT_FOUND", "cluster {} has no task {}",
                 options_.cluster, options_.task)
        .Remedy("look which tasks it has");
  }

 private:
  const WatchOptions& options_;
  bool was_there_ = false;
};

// One stream, until it ends or there is nothing more to see.
absl::Status WatchOnce(Environment& environment, const WatchOptions& options, Outage* outage,
                       Screen* screen, Alone* alone) {
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  v1::TaskService::Stub stub(connection.channel());
  const auto reader = stub.WatchTasks(&context, RequestOf(options));
  Picture picture;
  v1::WatchTasksResponse message;
  absl::Status over;
  while (over.ok() && reader->Read(&message)) {
    MakeHarmless(&message);
    outage->Over();
    if (environment.structured()) environment.PrintEvent(message);
    picture.Take(message);
    if (!picture.is_complete()) continue;
    const auto list = picture.List();
    over = alone->Look(list);
    if (!absl::IsNotFound(over)) screen->Show(list);
  }
  if (!over.ok()) context.TryCancel();
  const grpc::Status end = reader->Finish();
  return over.ok() ? connection.Explain(end) : over;
}

// Until Ctrl-C, which ends the program.
absl::StatusOr<ExitCode> Watch(Environment& environment, const WatchOptions& options) {
  Outage outage(environment.terminal);
  Screen screen(&environment, options);
  Alone alone(options);
  while (true) {
    const absl::Status status = WatchOnce(environment, options, &outage, &screen, &alone);
    if (status.ok() || absl::IsCancelled(status)) return kDone;
    screen.Clear();
    if (absl::IsUnavailable(status) && outage.Wait(status, "tasks go on")) continue;
    return status;
  }
}

Run DeclareWatch(const Syntax& syntax) {
  auto options = std::make_shared<WatchOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster (all)");
  syntax.Add("TASK", &options->task, "task (all of the cluster)");
  syntax.Add("--interval", &options->interval, "seconds between two looks (2)").Between(1, 60);
  return [options](Environment& environment) { return Watch(environment, *options); };
}

struct LogsOptions {
  std::string cluster;
  std::string task;
  std::string since;
  int tail = 0;
};

absl::StatusOr<ExitCode> Logs(Environment& environment, const LogsOptions& options) {
  v1::ReadTaskLogsRequest request;
  request.set_cluster_name(options.cluster);
  request.set_task_name(options.task);
  request.set_tail_lines(options.tail);
  if (!options.since.empty()) {
    ASSIGN_OR_RETURN(const absl::Time since, ParseWhen(options.since, absl::Now()));
    request.mutable_since_time()->set_seconds(absl::ToUnixSeconds(since));
  }
  Problems problems(&environment);
  const auto take = [&](const v1::ReadTaskLogsResponse& response) {
    if (response.has_problem()) problems.Tell(response.worker_name(), response.problem());
    if (environment.structured() && response.lines_size() > 0) environment.PrintEvent(response);
    if (environment.structured()) return;
    for (const auto& line : response.lines()) {
      environment.terminal->out() << response.worker_name() << " | " << line << "\n";
    }
  };
  RETURN_IF_ERROR(ReadStream(environment, &v1::TaskService::Stub::ReadTaskLogs, request, take));
  return problems.none() ? kDone : kFailed;
}

Run DeclareTaskLogs(const Syntax& syntax) {
  auto options = std::make_shared<LogsOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TASK", &options->task, "task").Required();
  syntax.Add("-n,--tail", &options->tail, "the last so many lines of each dm-worker (100)")
      .Between(1, 10'000);
  syntax.Add("--since", &options->since, "only from then on: 10m, 2h, 2026-11-22T21:30:05Z");
  return [options](Environment& environment) { return Logs(environment, *options); };
}

}  // namespace

std::vector<Command> TaskWatchCommands() {
  return {{"task watch", "see tasks move until Ctrl-C; in a pipe a line a change",
           "dmgrctl task watch demo shop", DeclareWatch},
          {"task logs", "read what the dm-workers have logged of a task",
           "dmgrctl task logs demo shop --tail 20", DeclareTaskLogs}};
}

}  // namespace dmgr::client
