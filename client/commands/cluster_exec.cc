// cluster exec.
#include <map>
#include <nlohmann/json.hpp>

#include "client/commands/command.h"
#include "client/commands/stream.h"
#include "client/commands/when.h"
#include "client/output/prefixed.h"

namespace dmgr::client {
namespace {

struct ExecOptions {
  std::string name;
  WhereOptions where;
  std::vector<std::string> words;
  std::string shell;
  std::string user;
  std::string timeout;
  bool dry_run = false;
};

absl::StatusOr<v1::ExecRequest> RequestFor(const ExecOptions& options) {
  v1::ExecRequest request;
  request.set_cluster_name(options.name);
  *request.mutable_where() = WhereOf(options.where);
  if (options.words.empty() == options.shell.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                 "either a program and its arguments, or --shell with a line for a shell")
        .Remedy("dmgrctl cluster exec --help");
  }
  if (!options.shell.empty()) {
    for (const char* word : {"/bin/sh", "-c"}) request.add_arguments(word);
    request.add_arguments(options.shell);
  }
  for (const auto& word : options.words) request.add_arguments(word);
  request.set_user(options.user);
  request.set_validate_only(options.dry_run);
  if (options.timeout.empty()) return request;
  ASSIGN_OR_RETURN(const absl::Duration span, ParseSpan(options.timeout));
  request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(span));
  request.mutable_timeout()->set_nanos(
      static_cast<int>(absl::ToInt64Nanoseconds(span - absl::Floor(span, absl::Seconds(1)))));
  return request;
}

// Prints what the hosts say, and finds the exit code of it all.
class ExecPrinter {
 public:
  explicit ExecPrinter(Environment* environment)
      : environment_(*environment), problems_(environment) {}

  void Take(const v1::ExecResponse& response) {
    switch (response.event_case()) {
      case v1::ExecResponse::kHosts:
        return Begin(response.hosts());
      case v1::ExecResponse::kOutput:
        return Output(response.output());
      case v1::ExecResponse::kExit:
        return End(response.exit());
      case v1::ExecResponse::kProblem:
        return problems_.Tell(HostOf(response.problem().host_index()), response.problem().error());
      default:
        return;
    }
  }

  void TellHosts(const std::vector<std::string>& words) const {
    auto& out = environment_.terminal->out();
    for (const auto& host : hosts_.hosts()) {
      out << host.host() << " as " << hosts_.user() << ": "
          << fmt::format("{}", fmt::join(words, " ")) << "\n";
    }
  }

  // Of the program where it is the same everywhere or failed on some hosts by one code only.
  ExitCode exit_code() const {
    if (!problems_.none() || codes_.size() > 1 + codes_.count(0)) return kFailed;
    int code = 0;
    for (const auto& [one, hosts] : codes_) code = one == 0 ? code : one;
    return static_cast<ExitCode>(code);
  }

 private:
  void Begin(const v1::ExecHosts& hosts) {
    hosts_ = hosts;
    for (const auto& host : hosts.hosts()) {
      const std::string prefix = hosts.hosts_size() == 1 ? "" : host.host() + " | ";
      Terminal& terminal = *environment_.terminal;
      out_.emplace_back(&terminal.out(), prefix, terminal.live());
      err_.emplace_back(&terminal.err(), prefix, terminal.live());
    }
  }
  std::string HostOf(std::uint32_t index) const {
    const int place = static_cast<int>(index);
    return place < hosts_.hosts_size() ? hosts_.hosts(place).host() : "";
  }
  void Output(const v1::ExecOutput& output) {
    const bool is_error = output.has_standard_error();
    const std::string& data = is_error ? output.standard_error() : output.standard_output();
    if (output.host_index() >= out_.size()) return;
    if (!environment_.structured()) {
      return (is_error ? err_ : out_)[output.host_index()].Take(data);
    }
    environment_.PrintEvent(Json{{"host", HostOf(output.host_index())},
                                 {"stream", is_error ? "stderr" : "stdout"},
                                 {"text", data}});
  }
  void End(const v1::ExecExit& exit) {
    if (exit.host_index() >= out_.size()) return;
    out_[exit.host_index()].End();
    err_[exit.host_index()].End();
    ++codes_[exit.timed_out() ? static_cast<int>(kFailed) : exit.exit_code()];
    const std::string host = HostOf(exit.host_index());
    if (environment_.structured()) {
      environment_.PrintEvent(
          Json{{"host", host}, {"exit_code", exit.exit_code()}, {"timed_out", exit.timed_out()}});
    } else if (exit.timed_out()) {
      environment_.terminal->err() << host << ": killed, its time was over\n";
    } else if (exit.exit_code() != 0) {
      environment_.terminal->err() << host << ": exit code " << exit.exit_code() << "\n";
    }
  }

  Environment& environment_;
  Problems problems_;
  v1::ExecHosts hosts_;
  std::vector<Prefixed> out_, err_;
  // How many hosts ended with each.
  std::map<int, int> codes_;
};

absl::StatusOr<ExitCode> Exec(Environment& environment, const ExecOptions& options) {
  ASSIGN_OR_RETURN(const auto request, RequestFor(options));
  ExecPrinter printer(&environment);
  RETURN_IF_ERROR(ReadStream(environment, &v1::InstanceService::Stub::Exec, request,
                             [&](const auto& response) { printer.Take(response); }));
  if (!options.dry_run) return printer.exit_code();
  printer.TellHosts({request.arguments().begin(), request.arguments().end()});
  return kDone;
}

Run DeclareExec(const Syntax& syntax) {
  auto options = std::make_shared<ExecOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("ARGS", &options->words, "after --: a program and its arguments, as they are");
  DeclareWhere(syntax, &options->where);
  syntax.Add("--shell", &options->shell, "a line for /bin/sh instead of a program");
  syntax.Add("-u,--user", &options->user, "as this user, such as root (the cluster's)");
  syntax.Add("--timeout", &options->timeout, "kill it after so long: 30s, 1h (10m)");
  syntax.Flag("--dry-run", &options->dry_run, "say where and what only");
  return [options](Environment& environment) { return Exec(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterExecCommands() {
  return {{"cluster exec", "run a program on a cluster's hosts, once on each",
           "dmgrctl cluster exec demo --role dm-worker -- df -h /", DeclareExec}};
}

}  // namespace dmgr::client
