#include "server/ssh/relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/address.h"
#include "common/steady_time.h"
#include "common/thread_pool.h"
#include "server/ssh/session_impl.h"

namespace dmgr::ssh {
namespace {

constexpr std::size_t kPieceSize = 64U << 10;
// For what is left when the near end has been closed.
constexpr absl::Duration kLastWords = absl::Seconds(1);
// Between two looks at whether the opening is cancelled.
constexpr absl::Duration kOpenLook = absl::Milliseconds(200);
constexpr int kWaitMilliseconds = 500;

}  // namespace

absl::StatusOr<std::unique_ptr<Relay>> Relay::Open(std::unique_ptr<Session> jump,
                                                   const std::string& host, int port,
                                                   const Limit& limit) {
  std::unique_ptr<Relay> relay(new Relay(std::move(jump)));
  RETURN_IF_ERROR(relay->Connect(host, port, limit));
  // Who asked does not, any more, when the thread does.
  relay->jump_->SetCancelled({});
  RETURN_IF_ERROR(relay->Start());
  return relay;
}

Relay::~Relay() {
  if (near_ >= 0) close(near_);
  if (thread_.joinable()) thread_.join();
}

absl::Status Relay::Connect(const std::string& host, int port, const Limit& limit) {
  Session::Impl& jump = *jump_->impl_;
  const std::string name = JoinHostPort(host, port);
  const auto failed = [&](const std::string& why) {
    return Unreachable(name, jump.name + " does not connect to it: " + why)
        .Remedy("see from there that the host is up and its sshd answers, and that the sshd on " +
                jump.name + " forwards connections (AllowTcpForwarding, PermitOpen)");
  };
  channel_.reset(ssh_channel_new(jump.session.get()));
  if (channel_ == nullptr) return jump.Lost();
  while (true) {
    // The address of who asked, which is of no use to anybody.
    const int rc = ssh_channel_open_forward(channel_.get(), host.c_str(), port, "127.0.0.1", 0);
    if (rc == SSH_OK) return absl::OkStatus();
    if (rc != SSH_AGAIN) return failed(LibraryError(jump.session.get()));
    if (limit.Cancelled()) return absl::CancelledError("cancelled");
    if (limit.Passed()) return failed("no answer in time");
    RETURN_IF_ERROR(jump.Pump(SteadyNow() + kOpenLook));
  }
}

absl::Status Relay::Start() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return Unreachable(jump_->impl_->name, "there is no socket for the way through it");
  }
  near_ = ends[0];
  far_ = Fd(ends[1]);
  ASSIGN_OR_RETURN(thread_, StartThread([this] {
                     while (Step()) {
                     }
                     // The session to the host reads that it is over.
                     far_.Close();
                   }));
  return absl::OkStatus();
}

bool Relay::IsPending() const {
  return (ssh_get_status(jump_->impl_->session.get()) & SSH_WRITE_PENDING) != 0;
}

bool Relay::CarryOut() {
  const std::uint32_t window = ssh_channel_window_size(channel_.get());
  if (out_.empty() && !near_has_ended_ && window > 0 && !IsPending()) {
    out_.resize(std::min<std::size_t>(window, kPieceSize));
    const ssize_t got = recv(far_.get(), out_.data(), out_.size(), 0);
    const int error = errno;
    out_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    near_has_ended_ = got == 0 || (got < 0 && error != EAGAIN && error != EINTR);
  }
  // What libssh holds goes first: it keeps whatever it is given.
  if (out_.empty() || window == 0 || IsPending()) return false;
  const int written =
      ssh_channel_write(channel_.get(), out_.data(), static_cast<std::uint32_t>(out_.size()));
  if (written < 0) host_has_ended_ = true;
  if (written <= 0) return false;
  out_.erase(0, static_cast<std::size_t>(written));
  return true;
}

bool Relay::CarryIn() {
  if (in_.empty() && !host_has_ended_) {
    in_.resize(kPieceSize);
    const int got = ssh_channel_read_nonblocking(channel_.get(), in_.data(), kPieceSize, 0);
    in_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    host_has_ended_ = got < 0 || (got == 0 && (ssh_channel_is_eof(channel_.get()) != 0 ||
                                               ssh_channel_is_closed(channel_.get()) != 0));
  }
  if (in_.empty()) return false;
  const ssize_t sent = send(far_.get(), in_.data(), in_.size(), MSG_NOSIGNAL);
  if (sent > 0) {
    in_.erase(0, static_cast<std::size_t>(sent));
    return true;
  }
  if (errno == EAGAIN || errno == EINTR) return false;
  // Nobody is there to read it.
  in_.clear();
  host_has_ended_ = true;
  return false;
}

void Relay::Wait() {
  const bool wants_more = out_.empty() && !near_has_ended_ && !IsPending() &&
                          ssh_channel_window_size(channel_.get()) > 0;
  pollfd ready[] = {
      {.fd = far_.get(), .events = 0, .revents = 0},
      {.fd = ssh_get_fd(jump_->impl_->session.get()), .events = POLLIN, .revents = 0}};
  if (wants_more) ready[0].events |= POLLIN;
  if (!in_.empty()) ready[0].events |= POLLOUT;
  // A closed end would end every wait at once.
  if (until_ != absl::InfiniteFuture() && !wants_more) ready[0].fd = -1;
  if (IsPending()) ready[1].events |= POLLOUT;
  const Limit limit(std::min(until_, SteadyNow() + absl::Milliseconds(kWaitMilliseconds)), nullptr);
  if (poll(ready, 2, limit.Milliseconds()) <= 0) return;
  const bool is_closed = (ready[0].revents & (POLLHUP | POLLERR)) != 0;
  if (is_closed && until_ == absl::InfiniteFuture()) until_ = SteadyNow() + kLastWords;
  if (ready[1].revents != 0 && ssh_event_dopoll(jump_->impl_->event.get(), 0) == SSH_ERROR) {
    host_has_ended_ = true;
    out_.clear();
  }
}

bool Relay::Step() {
  const bool out = CarryOut();
  const bool in = CarryIn();
  if (host_has_ended_ && in_.empty()) return false;
  if (near_has_ended_ && out_.empty() && !IsPending()) return false;
  if (SteadyNow() >= until_) return false;
  if (!out && !in) Wait();
  return true;
}

}  // namespace dmgr::ssh
