// A file descriptor that is closed.
#ifndef DMGR_SERVER_HOST_FAR_BASE_FD_H_
#define DMGR_SERVER_HOST_FAR_BASE_FD_H_

#include <unistd.h>

#include <utility>

namespace dmgr::far {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { Close(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd_;
};

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_FD_H_
