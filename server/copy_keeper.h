// Looks every minute, and after each operation, at what the dm-masters of each cluster keep, and
// keeps a copy of what is new.
#ifndef DMGR_SERVER_COPY_KEEPER_H_
#define DMGR_SERVER_COPY_KEEPER_H_

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "server/resources/resources.h"

namespace dmgr {

// Of several dmgrd of one database one looks at a cluster. Works on a thread of its own; its end
// waits for that, which ends what it has begun at once.
class CopyKeeper {
 public:
  explicit CopyKeeper(const Resources* resources);
  ~CopyKeeper();
  CopyKeeper(const CopyKeeper&) = delete;
  CopyKeeper& operator=(const CopyKeeper&) = delete;

 private:
  void Run();
  void LookAtAll();

  const Resources* const resources_;
  std::mutex mutex_;
  std::condition_variable ending_changed_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace dmgr

#endif  // DMGR_SERVER_COPY_KEEPER_H_
