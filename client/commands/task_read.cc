// task list, show.
#include "client/commands/command.h"
#include "common/error.h"
#include "dmgr/v1/task_service.pb.h"

namespace dmgr::client {
namespace {

// Most that there may be: each page asks DM for all of its tasks.
constexpr int kPage = 1000;

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
  request.set_without_config(true);
  request.set_page_size(kPage);
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

}  // namespace

std::vector<Command> TaskReadCommands() {
  return {{"task list", "list tasks, how far they are and what to do next",
           "dmgrctl task list demo", DeclareList},
          {"task show", "show a task with its errors, source by source",
           "dmgrctl task show demo shop", DeclareShow}};
}

}  // namespace dmgr::client
