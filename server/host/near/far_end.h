// The near side of the far end: starts dmgr-host on a host and calls it.
#ifndef DMGR_SERVER_HOST_NEAR_FAR_END_H_
#define DMGR_SERVER_HOST_NEAR_FAR_END_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/secret.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/host/near/link.h"
#include "server/ssh/session.h"

namespace dmgr::host {

namespace hv1 = ::dmgr::host::v1;

// The far end's program for each architecture, read once at the start of dmgrd.
struct FarEndProgram {
  // "x86_64", "aarch64" -> content of the file, the same as gzip packs it (empty: it is sent as it
  // is), its BLAKE2b-256, which names its folder on hosts too, and its SHA-256, by which a host's
  // own tools know it (both hex).
  struct Image {
    std::string content;
    std::string packed;
    std::string hash;
    std::string sha256;
  };
  std::map<std::string, Image> by_arch;

  // Files dmgr-host-<arch> (or dmgr-host for this machine's architecture) in dir.
  static absl::StatusOr<FarEndProgram> Load(const std::string& dir);
};

// How to become root on a host, or not at all.
struct RootAccess {
  // The far end runs as the login, which is not root and does not become it.
  bool without_root = false;
  // The login is root: no sudo.
  bool is_root = false;
  // Secret. Sent only when sudo's own prompt appears; empty: sudo must not ask.
  Secret sudo_password{};
};

// Called while a request is under way. All optional.
struct CallOptions {
  absl::Time deadline = absl::InfiniteFuture();
  // Polled about ten times a second; true ends the call with CANCELLED, within two seconds or so.
  // A call that is done by then returns its answer all the same; so it does at the deadline.
  std::function<bool()> cancelled{};
  // After so long without a word, be it an answer to a ping, the far end counts as lost. Longer
  // than the 30 s after which it ends itself.
  absl::Duration silence = absl::Seconds(40);
  std::function<void(const std::string& text)> on_note{};
  std::function<void(std::uint64_t bytes_done)> on_progress{};
};

// Who takes a streamed answer.
struct StreamTaker {
  // Gets each message before the last answer, in order. Must not wait.
  std::function<void(hv1::FromHost message)> take;
  // Bytes of pieces that were passed on so far: the host sends no more than kStreamWindow beyond.
  // Asked again and again meanwhile, on the thread that streams.
  std::function<std::uint64_t()> passed_on;
};
inline constexpr std::uint64_t kStreamWindow = 512U << 10;

// What far/state/fence.cc takes at worst, 42 s, and a bit: who gave up earlier would come again,
// and have to be ended itself.
inline constexpr absl::Duration kFencing = absl::Seconds(45);

// A far end that runs. One thread uses it at a time.
// Errors of Call: what the far end reports, as a status whose reason is the Failure's kind
// ("HOST_SYSTEM", "HOST_NO_SPACE", "HOST_STALE_EPOCH", "HOST_CRASH_LOOP", ...), which names the
// host and carries path, program and output as metadata; UNAVAILABLE with reason FAR_END_LOST when
// it or the connection ended, with its exit status and stderr.
class FarEnd {
 public:
  // Starts it over SSH: runs {dir}/{hash}/dmgr-host, uploads it first when it is not there. It runs
  // at the deadline; one that changes may then need kFencing more, for its predecessor to end.
  // keep, if any, gets the session when the far end has ended in order. PERMISSION_DENIED with
  // reason SUDO_REFUSED; FAILED_PRECONDITION with reason
  // ARCH_NOT_SUPPORTED, FAR_END_DIR_UNUSABLE (a noexec mount) or UNSAFE_FAR_END_DIR (others than
  // root may write there: what they put there is not run).
  static absl::StatusOr<std::unique_ptr<FarEnd>> StartOverSsh(
      std::unique_ptr<ssh::Session> session, const std::string& host_name,
      const FarEndProgram& program, const std::string& dir, const RootAccess& root,
      const hv1::Begin& begin, absl::Time deadline,
      std::function<void(std::unique_ptr<ssh::Session>)> keep = {});
  // Over any link whose other end is a far end that was just started (tests: a pipe).
  static absl::StatusOr<std::unique_ptr<FarEnd>> StartOverLink(std::unique_ptr<Link> link,
                                                               const std::string& host_name,
                                                               const hv1::Begin& begin,
                                                               absl::Time deadline);
  // Closes the channel, which ends the far end.
  ~FarEnd();
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;

  const hv1::BeginReply& begin_reply() const;

  // Sends one request and waits for its answer; keeps the far end alive meanwhile.
  absl::StatusOr<hv1::FromHost> Call(hv1::ToHost request, const CallOptions& options);

  // The same for a request that is answered by a stream: hands over its pieces, returns the last
  // answer.
  absl::StatusOr<hv1::FromHost> Stream(hv1::ToHost request, const CallOptions& options,
                                       const StreamTaker& taker);

  // ReceiveRelease and, when it is wanted, the chunks: the content of the file archive_path.
  // Returns the bytes that were sent (0: it was there).
  absl::StatusOr<std::uint64_t> SendRelease(const hv1::ReceiveRelease& request,
                                            const std::string& archive_path,
                                            const CallOptions& options);

  // The same with StoreFile: writes the file local_path, whose size the request has, on the host.
  absl::Status SendFile(const hv1::StoreFile& request, const std::string& local_path,
                        const CallOptions& options);

  // To be called at least every 10 s while there is nothing else to do. An error: it is gone.
  absl::Status KeepAlive();

 private:
  struct Impl;
  explicit FarEnd(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_FAR_END_H_
