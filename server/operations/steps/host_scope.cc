#include "server/operations/steps/host_scope.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/machines/access.h"
#include "server/operations/steps/runner.h"

namespace dmgr::operations {
namespace {

// Connecting, starting the far end and taking the fence; it may have to end a predecessor.
constexpr absl::Duration kOpenTimeout = absl::Seconds(30);

}  // namespace

HostScope::HostScope(const Resources* resources, store::OperationRecord operation)
    : resources_(resources), operation_(std::move(operation)) {}

HostScope::Host& HostScope::HostOf(const std::string& machine_id) {
  std::lock_guard<std::mutex> lock(mutex_);
  return hosts_[machine_id];
}

void HostScope::OnIdle(const std::string& host) {
  Host& entry = HostOf(host);
  if (entry.far_end != nullptr && !entry.far_end->KeepAlive().ok()) entry.far_end.reset();
}

void HostScope::OnRecorded() {
  const std::lock_guard lock(mutex_);
  ++changes_;
  cluster_.reset();
}

absl::StatusOr<store::ClusterRecord> HostScope::Cluster(
    const std::function<absl::StatusOr<store::ClusterRecord>()>& load) {
  // One loads for all hosts that come meanwhile.
  const std::lock_guard loading(loading_);
  std::uint64_t changes = 0;
  {
    const std::lock_guard lock(mutex_);
    if (cluster_.has_value()) return *cluster_;
    changes = changes_;
  }
  ASSIGN_OR_RETURN(store::ClusterRecord record, load());
  const std::lock_guard lock(mutex_);
  if (changes == changes_) cluster_ = record;
  return record;
}

absl::StatusOr<v1::Package> HostScope::Package(
    const std::string& version, const std::function<absl::StatusOr<v1::Package>()>& load) {
  const std::lock_guard loading(loading_);
  const auto known = packages_.find(version);
  if (known != packages_.end()) return known->second;
  ASSIGN_OR_RETURN(v1::Package package, load());
  packages_[version] = package;
  return package;
}

absl::StatusOr<host::FarEnd*> HostScope::Get(engine::StepContext& context) {
  const std::string& machine_id = Machine(context);
  Host& entry = HostOf(machine_id);
  if (entry.far_end != nullptr) return entry.far_end.get();

  hv1::Begin begin;
  begin.set_mode(hv1::Begin::MODE_CHANGE);
  begin.set_cluster_uuid(operation_.operation.cluster_uuid());
  begin.set_epoch(context.claim().epoch);
  begin.set_start_number(++entry.starts);
  ASSIGN_OR_RETURN(const auto record, LoadCluster(*resources_, context));
  for (const auto* instance : record.cluster.OnMachine(machine_id)) {
    begin.add_units(instance->Unit());
  }
  ASSIGN_OR_RETURN(machines::MachineAccess access, machines::LoadAccess(*resources_, machine_id));
  const absl::Time deadline = std::min(context.deadline(), SteadyNow() + kOpenTimeout);
  ASSIGN_OR_RETURN(entry.far_end, machines::OpenFarEnd(*resources_, access, begin, deadline,
                                                       [&context] { return context.Cancelled(); }));
  return entry.far_end.get();
}

host::CallOptions HostScope::Options(engine::StepContext& context) {
  host::CallOptions options;
  options.deadline = context.deadline();
  options.cancelled = [&context] { return context.Cancelled(); };
  options.on_note = [&context](const std::string& text) {
    context.Log(v1::LogLine::LEVEL_INFO, text);
  };
  return options;
}

template <typename T>
absl::StatusOr<T> HostScope::Finish(engine::StepContext& context, absl::StatusOr<T> result) {
  // After these the far end's state is not known any more.
  const bool broken = absl::IsUnavailable(result.status()) ||
                      absl::IsDeadlineExceeded(result.status()) ||
                      absl::IsCancelled(result.status());
  if (broken) HostOf(Machine(context)).far_end.reset();
  return result;
}

absl::StatusOr<hv1::FromHost> HostScope::Call(engine::StepContext& context, hv1::ToHost request) {
  ASSIGN_OR_RETURN(host::FarEnd * far_end, Get(context));
  return Finish(context, far_end->Call(std::move(request), Options(context)));
}

absl::StatusOr<std::uint64_t> HostScope::SendRelease(engine::StepContext& context,
                                                     const hv1::ReceiveRelease& request,
                                                     const std::string& archive_path) {
  ASSIGN_OR_RETURN(host::FarEnd * far_end, Get(context));
  host::CallOptions options = Options(context);
  const std::uint64_t total = request.compressed_bytes();
  options.on_progress = [&context, total](std::uint64_t done) { context.Progress(done, total); };
  auto sent = Finish(context, far_end->SendRelease(request, archive_path, options));
  // What was there already moved nothing.
  if (sent.ok() && *sent > 0) context.Progress(total, total);
  return sent;
}

HostScope& Hosts(engine::StepContext& context) { return static_cast<HostScope&>(context.scope()); }

const std::string& Machine(const engine::StepContext& context) {
  return context.step().step.host();
}

members::MemberSource& MembersBy(engine::StepContext& context) { return Hosts(context).members(); }

engine::ScopeFactory MakeScopeFactory(const Resources* resources) {
  return [resources](const store::OperationRecord& operation) {
    return std::make_unique<HostScope>(resources, operation);
  };
}

}  // namespace dmgr::operations
