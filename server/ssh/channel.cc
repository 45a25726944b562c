#include <libssh/callbacks.h>
#include <string.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>

#include "common/steady_time.h"
#include "server/ssh/handles.h"
#include "server/ssh/remote_text.h"
#include "server/ssh/session_impl.h"

namespace dmgr::ssh {
namespace {

constexpr std::size_t kMaxStderr = 16U << 10;
// Handed to libssh at once; it keeps what the socket does not take.
constexpr std::size_t kMaxPiece = 256U << 10;
// sshd makes room by three packets at a time, and each time would wake us to send three more: a
// large piece waits so long, once, for room for all of it. 2 MiB are on their way meanwhile.
constexpr std::size_t kLargePiece = 32U << 10;
constexpr absl::Duration kRoomPause = absl::Milliseconds(10);
// How long a command that ended may take to tell its exit status.
constexpr absl::Duration kStatusTimeout = absl::Seconds(2);

int SignalNumber(std::string_view name) {
  for (int number = 1; number < NSIG; ++number) {
    const char* known = sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return 0;
}

absl::Status DeadlinePassed(const std::string& name, std::string_view what) {
  return Error(absl::StatusCode::kDeadlineExceeded, "SSH_TIMEOUT", "{}: {} in time", name, what)
      .With("host", name)
      .Remedy("see whether the host is overloaded, above all its disk, then try again");
}

// Nothing has begun on the host: it may be tried again, in another session.
absl::Status NoChannel(const std::string& name) {
  return Error(absl::StatusCode::kUnavailable, "SSH_NO_CHANNEL",
               "{}: no channel was opened in time", name)
      .With("host", name)
      .Remedy("see whether the host is overloaded, above all its disk, then try again");
}

}  // namespace

struct Channel::Impl {
  Session::Impl* session;
  ssh_channel channel;
  ssh_channel_callbacks_struct callbacks = {};
  std::string stderr_text;
  // Grows with every byte of stderr; tells Wait() that there is news.
  std::size_t stderr_bytes = 0;
  std::optional<int> exit_status;
  bool closed = false;

  explicit Impl(Session::Impl* owner);
  ~Impl();
  bool AtEnd() const { return closed || ssh_channel_is_eof(channel) != 0; }
  bool HasPendingWrite() const {
    return (ssh_get_status(session->session.get()) & SSH_WRITE_PENDING) != 0;
  }
  bool HasRoom(std::size_t size) const {
    return !HasPendingWrite() && ssh_channel_window_size(channel) >= std::min(size, kMaxPiece);
  }
  absl::Status EndedEarly();
  absl::Status Open(absl::Time deadline);
  // Calls until libssh says something else than "again"; what came in time counts, however late
  // this thread is to see it.
  absl::Status Finish(const std::function<int()>& call, const char* what, absl::Time deadline);

