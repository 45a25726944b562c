#include "server/instances/pull.h"

#include <vector>

#include "common/error.h"
#include "server/instances/errors.h"
#include "server/instances/paths.h"

namespace dmgr::instances {
namespace {

constexpr std::uint64_t kUsualMax = 1ULL << 30;

}  // namespace

absl::Status PullFile(const Resources& resources, Places* places,
                      const v1::PullFileRequest& request, std::string* what, const Gone& gone,
                      const Write<v1::PullFileResponse>& write) {
  *what = request.cluster_name();
  RETURN_IF_ERROR(CheckHostPath(request.path()));
  ASSIGN_OR_RETURN(const auto targets,
                   FindTargets(resources, request.cluster_name(), request.where()));
  v1::PullFileResponse first;
  std::vector<HostRequest> requests;
  std::vector<std::string> names;
  for (const auto& host : targets.hosts) {
    *first.mutable_hosts()->add_hosts() = host;
    names.push_back(host.host());
    auto& one = requests.emplace_back();
    one.machine_id = host.machine_id();
    one.mode = hv1::Begin::MODE_BY_HAND;
    auto* fetch = one.request.mutable_fetch_file();
    fetch->set_path(request.path());
    fetch->set_user(targets.record.cluster.user);
    fetch->set_max_bytes(request.max_bytes() == 0 ? kUsualMax : request.max_bytes());
  }
  *what =
      fmt::format("{}: {} from {}", request.cluster_name(), request.path(), fmt::join(names, ", "));
  if (!write(first)) return absl::CancelledError("the caller has gone");

  StreamReader reader;
  reader.gone = gone;
  reader.on_message = [&](std::size_t host, const hv1::FromHost& message) {
    v1::PullFileResponse event;
    if (message.has_file_start()) {
      event.mutable_start()->set_host_index(static_cast<std::uint32_t>(host));
      event.mutable_start()->set_size_bytes(message.file_start().size());
      event.mutable_start()->set_mode(message.file_start().mode() & 0777);
    } else {
      event.mutable_data()->set_host_index(static_cast<std::uint32_t>(host));
      event.mutable_data()->set_data(message.piece().data());
    }
    return write(event);
  };
  reader.on_end = [&](std::size_t host, const absl::StatusOr<hv1::FromHost>& end) {
    v1::PullFileResponse event;
    if (end.ok()) {
      event.mutable_end()->set_host_index(static_cast<std::uint32_t>(host));
    } else {
      *event.mutable_problem() = Problem(host, end.status());
    }
    return write(event);
  };
  return StreamFromHosts(resources, places, requests, absl::InfiniteFuture(), reader);
}

}  // namespace dmgr::instances
