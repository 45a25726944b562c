#include "server/operations/steps/hup.h"

#include <algorithm>
#include <string>

#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/members/last_reload.h"
#include "server/members/poll.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/wait_news.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kMetricsTimeout = absl::Seconds(3);
constexpr absl::Duration kReloadTimeout = absl::Seconds(60);

absl::StatusOr<members::LastReload> Ask(engine::StepContext& context,
                                        const topology::Instance& instance) {
  const absl::Time deadline = std::min(context.deadline(), SteadyNow() + kMetricsTimeout);
  ASSIGN_OR_RETURN(const std::string metrics, MembersBy(context).Metrics(instance, deadline, [&] {
    return context.Cancelled();
  }));
  return members::ReadLastReload(instance.component, metrics);
}

}  // namespace

absl::Status HupInstance(engine::StepContext& context, const topology::Instance& instance) {
  const auto failed = [&](absl::StatusCode code, const std::string& why) {
    return Error(code, "RELOAD_REFUSED", "{} on {} has not taken its new configuration: {}",
                 instance.name, instance.host, why)
        .With("instance", instance.name)
        .With("machine", instance.machine_id)
        .Remedy("see its log in " + instance.log_dir);
  };
  const auto before = Ask(context, instance);
  if (!before.ok()) {
    return failed(absl::StatusCode::kFailedPrecondition, std::string(Message(before.status())));
  }
  hv1::ToHost request;
  auto* control = request.mutable_control_units();
  control->set_verb(hv1::ControlUnits::VERB_RELOAD);
  control->add_units(instance.Unit());
  RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
  // Its last attempt may have failed before, so that only a time says more.
  std::string last = "it has not read it";
  WaitNews news(&context);
  const absl::Status waited = members::PollUntil(
      std::min(context.deadline(), SteadyNow() + kReloadTimeout),
      [&] { return context.Cancelled(); },
      [&]() -> absl::StatusOr<bool> {
        const auto now = Ask(context, instance);
        if (!now.ok()) {
          last = std::string(Message(now.status()));
          return false;
        }
        if (now->time > before->time) return true;
        if (before->succeeded && !now->succeeded) {
          return absl::Status(failed(absl::StatusCode::kFailedPrecondition, "it has refused it"));
        }
        news.Say(fmt::format("{} has not read its new configuration", instance.name));
        return false;
      });
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  return failed(absl::StatusCode::kDeadlineExceeded, last);
}

}  // namespace dmgr::operations