 private:
  static int OnData(ssh_session, ssh_channel, void* data, uint32_t size, int is_stderr, void* self);
  static void OnExitStatus(ssh_session, ssh_channel, int status, void* self);
  static void OnExitSignal(ssh_session, ssh_channel, const char* signal, int core,
                           const char* message, const char* language, void* self);
  static void OnClose(ssh_session, ssh_channel, void* self);
};

Channel::Impl::Impl(Session::Impl* owner)
    : session(owner), channel(ssh_channel_new(owner->session.get())) {
  callbacks.userdata = this;
  callbacks.channel_data_function = OnData;
  callbacks.channel_exit_status_function = OnExitStatus;
  callbacks.channel_exit_signal_function = OnExitSignal;
  callbacks.channel_close_function = OnClose;
  ssh_callbacks_init(&callbacks);
  ssh_set_channel_callbacks(channel, &callbacks);
}

Channel::Impl::~Impl() {
  // libssh keeps a channel until the host has closed it too, and would call us until then.
  ssh_remove_channel_callbacks(channel, &callbacks);
  ssh_channel_free(channel);
}

// Takes stderr at once, so that a talkative command is never blocked by it; stdout stays in
// libssh's window until it is read.
int Channel::Impl::OnData(ssh_session, ssh_channel, void* data, uint32_t size, int is_stderr,
                          void* self) {
  if (is_stderr == 0) return 0;
  auto* impl = static_cast<Impl*>(self);
  impl->stderr_bytes += size;
  impl->stderr_text.append(static_cast<const char*>(data), size);
  if (impl->stderr_text.size() > kMaxStderr) {
    impl->stderr_text.erase(0, impl->stderr_text.size() - kMaxStderr);
  }
  return static_cast<int>(size);
}

void Channel::Impl::OnExitStatus(ssh_session, ssh_channel, int status, void* self) {
  static_cast<Impl*>(self)->exit_status = status;
}

void Channel::Impl::OnExitSignal(ssh_session, ssh_channel, const char* signal, int, const char*,
                                 const char*, void* self) {
  static_cast<Impl*>(self)->exit_status = 128 + SignalNumber(signal == nullptr ? "" : signal);
}

void Channel::Impl::OnClose(ssh_session, ssh_channel, void* self) {
  static_cast<Impl*>(self)->closed = true;
}

// Why nothing can be written any more.
absl::Status Channel::Impl::EndedEarly() {
  const absl::Time until = SteadyNow() + kStatusTimeout;
  while (!exit_status.has_value() && !closed && SteadyNow() < until) {
    RETURN_IF_ERROR(session->Pump(until));
  }
  const std::string words = RemoteText(stderr_text, 1000);
  return Error(absl::StatusCode::kUnavailable, "REMOTE_COMMAND_ENDED",
               "the command on {} ended early, {}{}{}", session->name,
               exit_status.has_value() ? fmt::format("exit status {}", *exit_status)
                                       : std::string("without an exit status"),
               words.empty() ? "" : ": ", words)
      .With("host", session->name);
}

absl::Status Channel::Impl::Finish(const std::function<int()>& call, const char* what,
                                   absl::Time deadline) {
  int rc = SSH_AGAIN;
  for (bool is_last = false; (rc = call()) == SSH_AGAIN; is_last = SteadyNow() >= deadline) {
    if (is_last) return DeadlinePassed(session->name, what);
    RETURN_IF_ERROR(session->Pump(deadline));
  }
  if (rc == SSH_OK) return absl::OkStatus();
  return Unreachable(session->name,
                     fmt::format("{}: {}", what, LibraryError(session->session.get())));
}

absl::Status Channel::Impl::Open(absl::Time deadline) {
  if (channel == nullptr) return session->Lost();
  const absl::Status opened =
      Finish([&] { return ssh_channel_open_session(channel); }, "no channel was opened",
             std::min(deadline, SteadyNow() + session->max_opening));
  return absl::IsDeadlineExceeded(opened) ? NoChannel(session->name) : opened;
}

absl::StatusOr<std::unique_ptr<Channel>> Session::Exec(const std::string& command,
                                                       absl::Time deadline) {
  auto impl = std::make_unique<Channel::Impl>(impl_.get());
  RETURN_IF_ERROR(impl->Open(deadline));
  RETURN_IF_ERROR(
      impl->Finish([&] { return ssh_channel_request_exec(impl->channel, command.c_str()); },
                   "no command was started", deadline));
  return std::unique_ptr<Channel>(new Channel(std::move(impl)));
}

absl::Status Session::Probe(absl::Time deadline) {
  return Channel::Impl(impl_.get()).Open(deadline);
}

Channel::Channel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Channel::~Channel() = default;

absl::StatusOr<std::size_t> Channel::WriteSome(std::string_view data, absl::Time deadline) {
  if (data.size() >= kLargePiece && !impl_->HasRoom(data.size())) {
    absl::SleepFor(kRoomPause);
    RETURN_IF_ERROR(impl_->session->Pump(absl::InfinitePast()));
  }
  while (true) {
    // What libssh holds goes first, or a host with a huge window would make it hold all of data.
    if (!impl_->HasPendingWrite()) {
      const auto piece = static_cast<uint32_t>(std::min(data.size(), kMaxPiece));
      const int written = ssh_channel_write(impl_->channel, data.data(), piece);
      if (written > 0) return static_cast<std::size_t>(written);
      if (written < 0) {
        if (ssh_is_connected(impl_->session->session.get()) == 0) return impl_->session->Lost();
        return impl_->EndedEarly();
      }
    }
    if (SteadyNow() >= deadline) {
      return DeadlinePassed(impl_->session->name, "the command took no input");
    }
    RETURN_IF_ERROR(impl_->session->Pump(deadline));
  }
}

absl::Status Channel::Write(std::string_view data, absl::Time deadline) {
  while (!data.empty()) {
    ASSIGN_OR_RETURN(const std::size_t written, WriteSome(data, deadline));
    data.remove_prefix(written);
  }
  while (impl_->HasPendingWrite()) {
    if (SteadyNow() >= deadline) {
      return DeadlinePassed(impl_->session->name, "the connection took no data");
    }
    RETURN_IF_ERROR(impl_->session->Pump(deadline));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> Channel::Read(char* buffer, std::size_t size, absl::Time deadline) {
  for (bool is_last = false;; is_last = SteadyNow() >= deadline) {
    const auto count = static_cast<uint32_t>(std::min(size, kMaxPiece));
    const int got = ssh_channel_read_nonblocking(impl_->channel, buffer, count, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == SSH_EOF || (got == 0 && impl_->AtEnd())) return 0;
    if (got < 0) return impl_->session->Lost();
    // Who only looks needs no words, and looks often.
    if (deadline == absl::InfinitePast()) return absl::DeadlineExceededError("");
    if (is_last) return DeadlinePassed(impl_->session->name, "the command said nothing");
    RETURN_IF_ERROR(impl_->session->Pump(deadline));
  }
}

absl::Status Channel::Wait(absl::Time deadline) {
  const std::size_t seen = impl_->stderr_bytes;
  while (impl_->stderr_bytes == seen && !impl_->AtEnd() && SteadyNow() < deadline) {
    const int available = ssh_channel_poll(impl_->channel, 0);
    if (available > 0 || available == SSH_EOF) return absl::OkStatus();
    if (available < 0) return impl_->session->Lost();
    if (impl_->stderr_bytes == seen) RETURN_IF_ERROR(impl_->session->Pump(deadline));
  }
  return absl::OkStatus();
}

absl::Status Channel::CloseStdin() {
  if (ssh_channel_send_eof(impl_->channel) == SSH_ERROR) return impl_->session->Lost();
  return absl::OkStatus();
}

const std::string& Channel::stderr_text() const { return impl_->stderr_text; }

absl::StatusOr<int> Channel::ExitStatus(absl::Time deadline) {
  char ignored[4096];
  // The status may come before the last words; a process that stays behind may keep stderr open.
  absl::Time words_until = absl::InfiniteFuture();
  while (true) {
    const absl::Time now = SteadyNow();
    if (impl_->exit_status.has_value()) {
      words_until = std::min({words_until, now + kStatusTimeout, deadline});
      if (impl_->AtEnd() || now >= words_until) return *impl_->exit_status;
    } else if (now >= deadline) {
      return DeadlinePassed(impl_->session->name, "the command did not end");
    }
    // A command that still writes would wait for us to read.
    const int got = ssh_channel_read_nonblocking(impl_->channel, ignored, sizeof(ignored), 0);
    if (got > 0) continue;
    if (got == SSH_ERROR) return impl_->session->Lost();
    if (impl_->closed && !impl_->exit_status.has_value()) return impl_->EndedEarly();
    RETURN_IF_ERROR(impl_->session->Pump(std::min(deadline, words_until)));
  }
}

}  // namespace dmgr::ssh
