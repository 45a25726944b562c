// SSH to a host, through libssh. No type of libssh leaves this room.
#ifndef DMGR_SERVER_SSH_SESSION_H_
#define DMGR_SERVER_SSH_SESSION_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/secret.h"

namespace dmgr::ssh {

// Where and as whom to log in.
struct Endpoint {
  std::string host{};
  int port = 22;
  std::string user{};
  // Secrets. A private key (OpenSSH or PEM text) is tried first, then the password (as "password"
  // and as a single "keyboard-interactive" prompt), which needs a pinned host key.
  Secret private_key{};
  Secret passphrase{};
  Secret password{};
  // "ssh-ed25519 AAAA..." or "SHA256:...": the only key that is accepted; nothing secret is sent to
  // a host with another one. Empty: any, for the first contact; read it from host_key() afterwards.
  std::string pinned_host_key{};
  // Hosts to go through, the nearest first, each with its own login and key; empty: directly. The
  // last one looks up the host's name. They see nothing of the session but its ciphertext.
  std::vector<Endpoint> jumps{};

  bool operator==(const Endpoint&) const = default;
};

// "SHA256:..." of a host key line, as ssh-keygen -l prints it. Empty for a malformed line.
std::string Fingerprint(const std::string& host_key);

// The key that an SSH server proves to have, "ssh-ed25519 AAAA...": one of `types`, which come
// first, if it has any of them. Nothing of a login is sent but to the jumps. Errors as of
// Session::Connect.
absl::StatusOr<std::string> ScanHostKey(const Endpoint& endpoint,
                                        const std::vector<std::string>& types, absl::Time deadline);

// A new ed25519 key pair: private key in OpenSSH format, public key as one line with `comment`.
struct KeyPair {
  Secret private_key;
  std::string public_key;
};
absl::StatusOr<KeyPair> GenerateKeyPair(const std::string& comment);

class Channel;

// A connected, authenticated session. One thread uses a session and its channels: libssh is not
// thread-safe within a session.
// Errors: UNAVAILABLE when the host cannot be reached or the connection breaks (reason
// HOST_UNREACHABLE), FAILED_PRECONDITION with reason HOST_KEY_MISMATCH or, for a password without a
// pinned host key, HOST_KEY_UNCONFIRMED (nothing was sent then), UNAUTHENTICATED with reason
// SSH_LOGIN_REFUSED, INVALID_ARGUMENT with reason BAD_PRIVATE_KEY; each names host and port.
// A channel that is not opened in time is UNAVAILABLE with reason SSH_NO_CHANNEL: nothing was
// started for it. CANCELLED when `cancelled`, which is asked several times a second, says so.
class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> Connect(const Endpoint& endpoint,
                                                          absl::Time deadline,
                                                          std::function<bool()> cancelled = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // From here on this one is asked instead; empty: none, the users of the channels look after that.
  void SetCancelled(std::function<bool()> cancelled);
  // From here on a channel is waited for no longer than this, however late its deadline is.
  void LimitOpening(absl::Duration most);
  // Whether the host's sshd still answers: opens a channel and closes it. After an error the
  // session is of no use any more.
  absl::Status Probe(absl::Time deadline);
  // The key that the host showed, "ssh-ed25519 AAAA...".
  const std::string& host_key() const;
  // As whom it has logged in.
  const std::string& user() const;
  // Of the whole program, those that are there now.
  static std::size_t OpenCount();
  // Starts a command (sshd gives it to the user's login shell: pass only fixed words and validated
  // paths). After an error the session is of no use any more. The session must outlive the channel.
  absl::StatusOr<std::unique_ptr<Channel>> Exec(const std::string& command, absl::Time deadline);

 private:
  friend class Channel;
  friend class Relay;
  friend absl::StatusOr<std::string> ScanHostKey(const Endpoint& endpoint,
                                                 const std::vector<std::string>& types,
                                                 absl::Time deadline);
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// stdin, stdout and stderr of a remote command.
// Errors: DEADLINE_EXCEEDED with reason SSH_TIMEOUT; UNAVAILABLE with reason HOST_UNREACHABLE when
// the connection broke, and REMOTE_COMMAND_ENDED, with exit status and stderr, when the command
// ended while it should take input.
class Channel {
 public:
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Writes all of data to stdin.
  absl::Status Write(std::string_view data, absl::Time deadline);
  // Writes a part of data, at least one byte; returns how many. After DEADLINE_EXCEEDED nothing was
  // written and it may be tried again.
  absl::StatusOr<std::size_t> WriteSome(std::string_view data, absl::Time deadline);
  // Reads what is there of stdout, at least one byte. 0: end of file. DEADLINE_EXCEEDED when
  // nothing came in time. stderr is collected on the way.
  absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size, absl::Time deadline);
  // Returns when stdout has something to read, stderr_text() changed, the command ended, or at the
  // deadline, which is no error.
  absl::Status Wait(absl::Time deadline);
  absl::Status CloseStdin();
  // The last 16 KiB of stderr so far.
  const std::string& stderr_text() const;
  // Waits for the end; stdout is thrown away meanwhile. A command that was ended by a signal has
  // 128 + the number.
  absl::StatusOr<int> ExitStatus(absl::Time deadline);

 private:
  friend class Session;
  struct Impl;
  explicit Channel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::ssh

#endif  // DMGR_SERVER_SSH_SESSION_H_
