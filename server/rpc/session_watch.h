// Tells streams that the session of their caller has ended.
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
#include "server/store/database.h"

namespace dmgr::rpc {

// One thread and, every two seconds while anybody streams, one question to the database for all
// sessions, also of those that another dmgrd ended. Thread-safe.
class SessionWatch {
 public:
  explicit SessionWatch(store::Database* database);
  // Nobody is called any more.
  ~SessionWatch();
  SessionWatch(const SessionWatch&) = delete;
  SessionWatch& operator=(const SessionWatch&) = delete;

  using OnEnd = std::function<void(const absl::Status& why)>;
  // on_end is called at most once, with UNAUTHENTICATED, never from within Add. Returns an id for
  // Forget.
  std::uint64_t Add(const std::string& token_hash, OnEnd on_end);
  // on_end will not be called after this returns.
  void Forget(std::uint64_t id);

 private:
  struct Watched {
    std::string token_hash;
    OnEnd on_end;
  };

  void Loop();
  void Look(std::unique_lock<std::mutex>& lock);

  store::Database* database_;
  std::mutex mutex_;  // Guards all below.
  std::condition_variable changed_;
  std::map<std::uint64_t, Watched> watched_;
  std::uint64_t next_id_ = 1;
  // Whose on_end is running.
  std::uint64_t calling_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_SESSION_WATCH_H_
