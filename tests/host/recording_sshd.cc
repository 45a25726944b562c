#include "tests/host/recording_sshd.h"

#include <arpa/inet.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "server/ssh/session.h"

namespace dmgr::testing {
namespace {

std::string TextOf(const char* text) { return text == nullptr ? "" : text; }

// The callback that is to be used instead leaves no word to the other methods.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
std::string PasswordOf(ssh_message message) { return TextOf(ssh_message_auth_password(message)); }
#pragma GCC diagnostic pop

}  // namespace

RecordingSshd::RecordingSshd(int methods, int mute) : methods_(methods), mute_(mute) {
  const auto pair = ssh::GenerateKeyPair("");
  if (!pair.ok()) throw std::runtime_error("no host key");
  key_file_ = dir_.Write("host_key", pair->private_key);
  fingerprint_ = ssh::Fingerprint(pair->public_key);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 8) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no listener");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

RecordingSshd::~RecordingSshd() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::vector<std::string> RecordingSshd::Heard() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

int RecordingSshd::Connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

void RecordingSshd::Hear(const std::string& what) {
  const std::lock_guard lock(mutex_);
  heard_.push_back(what);
}

void RecordingSshd::Serve() {
  while (true) {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    bool is_mute = false;
    {
      const std::lock_guard lock(mutex_);
      is_mute = ++connections_ <= mute_;
    }
    ServeOne(fd, is_mute);
  }
}

void RecordingSshd::ServeOne(int fd, bool is_mute) {
  ssh_bind bind = ssh_bind_new();
  ssh_session session = ssh_new();
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, key_file_.c_str());
  const bool is_open =
      ssh_bind_accept_fd(bind, session, fd) == SSH_OK && ssh_handle_key_exchange(session) == SSH_OK;
  ssh_set_auth_methods(session, methods_);
  ssh_channel channel = nullptr;
  while (is_open) {
    ssh_message message = ssh_message_get(session);
    if (message == nullptr) break;
    const int type = ssh_message_type(message);
    const int subtype = ssh_message_subtype(message);
    if (type == SSH_REQUEST_AUTH && subtype == SSH_AUTH_METHOD_PASSWORD) {
      Hear("password " + PasswordOf(message));
      ssh_message_auth_reply_success(message, 0);
    } else if (type == SSH_REQUEST_AUTH && subtype == SSH_AUTH_METHOD_INTERACTIVE &&
               ssh_message_auth_kbdint_is_response(message) != 0) {
      Hear("answer " + TextOf(ssh_userauth_kbdint_getanswer(session, 0)));
      ssh_message_auth_reply_success(message, 0);
    } else if (type == SSH_REQUEST_AUTH && subtype == SSH_AUTH_METHOD_INTERACTIVE) {
      const char* prompts[] = {"Password: "};
      char echo[] = {0};
      ssh_message_auth_interactive_request(message, "", "", 1, prompts, echo);
    } else if (type == SSH_REQUEST_CHANNEL_OPEN && mute_ > 0) {
      if (!is_mute) channel = ssh_message_channel_request_open_reply_accept(message);
    } else if (type == SSH_REQUEST_CHANNEL && subtype == SSH_CHANNEL_REQUEST_EXEC &&
               channel != nullptr) {
      Hear("command");
      ssh_message_channel_request_reply_success(message);
      ssh_channel_request_send_exit_status(channel, 127);
      ssh_channel_send_eof(channel);
      ssh_channel_close(channel);
    } else {
      if (type == SSH_REQUEST_AUTH) Hear(subtype == SSH_AUTH_METHOD_NONE ? "none" : "other");
      ssh_message_reply_default(message);
    }
    ssh_message_free(message);
  }
  ssh_disconnect(session);
  ssh_free(session);
  ssh_bind_free(bind);
}

}  // namespace dmgr::testing
