#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "server/store/database.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

using Clock = std::chrono::steady_clock;
constexpr absl::Duration kFirstDelay = absl::Milliseconds(50);
constexpr absl::Duration kMaxDelay = absl::Seconds(2);

class Receiver : public pqxx::notification_receiver {
 public:
  Receiver(pqxx::connection_base& connection, const std::string& channel,
           const std::function<void(const std::string&)>& on_wake)
      : notification_receiver(connection, channel), on_wake_(on_wake) {}
  void operator()(const std::string& payload, int /*backend_pid*/) override { on_wake_(payload); }

 private:
  const std::function<void(const std::string&)>& on_wake_;
};

}  // namespace

struct Listener::Impl {
  DatabaseOptions options;
  std::string channel;
  absl::Duration fallback_period;
  std::function<void(const std::string&)> on_wake;
  int stop_fd = -1;
  std::thread thread;

  // Waits for the socket (none: -1); true when the listener is to end.
  bool WaitStopped(int socket, absl::Duration timeout) const;
  void Loop();
  // Until the connection breaks (throws) or the listener is to end.
  void Listen(const std::string& conninfo, absl::Duration* delay);
};

bool Listener::Impl::WaitStopped(int socket, absl::Duration timeout) const {
  pollfd fds[] = {{stop_fd, POLLIN, 0}, {socket, POLLIN, 0}};
  const auto milliseconds =
      absl::ToInt64Milliseconds(std::clamp(timeout, absl::ZeroDuration(), absl::Hours(1)));
  // An interruption by a signal wakes early, which does no harm.
  poll(fds, 2, static_cast<int>(milliseconds));
  return fds[0].revents != 0;
}

void Listener::Impl::Listen(const std::string& conninfo, absl::Duration* delay) {
  Connection connection(conninfo);
  Receiver receiver(connection.pq, channel, on_wake);
  *delay = kFirstDelay;
  on_wake("");
  Clock::time_point woken = Clock::now();
  const auto left = [&] { return fallback_period - absl::FromChrono(Clock::now() - woken); };
  while (!WaitStopped(connection.pq.sock(), left())) {
    connection.pq.get_notifs();
    if (left() > absl::ZeroDuration()) continue;
    on_wake("");
    woken = Clock::now();
  }
}

void Listener::Impl::Loop() {
  absl::Duration delay = kFirstDelay;
  const auto target = ParseDsn(options);
  do {
    try {
      if (target.ok()) return Listen(target->conninfo, &delay);
    } catch (const std::exception&) {  // The loop connects again; Database reports the reason.
    }
    delay = std::min(delay * 2, kMaxDelay);
  } while (!WaitStopped(-1, delay));
}

Listener::Listener(std::string dsn, std::string channel, absl::Duration fallback_period,
                   std::function<void(const std::string& payload)> on_wake)
    : impl_(std::make_unique<Impl>()) {
  impl_->options.dsn = std::move(dsn);
  impl_->channel = std::move(channel);
  impl_->fallback_period = fallback_period;
  impl_->on_wake = std::move(on_wake);
  impl_->stop_fd = eventfd(0, EFD_CLOEXEC);
  impl_->thread = std::thread([this] { impl_->Loop(); });
}

Listener::~Listener() {
  eventfd_write(impl_->stop_fd, 1);
  impl_->thread.join();
  close(impl_->stop_fd);
}

}  // namespace dmgr::store
