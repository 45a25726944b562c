// A link over an SSH channel.
#ifndef DMGR_SERVER_HOST_NEAR_SSH_LINK_H_
#define DMGR_SERVER_HOST_NEAR_SSH_LINK_H_

#include <memory>
#include <string>
#include <utility>

#include "server/host/near/link.h"
#include "server/ssh/session.h"

namespace dmgr::host {

class SshLink : public Link {
 public:
  SshLink(std::unique_ptr<ssh::Session> session, std::unique_ptr<ssh::Channel> channel)
      : session_(std::move(session)), channel_(std::move(channel)) {}

  absl::StatusOr<std::size_t> Write(std::string_view data, absl::Time deadline) override {
    return channel_->WriteSome(data, deadline);
  }
  absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size, absl::Time deadline) override {
    return channel_->Read(buffer, size, deadline);
  }
  std::string Diagnosis() override;

 private:
  // The channel goes first.
  std::unique_ptr<ssh::Session> session_;
  std::unique_ptr<ssh::Channel> channel_;
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_SSH_LINK_H_
