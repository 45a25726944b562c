#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "common/thread_pool.h"
#include "server/store/database.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

using Clock = std::chrono::steady_clock;
constexpr absl::Duration kFirstDelay = absl::Milliseconds(50);
// Below the time that IsAbsent's callers give others to come back after the server was away.
constexpr absl::Duration kMaxDelay = absl::Milliseconds(250);
constexpr Clock::rep kNever = Clock::time_point::max().time_since_epoch().count();
constexpr int kHasIdleSessionTimeout = 140000;
constexpr char kNoIdleTimeout[] = "SET idle_session_timeout = 0";
// Shared, so that a connection that takes the place of a broken one does not wait for the server to
// notice that that one is broken.
#define DMGR_PRESENCE "hashtextextended($1, 1)"
constexpr char kAppear[] = "SELECT pg_advisory_lock_shared(" DMGR_PRESENCE ")";
constexpr char kIsAbsent[] = "SELECT pg_try_advisory_xact_lock(" DMGR_PRESENCE ") AS absent";

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
  std::string present_as;
  std::atomic<Clock::rep> present_since = kNever;
  int stop_fd = -1;
  std::thread thread;

  // Waits for the socket (none: -1); true when the listener is to end.
  bool WaitStopped(int socket, absl::Duration timeout) const;
  void Loop();
  // Until the connection breaks (throws) or the listener is to end.
  void Listen(const std::string& conninfo, absl::Duration* delay);
  void Appear(Connection& connection);
};

bool Listener::Impl::WaitStopped(int socket, absl::Duration timeout) const {
  pollfd fds[] = {{stop_fd, POLLIN, 0}, {socket, POLLIN, 0}};
  const auto milliseconds =
      absl::ToInt64Milliseconds(std::clamp(timeout, absl::ZeroDuration(), absl::Hours(1)));
  // An interruption by a signal wakes early, which does no harm.
  poll(fds, 2, static_cast<int>(milliseconds));
  return fds[0].revents != 0;
}

void Listener::Impl::Appear(Connection& connection) {
  pqxx::nontransaction session(connection.pq);
  if (connection.pq.server_version() >= kHasIdleSessionTimeout) session.exec(kNoIdleTimeout);
  if (present_as.empty()) return;
  session.exec_params(kAppear, present_as);
  present_since = Clock::now().time_since_epoch().count();
}

void Listener::Impl::Listen(const std::string& conninfo, absl::Duration* delay) {
  Connection connection(conninfo);
  const absl::Cleanup disappear = [this] { present_since = kNever; };
  Appear(connection);
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
                   std::function<void(const std::string& payload)> on_wake, std::string present_as)
    : impl_(std::make_unique<Impl>()) {
  impl_->options.dsn = std::move(dsn);
  impl_->channel = std::move(channel);
  impl_->fallback_period = fallback_period;
  impl_->on_wake = std::move(on_wake);
  impl_->present_as = std::move(present_as);
  impl_->stop_fd = eventfd(0, EFD_CLOEXEC);
  impl_->thread = StartThread([this] { impl_->Loop(); }).value();
}

Listener::~Listener() {
  eventfd_write(impl_->stop_fd, 1);
  impl_->thread.join();
  close(impl_->stop_fd);
}

std::optional<absl::Duration> Listener::PresentFor() const {
  const Clock::rep since = impl_->present_since;
  if (since == kNever) return std::nullopt;
  return absl::FromChrono(Clock::now() - Clock::time_point(Clock::duration(since)));
}

absl::StatusOr<bool> IsAbsent(Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kIsAbsent, {name}));
  return rows[0]["absent"].as<bool>();
}

}  // namespace dmgr::store
