// The host sessions of one running operation: one changing far end per host, kept for the whole
// operation.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_HOST_SCOPE_H_
#define DMGR_SERVER_OPERATIONS_STEPS_HOST_SCOPE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "dmgr/host/v1/host.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/runner.h"
#include "server/operations/steps/turn_gate.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"

namespace dmgr::operations {

namespace hv1 = ::dmgr::host::v1;

class HostScope : public engine::Scope {
 public:
  HostScope(const Resources* resources, store::OperationRecord operation);

  void OnIdle(const std::string& host) override;
  void OnRecorded() override;

  // The operation's cluster as load gives it; read again only after a step has changed it, since
  // nobody else may while the operation holds it.
  absl::StatusOr<store::ClusterRecord> Cluster(
      const std::function<absl::StatusOr<store::ClusterRecord>()>& load);

  // The same of a package, which does not change while a cluster uses it.
  absl::StatusOr<v1::Package> Package(const std::string& version,
                                      const std::function<absl::StatusOr<v1::Package>()>& load);

  // The far end on the step's host, started on first use and again after it was lost.
  // The pointer is good until the next call for the same host.
  absl::StatusOr<host::FarEnd*> Get(engine::StepContext& context);

  // Calls the far end on the step's host; notes become log lines, bytes progress. A far end that
  // was lost is forgotten, so that the retry of the step starts a new one.
  absl::StatusOr<hv1::FromHost> Call(engine::StepContext& context, hv1::ToHost request);
  // As FarEnd::SendRelease; bytes become progress, all of them when the host had the release.
  absl::StatusOr<std::uint64_t> SendRelease(engine::StepContext& context,
                                            const hv1::ReceiveRelease& request,
                                            const std::string& archive_path);

  members::MemberSource& members() { return *resources_->members; }

  // Which dm-workers of the operation have their turn.
  TurnGate& turns() { return turns_; }

 private:
  struct Host {
    std::unique_ptr<host::FarEnd> far_end;
    std::uint64_t starts = 0;
  };
  Host& HostOf(const std::string& machine_id);
  host::CallOptions Options(engine::StepContext& context);
  template <typename T>
  absl::StatusOr<T> Finish(engine::StepContext& context, absl::StatusOr<T> result);

  const Resources* resources_;
  const store::OperationRecord operation_;
  TurnGate turns_;
  std::mutex loading_;  // Taken before mutex_. Guards packages_.
  std::map<std::string, v1::Package> packages_;
  std::mutex mutex_;  // Guards all below, of hosts_ only the map.
  // Each entry belongs to its host's thread.
  std::map<std::string, Host> hosts_;
  std::optional<store::ClusterRecord> cluster_;
  // How often it was changed.
  std::uint64_t changes_ = 0;
};

// The sessions of the step's operation: what MakeScopeFactory made is all that a step is run with.
HostScope& Hosts(engine::StepContext& context);

// Where the step works; empty: on dmgrd's machine.
const std::string& Machine(const engine::StepContext& context);

// How a step asks the cluster's processes.
members::MemberSource& MembersBy(engine::StepContext& context);

// Makes the host sessions of one operation, for the engine.
engine::ScopeFactory MakeScopeFactory(const Resources* resources);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_HOST_SCOPE_H_
