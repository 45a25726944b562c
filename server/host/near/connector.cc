#include "server/host/near/connector.h"

#include <utility>

#include "common/error.h"

namespace dmgr::host {

absl::StatusOr<std::unique_ptr<FarEnd>> SshConnector::Start(std::unique_ptr<ssh::Session> session,
                                                            const HostLogin& login,
                                                            const hv1::Begin& begin,
                                                            absl::Time deadline) {
  return FarEnd::StartOverSsh(
      std::move(session), login.name, *program_, login.far_end_dir, login.root, begin, deadline,
      [this, endpoint = login.endpoint](std::unique_ptr<ssh::Session> unused) {
        sessions_.Keep(endpoint, std::move(unused));
      });
}

absl::StatusOr<std::unique_ptr<FarEnd>> SshConnector::Connect(
    const HostLogin& login, const hv1::Begin& begin, absl::Time deadline,
    const std::function<bool()>& cancelled) {
  ASSIGN_OR_RETURN(auto session, sessions_.Connect(login.endpoint, deadline, cancelled));
  return Start(std::move(session), login, begin, deadline);
}

absl::StatusOr<std::unique_ptr<FarEnd>> SshConnector::LogIn(const HostLogin& login,
                                                            const hv1::Begin& begin,
                                                            absl::Time deadline) {
  ASSIGN_OR_RETURN(auto session, ssh::Session::Connect(login.endpoint, deadline));
  return Start(std::move(session), login, begin, deadline);
}

}  // namespace dmgr::host
