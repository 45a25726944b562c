// Tells streams that their caller is not welcome any more.
#ifndef DMGR_SERVER_RPC_SESSION_WATCH_H_
#define DMGR_SERVER_RPC_SESSION_WATCH_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "server/store/caller.h"
#include "server/store/database.h"

namespace dmgr::rpc {

// One thread and, while anybody streams, one question to the database for all callers: whenever a
// session, a token or a user's role may have gone, by whatever dmgrd, and every second.
// Thread-safe.
class SessionWatch {
 public:
  // dsn: of the same database.
  SessionWatch(store::Database* database, const std::string& dsn);
  // Nobody is called any more.
  ~SessionWatch();
  SessionWatch(const SessionWatch&) = delete;
  SessionWatch& operator=(const SessionWatch&) = delete;

  using OnEnd = std::function<void(const absl::Status& why)>;
  // on_end is called at most once, with UNAUTHENTICATED, or with ABORTED (ACCESS_CHANGED) when what
  // the caller may do has changed; never from within Add. Returns an id for Forget.
  std::uint64_t Add(const store::CallerKey& caller, OnEnd on_end);
  // on_end will not be called after this returns.
  void Forget(std::uint64_t id);

 private:
  struct Watched {
    store::CallerKey caller;
    OnEnd on_end;
  };

  void Loop();
  void Look(std::unique_lock<std::mutex>& lock);
  // Calls those of a caller that has ended.
  void TellOf(const store::EndedCaller& ended, std::unique_lock<std::mutex>& lock);

  store::Database* database_;
  std::mutex mutex_;  // Guards all below.
  std::condition_variable changed_;
  std::map<std::uint64_t, Watched> watched_;
  std::uint64_t next_id_ = 1;
  // Whose on_end is running.
  std::uint64_t calling_ = 0;
  bool stopping_ = false;
  // Something may have changed.
  bool due_ = false;
  std::thread thread_;
  // The last: its calls end first.
  store::Listener listener_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_SESSION_WATCH_H_
