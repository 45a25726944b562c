#include "server/instances/exec.h"

#include <google/protobuf/util/time_util.h>
#include <spdlog/spdlog.h>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/instances/errors.h"
#include "server/ssh/remote_text.h"

namespace dmgr::instances {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::int64_t kUsualTimeout = 600'000;
constexpr std::int64_t kLongestTimeout = 86'400'000;
// The kernel takes no longer word, nor much more of them.
constexpr std::size_t kMaxWord = 128U << 10;
constexpr std::size_t kMaxWords = 1U << 20;
// For a host to tell that the time is over.
constexpr absl::Duration kGraceOfHost = absl::Seconds(30);

Error Invalid(const std::string& field, const std::string& text) {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{} {}", field, text)
      .Field(field, text);
}

absl::Status CheckExec(const v1::ExecRequest& request) {
  if (request.arguments().empty() || request.arguments(0).empty()) {
    return Invalid("arguments", "must name a program");
  }
  std::size_t bytes = 0;
  for (int i = 0; i < request.arguments_size(); ++i) {
    const std::string& word = request.arguments(i);
    bytes += word.size() + 1;
    if (word.find('\0') != std::string::npos || word.size() >= kMaxWord) {
      return Invalid(fmt::format("arguments[{}]", i),
                     "is longer than a program can be given, or "
                     "has a zero byte");
    }
  }
  if (bytes > kMaxWords) return Invalid("arguments", "are longer than a program can be given");
  if (!request.user().empty() && !topology::IsUserName(request.user())) {
    return Invalid("user", "is no name of a user");
  }
  const std::int64_t timeout = TimeUtil::DurationToMilliseconds(request.timeout());
  if (request.has_timeout() && (timeout <= 0 || timeout > kLongestTimeout)) {
    return Invalid("timeout", "must be more than 0 and at most a day");
  }
  return absl::OkStatus();
}

std::string WordsOf(const v1::ExecRequest& request, const Targets& targets,
                    const std::string& user) {
  std::vector<std::string> hosts;
  for (const auto& host : targets.hosts) hosts.push_back(host.host());
  return fmt::format("{}: {} on {} as {}", request.cluster_name(),
                     ssh::RemoteText(request.arguments(0), 200), fmt::join(hosts, ", "), user);
}

}  // namespace

absl::Status Exec(const Resources& resources, Places* places, const v1::ExecRequest& request,
                  std::string* what, const Gone& gone, const Write<v1::ExecResponse>& write) {
  *what = request.cluster_name();
  RETURN_IF_ERROR(CheckExec(request));
  ASSIGN_OR_RETURN(const auto targets,
                   FindTargets(resources, request.cluster_name(), request.where()));
  const std::string user = request.user().empty() ? targets.record.cluster.user : request.user();
  *what = WordsOf(request, targets, user);
  v1::ExecResponse response;
  for (const auto& host : targets.hosts) *response.mutable_hosts()->add_hosts() = host;
  response.mutable_hosts()->set_user(user);
  if (!write(response)) return absl::CancelledError("the caller has gone");
  if (request.validate_only()) return absl::OkStatus();
  spdlog::info("exec begins: {}", *what);

  const std::int64_t timeout =
      request.has_timeout() ? TimeUtil::DurationToMilliseconds(request.timeout()) : kUsualTimeout;
  std::vector<HostRequest> requests;
  for (const auto& host : targets.hosts) {
    auto& one = requests.emplace_back();
    one.machine_id = host.machine_id();
    one.mode = hv1::Begin::MODE_BY_HAND;
    auto* program = one.request.mutable_run_program();
    *program->mutable_arguments() = request.arguments();
    program->set_user(user);
    program->set_timeout_ms(static_cast<std::uint32_t>(timeout));
  }
  StreamReader reader;
  reader.gone = gone;
  reader.on_message = [&](std::size_t host, const hv1::FromHost& message) {
    v1::ExecResponse event;
    auto* output = event.mutable_output();
    output->set_host_index(static_cast<std::uint32_t>(host));
    const std::string& data = message.piece().data();
    if (message.piece().source() == 2) {
      output->set_standard_error(data);
    } else {
      output->set_standard_output(data);
    }
    return write(event);
  };
  reader.on_end = [&](std::size_t host, const absl::StatusOr<hv1::FromHost>& end) {
    v1::ExecResponse event;
    if (end.ok()) {
      auto* exit = event.mutable_exit();
      exit->set_host_index(static_cast<std::uint32_t>(host));
      exit->set_exit_code(end->program_ended().exit_status());
      exit->set_timed_out(end->program_ended().timed_out());
    } else {
      *event.mutable_problem() = Problem(host, end.status());
    }
    return write(event);
  };
  return StreamFromHosts(resources, places, requests,
                         SteadyNow() + absl::Milliseconds(timeout) + kGraceOfHost, reader);
}

}  // namespace dmgr::instances
