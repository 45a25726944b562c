#include "server/instances/push.h"

#include <utility>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/instances/errors.h"
#include "server/instances/paths.h"
#include "server/instances/spool.h"

namespace dmgr::instances {
namespace {

constexpr std::uint64_t kMaxPush = 1ULL << 30;
constexpr std::uint32_t kUsualMode = 0644;
constexpr std::size_t kHostsAtOnce = 32;
constexpr absl::Duration kPushTimeout = absl::Hours(1);

absl::Status WrongHeader(const std::string& field, const std::string& text) {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{} {}", field, text)
      .Field("header." + field, text);
}

}  // namespace

struct Push::Impl {
  const Resources& resources;
  v1::PushFileHeader header;
  Targets targets;
  Spool spool;

  absl::Status Send(const v1::StreamHost& host, const Gone& gone) const;
};

absl::Status Push::Impl::Send(const v1::StreamHost& host, const Gone& gone) const {
  hv1::StoreFile request;
  request.set_path(header.path());
  request.set_user(targets.record.cluster.user);
  request.set_mode(header.mode() == 0 ? kUsualMode : header.mode());
  request.set_size(spool.size());
  host::CallOptions options;
  options.deadline = SteadyNow() + kPushTimeout;
  options.cancelled = gone;
  ASSIGN_OR_RETURN(const auto far_end, OpenHost(resources, host.machine_id(),
                                                hv1::Begin::MODE_BY_HAND, options.deadline, gone));
  return far_end->SendFile(request, spool.path(), options);
}

Push::Push(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Push::~Push() = default;

absl::StatusOr<std::unique_ptr<Push>> Push::Begin(const Resources& resources,
                                                  const v1::PushFileHeader& header,
                                                  std::string* what) {
  *what = header.cluster_name();
  RETURN_IF_ERROR(CheckHostPath(header.path()));
  if (header.size_bytes() > kMaxPush) return WrongHeader("size_bytes", "must be at most 1 GiB");
  if (header.mode() > 0777) return WrongHeader("mode", "must be at most 0777");
  ASSIGN_OR_RETURN(auto targets, FindTargets(resources, header.cluster_name(), header.where()));
  std::vector<std::string> hosts;
  for (const auto& host : targets.hosts) hosts.push_back(host.host());
  *what = fmt::format("{}: {} on {}", header.cluster_name(), header.path(), fmt::join(hosts, ", "));
  RETURN_IF_ERROR(CheckUnmanaged(resources, targets, header.path()));
  ASSIGN_OR_RETURN(auto spool, Spool::Make(resources.warehouse_dir));
  return std::unique_ptr<Push>(new Push(
      std::unique_ptr<Impl>(new Impl{resources, header, std::move(targets), std::move(spool)})));
}

absl::Status Push::Append(std::string_view data) {
  if (impl_->spool.size() + data.size() > impl_->header.size_bytes()) {
    return Error(absl::StatusCode::kInvalidArgument, "UPLOAD_TOO_LONG",
                 "more came than the {} bytes of the header", impl_->header.size_bytes())
        .Remedy("the file has changed meanwhile: try again");
  }
  return impl_->spool.Write(data);
}

absl::StatusOr<v1::PushFileResponse> Push::Finish(const Gone& gone) {
  if (impl_->spool.size() != impl_->header.size_bytes()) {
    return WrongHeader("size_bytes", fmt::format("says {} bytes, {} came",
                                                 impl_->header.size_bytes(), impl_->spool.size()));
  }
  v1::PushFileResponse response;
  for (const auto& host : impl_->targets.hosts) *response.add_hosts() = host;
  response.set_user(impl_->targets.record.cluster.user);
  if (impl_->header.validate_only()) return response;
  std::vector<absl::Status> ends(impl_->targets.hosts.size());
  impl_->resources.threads->ForEach(ends.size(), kHostsAtOnce, [&](std::size_t i) {
    ends[i] = impl_->Send(impl_->targets.hosts[i], gone);
  });
  if (gone()) return absl::CancelledError("the caller has gone");
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (!ends[i].ok()) *response.add_problems() = Problem(i, ends[i]);
  }
  return response;
}

}  // namespace dmgr::instances
