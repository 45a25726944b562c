// Cleans the warehouse that several dmgrd share, and this machine's cache of it.
#ifndef DMGR_SERVER_SHARED_KEEPER_H_
#define DMGR_SERVER_SHARED_KEEPER_H_

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "server/resources/resources.h"

namespace dmgr {

// Every replica does it, each piece is done by one. Works on a thread of its own; its end waits for
// the piece that is under way.
class SharedKeeper {
 public:
  explicit SharedKeeper(const Resources* resources);
  ~SharedKeeper();
  SharedKeeper(const SharedKeeper&) = delete;
  SharedKeeper& operator=(const SharedKeeper&) = delete;

 private:
  void Run();

  const Resources* const resources_;
  std::mutex mutex_;
  std::condition_variable ending_changed_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace dmgr

#endif  // DMGR_SERVER_SHARED_KEEPER_H_
