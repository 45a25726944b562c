#include "server/instances/logs.h"

#include <google/protobuf/util/time_util.h>
#include <re2/re2.h>

#include <algorithm>

#include "common/error.h"
#include "server/instances/errors.h"

namespace dmgr::instances {
namespace {

constexpr v1::LogKind kAllKinds[] = {v1::LOG_KIND_FILE, v1::LOG_KIND_STDOUT, v1::LOG_KIND_STDERR,
                                     v1::LOG_KIND_JOURNAL};

absl::Status CheckLogs(const v1::ReadLogsRequest& request) {
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (std::ranges::find(kAllKinds, request.kinds(i)) != std::end(kAllKinds)) continue;
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "there is no log of kind {}", static_cast<int>(request.kinds(i)))
        .Field(fmt::format("kinds[{}]", i), "must be a kind of log");
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 pattern(request.pattern(), options);
  if (pattern.ok()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "\"{}\" is no pattern: {}",
               request.pattern(), pattern.error())
      .Field("pattern", pattern.error())
      .Remedy("write it in the syntax of RE2, a character that means itself with a backslash");
}

// As its start script has it.
std::string PathOf(const topology::Instance& instance, v1::LogKind kind) {
  const std::string base = fmt::format("{}/{}", instance.log_dir, Name(instance.component));
  switch (kind) {
    case v1::LOG_KIND_FILE:
      return base + ".log";
    case v1::LOG_KIND_STDOUT:
      return base + "_stdout.log";
    case v1::LOG_KIND_STDERR:
      return base + "_stderr.log";
    default:
      return {};
  }
}

v1::LogSources SourcesOf(const Targets& targets, const v1::ReadLogsRequest& request) {
  v1::LogSources sources;
  for (const auto& host : targets.hosts) *sources.add_hosts() = host;
  for (const auto& instance : targets.instances) {
    for (const auto kind : kAllKinds) {
      const bool wanted = request.kinds().empty() ||
                          std::ranges::find(request.kinds(), kind) != request.kinds().end();
      if (!wanted) continue;
      auto* source = sources.add_sources();
      source->set_host_index(static_cast<std::uint32_t>(targets.HostOf(instance)));
      source->set_instance_name(instance.name);
      source->set_node(instance.NodeId());
      source->set_kind(kind);
      source->set_path(PathOf(instance, kind));
      source->set_unit(instance.Unit());
    }
  }
  return sources;
}

// What is asked of each host, and which source each of its own ones is.
struct Questions {
  std::vector<HostRequest> requests;
  std::vector<std::vector<std::uint32_t>> sources;
};

Questions QuestionsFor(const v1::LogSources& sources, const v1::ReadLogsRequest& request) {
  Questions questions;
  questions.sources.resize(static_cast<std::size_t>(sources.hosts_size()));
  for (const auto& host : sources.hosts()) {
    auto& one = questions.requests.emplace_back();
    one.machine_id = host.machine_id();
    auto* logs = one.request.mutable_stream_logs();
    logs->set_tail_lines(request.tail_lines());
    if (request.has_since_time()) {
      logs->set_since_ms(std::max<std::int64_t>(
          1, google::protobuf::util::TimeUtil::TimestampToMilliseconds(request.since_time())));
    }
    logs->set_pattern(request.pattern());
    logs->set_follow(request.follow());
  }
  for (int i = 0; i < sources.sources_size(); ++i) {
    const auto& source = sources.sources(i);
    const std::size_t host = source.host_index();
    auto* asked = questions.requests[host].request.mutable_stream_logs()->add_sources();
    if (source.kind() == v1::LOG_KIND_JOURNAL) {
      asked->set_unit(source.unit());
    } else {
      asked->set_path(source.path());
    }
    questions.sources[host].push_back(static_cast<std::uint32_t>(i));
  }
  return questions;
}

}  // namespace

absl::Status ReadLogs(const Resources& resources, Places* places,
                      const v1::ReadLogsRequest& request, const Gone& gone,
                      const Write<v1::ReadLogsResponse>& write) {
  RETURN_IF_ERROR(CheckLogs(request));
  ASSIGN_OR_RETURN(const auto targets,
                   FindTargets(resources, request.cluster_name(), request.selection()));
  v1::ReadLogsResponse response;
  *response.mutable_sources() = SourcesOf(targets, request);
  const Questions questions = QuestionsFor(response.sources(), request);
  if (!write(response)) return absl::CancelledError("the caller has gone");
  StreamReader reader;
  reader.gone = gone;
  reader.on_message = [&](std::size_t host, const hv1::FromHost& message) {
    const auto& sources = questions.sources[host];
    // A host may say anything.
    if (message.piece().source() >= sources.size()) return true;
    v1::ReadLogsResponse lines;
    lines.mutable_lines()->set_source_index(sources[message.piece().source()]);
    lines.mutable_lines()->set_data(message.piece().data());
    return write(lines);
  };
  reader.on_end = [&](std::size_t host, const absl::StatusOr<hv1::FromHost>& end) {
    if (end.ok()) return true;
    v1::ReadLogsResponse problem;
    *problem.mutable_problem() = Problem(host, end.status());
    return write(problem);
  };
  return StreamFromHosts(resources, places, questions.requests, absl::InfiniteFuture(), reader);
}

}  // namespace dmgr::instances
