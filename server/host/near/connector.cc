#include "server/host/near/connector.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"

namespace dmgr::host {
namespace {

// Two dmgrd of different builds that change the same hosts leave each other's far ends there.
constexpr std::uint32_t kUnusedProgramDays = 7;

// That a session may take to open a channel, the first of them.
constexpr absl::Duration kFirstOpening = absl::Seconds(10);

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
  // What is left is for other sessions, each of which is given longer.
  absl::Duration opening = std::min((deadline - SteadyNow()) / 2, kFirstOpening);
  ASSIGN_OR_RETURN(auto session, sessions_.Connect(login.endpoint, deadline, cancelled));
  while (true) {
    session->LimitOpening(opening);
    auto far_end = Start(std::move(session), login, begin, deadline);
    if (!HasNoChannel(far_end.status()) || SteadyNow() >= deadline) return far_end;
    opening *= 2;
    // The last one has all that is left.
    if (deadline - SteadyNow() < opening * 3) opening = absl::InfiniteDuration();
    auto another = ssh::Session::Connect(login.endpoint, deadline, cancelled);
    if (!another.ok()) {
      return Annotate(another.status(), "a session opened no channel, and then");
    }
    session = *std::move(another);
  }
}

absl::StatusOr<std::unique_ptr<FarEnd>> SshConnector::LogIn(const HostLogin& login,
                                                            const hv1::Begin& begin,
                                                            absl::Time deadline) {
  ASSIGN_OR_RETURN(auto session, ssh::Session::Connect(login.endpoint, deadline));
  return Start(std::move(session), login, begin, deadline);
}

}  // namespace dmgr::host
