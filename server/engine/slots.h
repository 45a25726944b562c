// The global cap of steps under way, shared fairly by the running operations.
#ifndef DMGR_SERVER_ENGINE_SLOTS_H_
#define DMGR_SERVER_ENGINE_SLOTS_H_

#include <functional>
#include <list>
#include <mutex>

namespace dmgr::engine {

// Thread-safe. Must outlive its clients.
class Slots {
 public:
  explicit Slots(int count) : free_(count) {}

  // One per operation: those that wait are served in turn, one slot each time. Its methods are for
  // one thread.
  class Client {
   public:
    // on_free: called from any thread when a slot is kept for this client, which Take then gives.
    Client(Slots* slots, std::function<void()> on_free);
    // All slots taken must have been given back.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // False: none is free; this client waits in the queue.
    bool Take();
    void Give();
    // Waits no longer; a slot that is kept for it goes to the next.
    void Leave();

   private:
    friend class Slots;
    Slots* slots_;
    const std::function<void()> on_free_;
    bool waiting_ = false;
    bool kept_ = false;
  };

 private:
  // Keeps free slots for those who wait. With the lock held.
  void Serve();

  std::mutex mutex_;  // Guards all below, and the clients' flags.
  int free_;
  std::list<Client*> queue_;
};

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_SLOTS_H_
