// Blocking TCP with deadlines, without name services: a static program must not load NSS modules.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dmsim {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct HostPort {
  std::string host;  // without the brackets of an IPv6 literal
  std::uint16_t port = 0;
};

// An owned file descriptor of a socket.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.Release()) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { Close(); }

  int fd() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release();
  void Close();

 private:
  int fd_ = -1;
};

// "h:1", ":1", "[::1]:1", "http://h:1/" -> host and port. False when there is no valid port.
bool ParseHostPort(std::string_view text, HostPort* out);
std::vector<std::string> Split(std::string_view text, char separator);

// An invalid socket and *error on failure; the error reads like Go's ("bind: address already in
// use").
Socket ListenTcp(const std::string& address, std::string* error);
Socket ConnectTcp(const std::string& address, milliseconds timeout, std::string* error);

bool SendAll(int fd, std::string_view data, Clock::time_point deadline);
// Appends what is there to *buffer. False at the end of the stream, on an error or at the deadline.
bool ReceiveSome(int fd, std::string* buffer, Clock::time_point deadline);
// Whether what comes first is `text`, all of it; nothing is taken away.
bool BeginsWith(int fd, std::string_view text, Clock::time_point deadline);
// True when the other side has closed the connection.
bool PeerHasGone(int fd);

}  // namespace dmsim
