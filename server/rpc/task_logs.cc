#include "server/rpc/task_logs.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "common/secrets_in_text.h"
#include "common/utf8.h"
#include "dmgr/v1/instance_service.pb.h"
#include "server/operations/task/task.h"

namespace dmgr::rpc {
namespace {

constexpr int kUsualLines = 100;
constexpr int kMostLines = 10'000;
constexpr std::size_t kMostOfLine = 4000;

// As DM's log has the name: quoted when it has characters that its format needs.
std::string PatternOf(const std::string& task) {
  return fmt::format(R"(\[(task|subtask|task-name|task_name|taskName)="?{}"?\])",
                     re2::RE2::QuoteMeta(task));
}

absl::StatusOr<v1::ReadLogsRequest> LogsOf(const Resources& resources,
                                           const v1::ReadTaskLogsRequest& request) {
  const int asked = request.tail_lines();
  if (asked < 0 || asked > kMostLines) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "tail_lines is from 1 to {}", kMostLines)
        .Field("tail_lines", fmt::format("must be from 1 to {}", kMostLines));
  }
  ASSIGN_OR_RETURN(const auto task,
                   operations::GetTask(resources, request.cluster_name(), request.task_name()));
  v1::ReadLogsRequest logs;
  logs.set_cluster_name(request.cluster_name());
  logs.add_kinds(v1::LOG_KIND_FILE);
  logs.set_pattern(PatternOf(request.task_name()));
  logs.set_tail_lines(static_cast<std::uint64_t>(asked == 0 ? kUsualLines : asked));
  if (request.has_since_time()) *logs.mutable_since_time() = request.since_time();
  auto* selection = logs.mutable_selection();
  for (const auto& subtask : task.subtasks()) {
    const std::string& worker = subtask.worker_name();
    const auto& nodes = selection->nodes();
    if (worker.empty() || std::ranges::find(nodes, worker) != nodes.end()) continue;
    selection->add_nodes(worker);
  }
  if (selection->nodes().empty()) selection->add_components(v1::COMPONENT_DM_WORKER);
  return logs;
}

void AddLines(std::string_view data, v1::ReadTaskLogsResponse* response) {
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t end = std::min(data.find('\n', at), data.size());
    const std::string line(data.substr(at, std::min(end - at, 2 * kMostOfLine)));
    response->add_lines(OneLine(WithoutSecrets(line), kMostOfLine));
    at = end + 1;
  }
}

}  // namespace

absl::Status SendTaskLogs(const Resources& resources, instances::Places* places,
                          const v1::ReadTaskLogsRequest& request, const instances::Gone& gone,
                          const instances::Write<v1::ReadTaskLogsResponse>& write) {
  ASSIGN_OR_RETURN(const auto logs, LogsOf(resources, request));
  v1::LogSources sources;
  // Several of them may be on the host that has a problem.
  const auto tell = [&](const v1::HostProblem& problem) {
    for (const auto& source : sources.sources()) {
      if (source.host_index() != problem.host_index()) continue;
      v1::ReadTaskLogsResponse response;
      response.set_worker_name(source.instance_name());
      *response.mutable_problem() = problem.error();
      if (!write(response)) return false;
    }
    return true;
  };
  return instances::ReadLogs(resources, places, logs, gone, [&](const v1::ReadLogsResponse& news) {
    if (news.has_sources()) sources = news.sources();
    if (news.has_problem()) return tell(news.problem());
    if (!news.has_lines()) return true;
    const auto& source = sources.sources(static_cast<int>(news.lines().source_index()));
    v1::ReadTaskLogsResponse response;
    response.set_worker_name(source.instance_name());
    AddLines(news.lines().data(), &response);
    return write(response);
  });
}

}  // namespace dmgr::rpc
