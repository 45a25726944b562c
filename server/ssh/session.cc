#include "server/ssh/session.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/time/clock.h"
#include "common/address.h"
#include "common/steady_time.h"
#include "server/ssh/handles.h"
#include "server/ssh/remote_text.h"
#include "server/ssh/session_impl.h"
#include "server/ssh/tcp.h"

namespace dmgr::ssh {
namespace {

std::atomic<std::size_t> open_sessions = 0;

// Of one connection.
constexpr absl::Duration kConnectTimeout = absl::Seconds(20);
// Of the first handshake; each other one is given twice as long as the one before, and the last one
// all that is left.
constexpr absl::Duration kFirstHandshake = absl::Seconds(10);
// AES-GCM is 1.4 times faster than ChaCha20; the last one is for hosts that have neither.
constexpr char kCiphers[] =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr";
// libssh wants a name; it is not sent before a login begins.
constexpr char kNobody[] = "nobody";
constexpr char kFingerprintPrefix[] = "SHA256:";
constexpr std::size_t kMaxGreeting = 255;

// Kinds of host keys in our order, and the algorithms that go with them.
constexpr std::pair<ssh_keytypes_e, const char*> kAlgorithms[] = {
    {SSH_KEYTYPE_ED25519, "ssh-ed25519"},
    {SSH_KEYTYPE_ECDSA_P256, "ecdsa-sha2-nistp256"},
    {SSH_KEYTYPE_ECDSA_P384, "ecdsa-sha2-nistp384"},
    {SSH_KEYTYPE_ECDSA_P521, "ecdsa-sha2-nistp521"},
    {SSH_KEYTYPE_RSA, "rsa-sha2-512,rsa-sha2-256"},
};

// Host key algorithms, those of the wanted types first, the others in our order: the host shows the
// first that it has a key for.
std::string HostKeyAlgorithms(std::vector<ssh_keytypes_e> types) {
  for (const auto& [type, names] : kAlgorithms) types.push_back(type);
  std::string list;
  for (auto type = types.begin(); type != types.end(); ++type) {
    const auto* known =
        std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                     [&](const auto& algorithm) { return algorithm.first == *type; });
    if (known == std::end(kAlgorithms) || std::find(types.begin(), type, *type) != type) continue;
    if (!list.empty()) list += ",";
    list += known->second;
  }
  return list;
}

absl::Status SetOptions(ssh_session session, int fd, const Endpoint& endpoint,
                        const std::vector<ssh_keytypes_e>& key_types) {
  const std::string host_keys = HostKeyAlgorithms(key_types);
  const bool process_config = false;
  const std::pair<ssh_options_e, const void*> wanted[] = {
      {SSH_OPTIONS_PROCESS_CONFIG, &process_config}, {SSH_OPTIONS_USER, endpoint.user.c_str()},
      {SSH_OPTIONS_KNOWNHOSTS, "/dev/null"},         {SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"},
      {SSH_OPTIONS_CIPHERS_C_S, kCiphers},           {SSH_OPTIONS_CIPHERS_S_C, kCiphers},
      {SSH_OPTIONS_HOSTKEYS, host_keys.c_str()},     {SSH_OPTIONS_FD, &fd},
  };
  for (const auto& [option, value] : wanted) {
    if (ssh_options_set(session, option, value) == SSH_OK) continue;
    return Error(absl::StatusCode::kInternal, "SSH_OPTION_REFUSED", "libssh refuses option {}: {}",
                 static_cast<int>(option), LibraryError(session));
  }
  return absl::OkStatus();
}

// Of what keeps from getting through the jump host. What would help with the host, such as another
// key for it, does not help here.
absl::Status OnTheWay(const std::string& name, const Endpoint& jump, const absl::Status& status) {
  if (absl::IsCancelled(status)) return status;
  const std::string by = JoinHostPort(jump.host, jump.port);
  return Error(status.code(), Reason(status), "{} is reached through {}: {}", name, by,
               Message(status))
      .With("host", by)
      .Remedy("check the machine that it is reached through");
}

// What a host that does not end the handshake has done, and for how long it was waited for.
std::string Silence(const std::string& greeting, int tries, absl::Duration waited) {
  const std::string within = fmt::format("within {:.1f} s{}", absl::ToDoubleSeconds(waited),
                                         tries == 1 ? "" : fmt::format(" ({} tries)", tries));
  if (greeting.empty()) {
    return "it accepts connections, but does not answer as an SSH server " + within;
  }
  return fmt::format("it greets as {}, but does not end the exchange of keys {}", greeting, within);
}

absl::Status Unconfirmed(const Endpoint& endpoint) {
  const std::string name = JoinHostPort(endpoint.host, endpoint.port);
  return Error(absl::StatusCode::kFailedPrecondition, "HOST_KEY_UNCONFIRMED",
               "the host key of {} was not confirmed: the password would go to whoever answers",
               name)
      .With("host", name)
      .Remedy("name the host key that it must show");
}

}  // namespace

Error Unreachable(const std::string& name, const std::string& problem) {
  return Error(absl::StatusCode::kUnavailable, "HOST_UNREACHABLE", "SSH to {} failed: {}", name,
               problem)
      .With("host", name)
      .Remedy("see that the host is up and its sshd answers: ssh -v HOST");
}

std::string LibraryError(ssh_session session) { return RemoteText(ssh_get_error(session), 500); }

int Await(ssh_session session, const Limit& limit, int again, const std::function<int()>& call) {
  // What came in time counts, however late this thread is to see it: hence the last call.
  for (bool is_last = false;;) {
    const int rc = call();
    if (rc != again || is_last) return rc;
    pollfd ready = {ssh_get_fd(session), POLLIN, 0};
    if ((ssh_get_poll_flags(session) & SSH_WRITE_PENDING) != 0) ready.events |= POLLOUT;
    poll(&ready, 1, limit.Milliseconds());
    is_last = limit.Passed();
  }
}

absl::StatusOr<int> Session::Impl::OpenWay(const Endpoint& endpoint, const Limit& limit) {
  if (endpoint.jumps.empty()) return ConnectTcp(endpoint.host, endpoint.port, limit);
  Endpoint last = endpoint.jumps.back();
  last.jumps.assign(endpoint.jumps.begin(), endpoint.jumps.end() - 1);
  auto jump = Session::Connect(last, limit.deadline(), limit.cancelled());
  if (!jump.ok()) return OnTheWay(name, last, jump.status());
  ASSIGN_OR_RETURN(relay, Relay::Open(*std::move(jump), endpoint.host, endpoint.port, limit));
  return relay->TakeNearEnd();
}

absl::StatusOr<bool> Session::Impl::TryHandshake(const Endpoint& endpoint,
                                                 const std::vector<ssh_keytypes_e>& key_types,
                                                 absl::Duration patience, const Limit& limit) {
  // An earlier try goes before the relay that it went through, and leaves its place at the host.
  session.reset();
  // A jump host has a handshake of its own.
  const absl::Duration way =
      endpoint.jumps.empty() ? kConnectTimeout : kConnectTimeout + kFirstHandshake;
  ASSIGN_OR_RETURN(const int fd, OpenWay(endpoint, limit.AtMost(way)));
  session.reset(ssh_new());
  absl::Status options = fd <= 0xFFFF  // libssh cuts the rest off.
                             ? SetOptions(session.get(), fd, endpoint, key_types)
                             : Unreachable(name, "too many open files");
  if (!options.ok()) {
    close(fd);
    return options;
  }
  // From here on libssh owns the descriptor.
  ssh_set_blocking(session.get(), 0);
  const auto handshake = [&] {
    return Await(session.get(), limit.AtMost(patience), SSH_AGAIN,
                 [this] { return ssh_connect(session.get()); });
  };
  int rc = handshake();
  // One that has begun to speak is slow, and no sooner at the end of another one.
  if (rc == SSH_AGAIN && ssh_get_serverbanner(session.get()) != nullptr) rc = handshake();
  if (rc == SSH_OK) return true;
  if (limit.Cancelled()) return absl::CancelledError("cancelled");
  if (rc == SSH_AGAIN) return false;
  return Unreachable(name, LibraryError(session.get()));
}

absl::Status Session::Impl::Handshake(const Endpoint& endpoint,
                                      const std::vector<ssh_keytypes_e>& key_types,
                                      const Limit& limit) {
  const absl::Time begin = SteadyNow();
  absl::Duration patience = kFirstHandshake;
  std::string greeting;
  // What serves one connection may hang where what serves the next one does not.
  for (int tries = 1;; ++tries, patience *= 2) {
    // A host that is slow each time is to have a try that is long enough.
    if (const auto left = limit.deadline() - SteadyNow(); left < patience * 5 / 2) patience = left;
    ASSIGN_OR_RETURN(const bool is_done, TryHandshake(endpoint, key_types, patience, limit));
    if (is_done) return CheckHostKey(endpoint.pinned_host_key);
    if (const char* words = ssh_get_serverbanner(session.get()); words != nullptr) {
      greeting = RemoteText(words, kMaxGreeting);
    }
    if (!limit.Passed()) continue;
    return Unreachable(name, Silence(greeting, tries, SteadyNow() - begin));
  }
}

absl::Status Session::Impl::CheckHostKey(const std::string& pinned) {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session.get(), &raw) != SSH_OK) {
    return Unreachable(name, "it shows no host key");
  }
  const Handle<ssh_key> shown(raw);
  host_key = KeyLine(shown.get());
  const std::string fingerprint = KeyFingerprint(shown.get());
  std::string expected = pinned;
  if (pinned.empty()) return absl::OkStatus();
  if (pinned.rfind(kFingerprintPrefix, 0) == 0) {
    if (pinned == fingerprint) return absl::OkStatus();
  } else {
    const Handle<ssh_key> key = ParseKeyLine(pinned);
    if (key == nullptr) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_HOST_KEY",
                   "the pinned host key of {} is malformed", name)
          .With("host", name)
          .Remedy("pin it again")
          .Next(v1::ACTION_UPDATE_MACHINE, {{"host_key_fingerprint", ""}});
    }
    if (ssh_key_cmp(key.get(), shown.get(), SSH_KEY_CMP_PUBLIC) == 0) return absl::OkStatus();
    expected = KeyFingerprint(key.get());
  }
  return Error(absl::StatusCode::kFailedPrecondition, "HOST_KEY_MISMATCH",
               "{} shows the host key {}, not the pinned {}; it was installed anew, or somebody "
               "else answers in its place",
               name, fingerprint, expected)
      .With("host", name)
      .With("shown", fingerprint)
      .With("pinned", expected)
      .Remedy(
          "compare it on the host itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); "
          "only if it is the same pin it, or, if the host was installed anew, replace the machine")
      .Next(v1::ACTION_UPDATE_MACHINE, {{"host_key_fingerprint", fingerprint}})
      .Next(v1::ACTION_REPLACE_MACHINE, {{"host_key_fingerprint", fingerprint}});
}

