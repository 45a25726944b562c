#include "server/host/far/server.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "server/host/far/base/call.h"
#include "server/host/far/base/context.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/dispatch.h"

namespace dmgr::far {
namespace {

constexpr char kHello[] = "DMGR-HOST/1\n";
constexpr std::size_t kMaxFrame = 16U << 20;
constexpr std::size_t kHeader = 4;
constexpr milliseconds kSilence{30000};
constexpr int kProtocolError = 3;

class Server {
 public:
  Server(const std::string& root_dir, std::optional<Login> login)
      : tree_(root_dir, std::move(login)), programs_(&tree_) {}

  [[noreturn]] void Run();

 private:
  // Reader.
  void ReadSome();
  void TakeFrame();
  void Take(hv1::ToHost message);
  void Begin(hv1::ToHost message);
  [[noreturn]] void End(int status);
  [[noreturn]] void ProtocolError(const char* text);

  [[noreturn]] void Work();

  const Tree tree_;
  Programs programs_;
  Output output_{STDOUT_FILENO};
  ChunkQueue chunks_;
  Session session_;  // The worker's.

  // The frame that is being read; the header comes first.
  std::string frame_ = std::string(kHeader, '\0');
  std::size_t have_ = 0;
  Clock::time_point last_heard_ = Clock::now();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<hv1::ToHost> next_;
  // The request under way; null when dmgrd may send the next.
  std::shared_ptr<Call> call_;
};

void Server::End(int status) {
  programs_.KillRunning();
  _exit(status);
}

void Server::ProtocolError(const char* text) {
  std::fprintf(stderr, "dmgr-host: %s\n", text);
  End(kProtocolError);
}

void Server::Begin(hv1::ToHost message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (call_ != nullptr) ProtocolError("a request came while another one was under way");
  call_ = std::make_shared<Call>(message.id(), &output_, &chunks_);
  next_ = std::move(message);
  arrived_.notify_one();
}

void Server::Take(hv1::ToHost message) {
  switch (message.body_case()) {
    case hv1::ToHost::kPing: {
      hv1::FromHost pong;
      pong.mutable_pong();
      return output_.Send(pong);
    }
    case hv1::ToHost::kCancel: {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (call_ != nullptr && call_->id() == message.id()) call_->Cancel();
      return;
    }
    case hv1::ToHost::kTaken: {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (call_ != nullptr && call_->id() == message.id()) call_->Taken(message.taken().bytes());
      return;
    }
    case hv1::ToHost::kReleaseChunk:
      chunks_.Push(message.id(), std::move(*message.mutable_release_chunk()));
      return;
    default:
      Begin(std::move(message));
  }
}

void Server::TakeFrame() {
  std::size_t size = 0;
  for (std::size_t i = 0; i < kHeader; ++i) {
    size |= static_cast<std::size_t>(static_cast<unsigned char>(frame_[i])) << (8 * i);
  }
  if (size > kMaxFrame) ProtocolError("a frame is too big");
  if (frame_.size() < kHeader + size) {
    frame_.resize(kHeader + size);
    return;
  }
  hv1::ToHost message;
  if (!message.ParseFromArray(frame_.data() + kHeader, static_cast<int>(size))) {
    ProtocolError("a frame holds no message");
  }
  frame_.resize(kHeader);
  have_ = 0;
  Take(std::move(message));
}

void Server::ReadSome() {
  const ssize_t got = read(STDIN_FILENO, frame_.data() + have_, frame_.size() - have_);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) End(0);
  last_heard_ = Clock::now();
  have_ += static_cast<std::size_t>(got);
  if (have_ == frame_.size()) TakeFrame();
}

void Server::Run() {
  output_.SendRaw(kHello);
  std::thread([this] { Work(); }).detach();
  while (true) {
    const bool full = chunks_.Full();
    pollfd fds[] = {{STDIN_FILENO, static_cast<short>(full ? 0 : POLLIN), 0},
                    {chunks_.room_fd(), POLLIN, 0}};
    const auto left =
        std::chrono::duration_cast<milliseconds>(last_heard_ + kSilence - Clock::now());
    const int ready = poll(fds, 2, std::max<int>(static_cast<int>(left.count()), 0) + 1);
    if (ready < 0 && errno != EINTR) ProtocolError("cannot wait for input");
    if (ready > 0 && (fds[1].revents & POLLIN) != 0) chunks_.ClearRoom();
    if (ready > 0 && (fds[0].revents & POLLIN) != 0) {
      ReadSome();
    } else if (ready > 0 && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
      End(0);
    }
    // What cannot be read for lack of room is no silence.
    if (full) last_heard_ = Clock::now();
    if (Clock::now() - last_heard_ > kSilence) End(0);
  }
}

void Server::Work() {
  while (true) {
    hv1::ToHost request;
    std::shared_ptr<Call> call;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      arrived_.wait(lock, [this] { return next_.has_value(); });
      request = std::move(*next_);
      next_.reset();
      call = call_;
    }
    Context context{tree_, programs_, session_, *call};
    const hv1::FromHost reply = Answer(context, request);
    call->RefuseChunks();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      call_ = nullptr;
    }
    output_.Send(reply);
  }
}

}  // namespace

void Serve(const std::string& root_dir, const std::string& home) {
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  try {
    std::optional<Login> login;
    if (!home.empty()) login = Login{{geteuid(), getegid()}, home};
    Server(root_dir, std::move(login)).Run();
  } catch (const Failed& failed) {
    std::fprintf(stderr, "dmgr-host: %s\n", failed.message().text().c_str());
    _exit(1);
  }
}

}  // namespace dmgr::far
