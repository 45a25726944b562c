// A thread that runs steps one after another.
#ifndef DMGR_SERVER_ENGINE_LANE_H_
#define DMGR_SERVER_ENGINE_LANE_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace dmgr::engine {

class Lane {
 public:
  // on_idle: called about every 5 s on the lane's thread while it has nothing to do; may be empty.
  // Throws std::system_error when there are too many threads.
  explicit Lane(std::function<void()> on_idle);
  // After what it runs.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Only when what it was given before has ended, or is about to.
  void Run(std::function<void()> work);

 private:
  void Loop();

  const std::function<void()> on_idle_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> work_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_LANE_H_
