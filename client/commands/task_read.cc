// task list, show, watch.
#include <fmt/format.h>

#include <map>
#include <sstream>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/commands/command.h"
#include "client/progress/block.h"
#include "client/progress/outage.h"
#include "common/error.h"
#include "dmgr/v1/task_service.pb.h"

namespace dmgr::client {
namespace {

constexpr absl::Duration kPause = absl::Seconds(1);

struct ReadOptions {
  std::string cluster;
  std::string task;
  bool recorded = false;
  bool config = false;
};

v1::ListTasksRequest ListOf(const ReadOptions& options) {
  v1::ListTasksRequest request;
  request.set_cluster_name(options.cluster);
  request.set_recorded_only(options.recorded);
  return request;
}

v1::GetTaskRequest OneOf(const ReadOptions& options) {
  v1::GetTaskRequest request;
  request.set_cluster_name(options.cluster);
  request.set_task_name(options.task);
  return request;
}

Run DeclareList(const Syntax& syntax) {
  auto options = std::make_shared<ReadOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster (all)");
  syntax.Flag("--recorded", &options->recorded, "as recorded; DM is not asked");
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    return environment.ShowAll<v1::ListTasksResponse>(ListOf(*options));
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto options = std::make_shared<ReadOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TASK", &options->task, "task").Required();
  syntax.Flag("--config", &options->config, "only its configuration, for a file");
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::GetTaskResponse>(OneOf(*options)));
    if (!options->config || environment.structured()) {
      environment.Print(response);
    } else {
      environment.terminal->out() << response.task().config_yaml();
    }
    return kDone;
  };
}

// What is seen at one moment, as a list and as what a person sees.
struct Glance {
  v1::ListTasksResponse tasks;
  std::string picture;
};

absl::StatusOr<Glance> Look(Environment& environment, const ReadOptions& options) {
  Glance glance;
  if (options.task.empty()) {
    ASSIGN_OR_RETURN(glance.tasks,
                     environment.connection().ListAll<v1::ListTasksResponse>(ListOf(options)));
    glance.picture = ToTable(glance.tasks);
    return glance;
  }
  ASSIGN_OR_RETURN(const auto one, environment.Call<v1::GetTaskResponse>(OneOf(options)));
  *glance.tasks.add_tasks() = one.task();
  glance.picture = ToTable(one);
  return glance;
}

// Of a watch that nobody looks at live: each task, as it was printed last.
class Changes {
 public:
  explicit Changes(Environment* environment) : environment_(*environment) {}

  void Take(const v1::ListTasksResponse& tasks) {
    std::map<std::string, std::string> now;
    for (const auto& [name, what] : TaskLines(tasks)) now[name] = what;
    const bool changed = first_ || now != before_;
    if (environment_.structured()) {
      if (changed) environment_.PrintEvent(tasks);
    } else {
      for (const auto& [name, what] : now) {
        const auto old = before_.find(name);
        if (old == before_.end() || old->second != what) Say(name, what);
      }
      for (const auto& [name, what] : before_) {
        if (now.count(name) == 0) Say(name, "gone");
      }
    }
    first_ = false;
    before_ = std::move(now);
  }

 private:
  void Say(const std::string& name, const std::string& what) {
    environment_.terminal->out() << absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(),
                                                     absl::LocalTimeZone())
                                 << "  " << name << "  " << what << "\n"
                                 << std::flush;
  }

  Environment& environment_;
  bool first_ = true;
  std::map<std::string, std::string> before_;
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Until Ctrl-C, which ends the program.
absl::StatusOr<ExitCode> Watch(Environment& environment, const ReadOptions& options) {
  const bool live = environment.terminal->live() && !environment.structured();
  Outage outage(environment.terminal);
  Block block(environment.terminal);
  Changes changes(&environment);
  while (true) {
    const auto glance = Look(environment, options);
    if (!glance.ok()) {
      if (live) block.Clear();
      if (Reason(glance.status()) == "SERVER_UNREACHABLE" &&
          outage.Wait(glance.status(), "tasks go on")) {
        continue;
      }
      return glance.status();
    }
    outage.Over();
    if (live) {
      block.Draw(LinesOf(glance->picture));
    } else {
      changes.Take(glance->tasks);
    }
    absl::SleepFor(kPause);
  }
}

Run DeclareWatch(const Syntax& syntax) {
  auto options = std::make_shared<ReadOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TASK", &options->task, "task (all of the cluster)");
  return [options](Environment& environment) { return Watch(environment, *options); };
}

}  // namespace

std::vector<Command> TaskReadCommands() {
  return {{"task list", "list tasks, how far they are and what to do next",
           "dmgrctl task list demo", DeclareList},
          {"task show", "show a task with its errors, source by source",
           "dmgrctl task show demo shop", DeclareShow},
          {"task watch", "see tasks move until Ctrl-C; in a pipe a line a change",
           "dmgrctl task watch demo shop", DeclareWatch}};
}

}  // namespace dmgr::client