absl::Status Session::Impl::MakeEvent() {
  event.reset(ssh_event_new());
  if (ssh_event_add_session(event.get(), session.get()) != SSH_OK) return Lost();
  return absl::OkStatus();
}

absl::Status Session::Impl::Pump(absl::Time deadline) {
  const Limit limit(deadline, cancelled);
  if (limit.Cancelled()) return absl::CancelledError("cancelled");
  if (ssh_event_dopoll(event.get(), limit.Milliseconds()) != SSH_ERROR) return absl::OkStatus();
  return Lost();
}

absl::Status Session::Impl::Lost() const {
  return Error(absl::StatusCode::kUnavailable, "HOST_UNREACHABLE",
               "the SSH connection to {} broke: {}", name, LibraryError(session.get()))
      .With("host", name)
      .Remedy("see that the host and the network to it are up, then try again");
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) { ++open_sessions; }
Session::~Session() { --open_sessions; }

std::size_t Session::OpenCount() { return open_sessions; }

absl::StatusOr<std::unique_ptr<Session>> Session::Connect(const Endpoint& endpoint,
                                                          absl::Time deadline,
                                                          std::function<bool()> cancelled) {
  InitLibrary();
  if (!endpoint.password.empty() && endpoint.pinned_host_key.empty()) return Unconfirmed(endpoint);
  const Limit limit(deadline, cancelled);
  auto impl = std::make_unique<Impl>();
  impl->cancelled = std::move(cancelled);
  impl->name = JoinHostPort(endpoint.host, endpoint.port);
  impl->user = endpoint.user;
  Handle<ssh_key> key;
  if (!endpoint.private_key.empty()) {
    auto parsed = ParsePrivateKey(endpoint.private_key, endpoint.passphrase);
    if (!parsed.ok()) {
      return Annotate(parsed.status(), fmt::format("login of {} on {}", endpoint.user, impl->name));
    }
    key = *std::move(parsed);
  }
  std::vector<ssh_keytypes_e> key_types;
  if (const auto pinned = ParseKeyLine(endpoint.pinned_host_key); pinned != nullptr) {
    key_types.push_back(ssh_key_type(pinned.get()));
  }
  RETURN_IF_ERROR(impl->Handshake(endpoint, key_types, limit));
  RETURN_IF_ERROR(LogIn(impl->session.get(), endpoint, key.get(), impl->name, limit));
  RETURN_IF_ERROR(impl->MakeEvent());
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

absl::StatusOr<std::string> ScanHostKey(const Endpoint& endpoint,
                                        const std::vector<std::string>& types,
                                        absl::Time deadline) {
  InitLibrary();
  std::vector<ssh_keytypes_e> key_types;
  for (const auto& type : types) key_types.push_back(ssh_key_type_from_name(type.c_str()));
  Session::Impl impl;
  impl.name = JoinHostPort(endpoint.host, endpoint.port);
  RETURN_IF_ERROR(impl.Handshake(
      {.host = endpoint.host, .port = endpoint.port, .user = kNobody, .jumps = endpoint.jumps},
      key_types, Limit(deadline, nullptr)));
  return impl.host_key;
}

void Session::SetCancelled(std::function<bool()> cancelled) {
  impl_->cancelled = std::move(cancelled);
}

void Session::LimitOpening(absl::Duration most) { impl_->max_opening = most; }

const std::string& Session::user() const { return impl_->user; }

const std::string& Session::host_key() const { return impl_->host_key; }

}  // namespace dmgr::ssh
