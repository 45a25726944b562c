#include "tests/support/pipe_connector.h"

#include "tests/support/process_link.h"

namespace dmgr::test {

absl::StatusOr<std::unique_ptr<host::FarEnd>> PipeConnector::Connect(const host::HostLogin& login,
                                                                     const host::hv1::Begin& begin,
                                                                     absl::Time deadline,
                                                                     const std::function<bool()>&) {
  return LogIn(login, begin, deadline);
}

absl::StatusOr<std::unique_ptr<host::FarEnd>> PipeConnector::LogIn(const host::HostLogin& login,
                                                                   const host::hv1::Begin& begin,
                                                                   absl::Time deadline) {
  const auto root = roots_.find(login.name);
  if (root == roots_.end()) return absl::UnavailableError("no host is called " + login.name);
  auto link = std::make_unique<testing::ProcessLink>(
      std::vector<std::string>{program_, "serve", "--root", root->second});
  return host::FarEnd::StartOverLink(std::move(link), login.name, begin, deadline);
}

}  // namespace dmgr::test
