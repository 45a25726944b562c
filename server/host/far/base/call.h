// The request under way, as an action sees it.
#ifndef DMGR_SERVER_HOST_FAR_BASE_CALL_H_
#define DMGR_SERVER_HOST_FAR_BASE_CALL_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "dmgr/host/v1/host.pb.h"
#include "server/host/far/base/clock.h"
#include "server/host/far/base/fd.h"

namespace dmgr::far {

namespace hv1 = ::dmgr::host::v1;

// Frames to dmgrd. Any thread.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  // Ends the far end when nobody reads any more.
  void Send(const hv1::FromHost& message);
  void SendRaw(std::string_view bytes);

 private:
  const int fd_;
  std::mutex mutex_;
};

// Chunks of a release on their way from the reader to the worker; bounded, so that the channel's
// own flow control holds the sender back.
class ChunkQueue {
 public:
  ChunkQueue();

  // Worker.
  void Open(std::uint64_t id);
  void Close();
  // Waits for the next chunk; false when woken by Wake() before there was one.
  bool Pop(hv1::ReleaseChunk* chunk);

  // Reader. Chunks that nobody waits for are dropped.
  void Push(std::uint64_t id, hv1::ReleaseChunk chunk);
  bool Full();
  void Wake();
  // Becomes readable when there is room again.
  int room_fd() const { return room_.get(); }
  void ClearRoom();

 private:
  Fd room_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<hv1::ReleaseChunk> chunks_;
  std::size_t bytes_ = 0;
  std::uint64_t open_id_ = 0;  // 0: closed.
  bool woken_ = false;
};

// Used by the worker's thread only, but for Cancel and Taken.
class Call {
 public:
  Call(std::uint64_t id, Output* output, ChunkQueue* chunks)
      : id_(id), output_(output), chunks_(chunks) {}

  std::uint64_t id() const { return id_; }
  void Cancel();
  // So many bytes of pieces were passed on.
  void Taken(std::uint64_t bytes);
  bool Cancelled() const { return cancelled_; }
  // Throws CANCELLED when it is.
  void CheckCancelled() const;
  // Sleeps, throws when cancelled.
  void Sleep(milliseconds time) const;

  void Note(std::string_view text);
  // At most five a second are sent.
  void Progress(std::uint64_t bytes_done);
  // Tells dmgrd to send the chunks; to be followed by NextChunk until one has end set.
  void AcceptChunks();
  hv1::ReleaseChunk NextChunk();
  // Chunks that still come are dropped.
  void RefuseChunks() { chunks_->Close(); }

  // Not the last answer; gets the request's id.
  void Send(hv1::FromHost message);
  // How many bytes of pieces may be sent now.
  std::size_t Room() const;
  // Sends pieces as there is room for them, and waits for it. Throws CANCELLED.
  void Stream(std::uint32_t source, std::string_view data);

 private:
  // At least one byte. Throws CANCELLED.
  std::size_t WaitForRoom();

  const std::uint64_t id_;
  Output* const output_;
  ChunkQueue* const chunks_;
  std::atomic<bool> cancelled_ = false;
  Clock::time_point last_progress_;
  std::uint64_t streamed_ = 0;
  mutable std::mutex mutex_;  // Guards taken_, and the waking by Cancel.
  std::condition_variable more_room_;
  std::uint64_t taken_ = 0;
};

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_CALL_H_
