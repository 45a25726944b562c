// cluster logs.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/commands/command.h"
#include "client/commands/stream.h"
#include "client/commands/when.h"
#include "client/output/prefixed.h"

namespace dmgr::client {
namespace {

constexpr int kUsualLines = 100;

struct LogsOptions {
  std::string name;
  SelectionOptions selection;
  bool file = false;
  bool standard_output = false;
  bool standard_error = false;
  bool journal = false;
  std::string since;
  std::string grep;
  int tail = -1;
  bool follow = false;
};

absl::StatusOr<v1::ReadLogsRequest> RequestFor(const LogsOptions& options) {
  v1::ReadLogsRequest request;
  request.set_cluster_name(options.name);
  Select(options.selection, request.mutable_selection());
  if (options.file) request.add_kinds(v1::LOG_KIND_FILE);
  if (options.standard_output) request.add_kinds(v1::LOG_KIND_STDOUT);
  if (options.standard_error) request.add_kinds(v1::LOG_KIND_STDERR);
  if (options.journal) request.add_kinds(v1::LOG_KIND_JOURNAL);
  v1::TimeRange range;
  RETURN_IF_ERROR(ParseRange(options.since, "", &range));
  if (range.has_start_time()) *request.mutable_since_time() = range.start_time();
  // Who says since when means all since then.
  const int usual = options.since.empty() ? kUsualLines : 0;
  request.set_tail_lines(static_cast<std::uint64_t>(options.tail < 0 ? usual : options.tail));
  request.set_pattern(options.grep);
  request.set_follow(options.follow);
  return request;
}

// "dm-master.log", "journal".
std::string NameOf(const v1::LogSource& source) {
  return source.kind() == v1::LOG_KIND_JOURNAL
             ? "journal"
             : std::filesystem::path(source.path()).filename().string();
}

// Prints what comes, for people or for programs.
class LogPrinter {
 public:
  explicit LogPrinter(Environment* environment)
      : environment_(*environment), problems_(environment) {}

  void Take(const v1::ReadLogsResponse& response) {
    if (response.has_sources()) Begin(response.sources());
    if (response.has_problem()) {
      const auto& problem = response.problem();
      problems_.Tell(HostOf(problem.host_index()), problem.error());
    }
    if (!response.has_lines()) return;
    const std::size_t index = response.lines().source_index();
    if (index >= printers_.size()) return;
    if (environment_.structured()) {
      PrintLines(sources_.sources(static_cast<int>(index)), response.lines().data());
    } else {
      printers_[index].Take(response.lines().data());
    }
  }
  bool complete() const { return problems_.none(); }

 private:
  void Begin(const v1::LogSources& sources) {
    sources_ = sources;
    const bool only_one = sources.sources_size() == 1;
    for (const auto& source : sources.sources()) {
      const std::string prefix = source.node() + " " + NameOf(source) + " | ";
      printers_.emplace_back(&environment_.terminal->out(), only_one ? "" : prefix,
                             environment_.terminal->live());
    }
  }
  std::string HostOf(std::uint32_t index) const {
    const int place = static_cast<int>(index);
    return place < sources_.hosts_size() ? sources_.hosts(place).host() : "";
  }
  void PrintLines(const v1::LogSource& source, std::string_view lines) {
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = std::min(lines.find('\n', at), lines.size());
      environment_.PrintEvent(Json{{"instance", source.instance_name()},
                                   {"node", source.node()},
                                   {"log", NameOf(source)},
                                   {"text", std::string(lines.substr(at, end - at))}});
      at = end + 1;
    }
  }

  Environment& environment_;
  Problems problems_;
  v1::LogSources sources_;
  std::vector<Prefixed> printers_;
};

absl::StatusOr<ExitCode> Logs(Environment& environment, const LogsOptions& options) {
  ASSIGN_OR_RETURN(const auto request, RequestFor(options));
  LogPrinter printer(&environment);
  RETURN_IF_ERROR(ReadStream(environment, &v1::InstanceService::Stub::ReadLogs, request,
                             [&](const auto& response) { printer.Take(response); }));
  return printer.complete() ? kDone : kFailed;
}

Run DeclareLogs(const Syntax& syntax) {
  auto options = std::make_shared<LogsOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  DeclareSelection(syntax, &options->selection);
  syntax.Flag("--file", &options->file, "what the programs log to their files");
  syntax.Flag("--stdout", &options->standard_output, "what they wrote to standard output");
  syntax.Flag("--stderr", &options->standard_error, "what they wrote to standard error");
  syntax.Flag("--journal", &options->journal,
              "what systemd says of them; without any of these four: all");
  syntax.Add("--since", &options->since, "only from then on: 10m, 2h, 2026-11-22T21:30:05Z");
  syntax.Add("--grep", &options->grep, "only lines with this pattern (RE2)");
  syntax
      .Add("-n,--tail", &options->tail,
           "the last so many lines of each log, 0: all (100, with --since all)")
      .Between(0, 1'000'000'000);
  syntax.Flag("-f,--follow", &options->follow, "go on with what comes, until Ctrl-C");
  return [options](Environment& environment) { return Logs(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterLogsCommands() {
  return {{"cluster logs", "read the logs of instances, one or many, and follow them",
           "dmgrctl cluster logs demo --role dm-master --since 10m --follow", DeclareLogs}};
}

}  // namespace dmgr::client
