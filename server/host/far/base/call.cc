#include "server/host/far/base/call.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxQueued = 4U << 20;
constexpr milliseconds kProgressEvery{200};
constexpr milliseconds kTick{20};
// What may be on its way, and of one piece.
constexpr std::uint64_t kStreamWindow = 512U << 10;
constexpr std::size_t kMaxPiece = 64U << 10;

}  // namespace

void Output::Send(const hv1::FromHost& message) {
  const std::size_t size = message.ByteSizeLong();
  std::string frame(4 + size, '\0');
  for (std::size_t i = 0; i < 4; ++i) frame[i] = static_cast<char>(size >> (8 * i) & 0xFF);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(frame.data()) + 4);
  SendRaw(frame);
}

void Output::SendRaw(std::string_view bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    // Children die with the parent (PR_SET_PDEATHSIG).
    if (written < 0) _exit(0);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

ChunkQueue::ChunkQueue() : room_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!room_.ok()) throw SystemFailure("cannot make", "an eventfd", errno);
}

void ChunkQueue::Open(std::uint64_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  open_id_ = id;
  woken_ = false;
}

void ChunkQueue::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  open_id_ = 0;
  chunks_.clear();
  bytes_ = 0;
  eventfd_write(room_.get(), 1);
}

bool ChunkQueue::Pop(hv1::ReleaseChunk* chunk) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return woken_ || !chunks_.empty(); });
  if (woken_) return false;
  *chunk = std::move(chunks_.front());
  chunks_.pop_front();
  const bool was_full = bytes_ >= kMaxQueued;
  bytes_ -= chunk->data().size();
  if (was_full) eventfd_write(room_.get(), 1);
  return true;
}

void ChunkQueue::Push(std::uint64_t id, hv1::ReleaseChunk chunk) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (open_id_ == 0 || id != open_id_) return;
  bytes_ += chunk.data().size();
  chunks_.push_back(std::move(chunk));
  changed_.notify_one();
}

bool ChunkQueue::Full() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_ >= kMaxQueued;
}

void ChunkQueue::Wake() {
  const std::lock_guard<std::mutex> lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void ChunkQueue::ClearRoom() {
  eventfd_t count = 0;
  eventfd_read(room_.get(), &count);
}

void Call::Cancel() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    cancelled_ = true;
  }
  more_room_.notify_all();
  chunks_->Wake();
}

void Call::Taken(std::uint64_t bytes) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    taken_ = std::max(taken_, bytes);
  }
  more_room_.notify_all();
}

void Call::CheckCancelled() const {
  if (cancelled_) throw Failed(hv1::Failure::KIND_CANCELLED, "cancelled");
}

void Call::Sleep(milliseconds time) const {
  const auto until = Clock::now() + time;
  for (auto now = Clock::now(); now < until; now = Clock::now()) {
    CheckCancelled();
    std::this_thread::sleep_for(std::min<Clock::duration>(kTick, until - now));
  }
  CheckCancelled();
}

void Call::Send(hv1::FromHost message) {
  message.set_id(id_);
  output_->Send(message);
}

std::size_t Call::Room() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::uint64_t most = taken_ + kStreamWindow;
  return most > streamed_ ? static_cast<std::size_t>(most - streamed_) : 0;
}

std::size_t Call::WaitForRoom() {
  std::unique_lock<std::mutex> lock(mutex_);
  more_room_.wait(lock, [this] { return cancelled_ || taken_ + kStreamWindow > streamed_; });
  lock.unlock();
  CheckCancelled();
  return Room();
}

void Call::Stream(std::uint32_t source, std::string_view data) {
  while (!data.empty()) {
    const std::size_t size = std::min({data.size(), WaitForRoom(), kMaxPiece});
    hv1::FromHost message;
    message.mutable_piece()->set_source(source);
    message.mutable_piece()->set_data(data.data(), size);
    streamed_ += size;
    Send(std::move(message));
    data.remove_prefix(size);
  }
}

void Call::Note(std::string_view text) {
  hv1::FromHost message;
  message.mutable_note()->set_text(CleanText(text));
  Send(std::move(message));
}

void Call::Progress(std::uint64_t bytes_done) {
  const auto now = Clock::now();
  if (now - last_progress_ < kProgressEvery) return;
  last_progress_ = now;
  hv1::FromHost message;
  message.mutable_progress()->set_bytes_done(bytes_done);
  Send(std::move(message));
}

void Call::AcceptChunks() {
  chunks_->Open(id_);
  hv1::FromHost message;
  message.mutable_receive_release()->set_wanted(true);
  Send(std::move(message));
}

hv1::ReleaseChunk Call::NextChunk() {
  hv1::ReleaseChunk chunk;
  CheckCancelled();
  if (!chunks_->Pop(&chunk)) CheckCancelled();
  return chunk;
}

}  // namespace dmgr::far
