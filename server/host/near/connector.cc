#include "server/host/near/connector.h"

#include <utility>

#include "common/error.h"
#include "common/steady_time.h"

namespace dmgr::host {
namespace {

// Two dmgrd of different builds that change the same hosts leave each other's far ends there.
constexpr std::uint32_t kUnusedProgramDays = 7;

// Nothing was started, and sshd of a host that is overloaded may have given up the session only.
bool HasNoChannel(const absl::Status& status) { return Reason(status) == "SSH_NO_CHANNEL"; }

}  // namespace

absl::StatusOr<std::unique_ptr<FarEnd>> SshConnector::Start(std::unique_ptr<ssh::Session> session,
                                                            const HostLogin& login,
                                                            const hv1::Begin& begin,
                                                            absl::Time deadline) {
  hv1::Begin with_care = begin;
  if (begin.mode() == hv1::Begin::MODE_CHANGE) {
    with_care.set_unused_program_days(kUnusedProgramDays);
  }
  ASSIGN_OR_RETURN(
      auto far_end,
      FarEnd::StartOverSsh(std::move(session), login.name, *program_, login.far_end_dir, login.root,
                           with_care, deadline,
                           [this, endpoint = login.endpoint](std::unique_ptr<ssh::Session> unused) {
                             sessions_.Keep(endpoint, std::move(unused));
                           }));
  removed_programs_ += far_end->begin_reply().removed_programs();
  return far_end;
}

absl::StatusOr<std::unique_ptr<FarEnd>> SshConnector::Connect(
    const HostLogin& login, const hv1::Begin& begin, absl::Time deadline,
    const std::function<bool()>& cancelled) {
  // The other half is for a second session.
  const absl::Duration half = (deadline - SteadyNow()) / 2;
  ASSIGN_OR_RETURN(auto session, sessions_.Connect(login.endpoint, deadline, cancelled));
  session->LimitOpening(half);
  auto far_end = Start(std::move(session), login, begin, deadline);
  if (!HasNoChannel(far_end.status())) return far_end;
  ASSIGN_OR_RETURN(session, ssh::Session::Connect(login.endpoint, deadline, cancelled));
  return Start(std::move(session), login, begin, deadline);
}

absl::StatusOr<std::unique_ptr<FarEnd>> SshConnector::LogIn(const HostLogin& login,
                                                            const hv1::Begin& begin,
                                                            absl::Time deadline) {
  ASSIGN_OR_RETURN(auto session, ssh::Session::Connect(login.endpoint, deadline));
  return Start(std::move(session), login, begin, deadline);
}

}  // namespace dmgr::host
