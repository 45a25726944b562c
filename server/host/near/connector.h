// The way to hosts: how calls and steps get a far end.
#ifndef DMGR_SERVER_HOST_NEAR_CONNECTOR_H_
#define DMGR_SERVER_HOST_NEAR_CONNECTOR_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/host/near/far_end.h"
#include "server/ssh/session.h"
#include "server/ssh/session_pool.h"

namespace dmgr::host {

// How to log in to a host and become root there. Holds secrets.
struct HostLogin {
  // The machine's; errors name it.
  std::string name;
  ssh::Endpoint endpoint;
  RootAccess root;
  // Where the far end's program is kept there.
  std::string far_end_dir;
};

// Thread-safe.
class HostConnector {
 public:
  virtual ~HostConnector() = default;

  // Starts a far end. May use a connection that was in use a moment ago, and takes another one when
  // no channel is opened in a part of the time, as long as there is time. Errors as
  // FarEnd::StartOverSsh and ssh::Session::Connect.
  virtual absl::StatusOr<std::unique_ptr<FarEnd>> Connect(
      const HostLogin& login, const hv1::Begin& begin, absl::Time deadline,
      const std::function<bool()>& cancelled) = 0;

  // The same by a new login: for who wants to know whether that works.
  virtual absl::StatusOr<std::unique_ptr<FarEnd>> LogIn(const HostLogin& login,
                                                        const hv1::Begin& begin,
                                                        absl::Time deadline) = 0;

  // Far ends of other builds that were removed from hosts since the start.
  virtual std::uint64_t removed_programs() const { return 0; }
};

// Over SSH. A session that is not needed any more is kept for a while.
class SshConnector final : public HostConnector {
 public:
  // program must outlive it, and every far end that it starts; it must outlive these too.
  explicit SshConnector(const FarEndProgram* program) : program_(program) {}

  absl::StatusOr<std::unique_ptr<FarEnd>> Connect(const HostLogin& login, const hv1::Begin& begin,
                                                  absl::Time deadline,
                                                  const std::function<bool()>& cancelled) override;
  absl::StatusOr<std::unique_ptr<FarEnd>> LogIn(const HostLogin& login, const hv1::Begin& begin,
                                                absl::Time deadline) override;
  std::uint64_t removed_programs() const override { return removed_programs_; }

 private:
  absl::StatusOr<std::unique_ptr<FarEnd>> Start(std::unique_ptr<ssh::Session> session,
                                                const HostLogin& login, const hv1::Begin& begin,
                                                absl::Time deadline);

  const FarEndProgram* const program_;
  ssh::SessionPool sessions_;
  std::atomic<std::uint64_t> removed_programs_ = 0;
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_CONNECTOR_H_
