#ifndef DMGR_TESTS_SUPPORT_PIPE_CONNECTOR_H_
#define DMGR_TESTS_SUPPORT_PIPE_CONNECTOR_H_

#include <map>
#include <string>

#include "server/host/near/connector.h"

namespace dmgr::test {

/// Far ends that run here, over pipes, each below a directory that takes the place of the host's /.
class PipeConnector final : public host::HostConnector {
 public:
  /// program: dmgr-host.
  explicit PipeConnector(std::string program) : program_(std::move(program)) {}

  /// Not during a Connect.
  void Add(const std::string& machine, const std::string& root_dir) { roots_[machine] = root_dir; }
  /// From now on it cannot be reached; not during a Connect.
  void Lose(const std::string& machine) { roots_.erase(machine); }

  absl::StatusOr<std::unique_ptr<host::FarEnd>> Connect(
      const host::HostLogin& login, const host::hv1::Begin& begin, absl::Time deadline,
      const std::function<bool()>& cancelled) override;
  absl::StatusOr<std::unique_ptr<host::FarEnd>> LogIn(const host::HostLogin& login,
                                                      const host::hv1::Begin& begin,
                                                      absl::Time deadline) override;

 private:
  const std::string program_;
  std::map<std::string, std::string> roots_;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_SUPPORT_PIPE_CONNECTOR_H_
