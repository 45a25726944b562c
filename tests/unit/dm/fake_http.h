// An HTTP server for the tests of what dmgrd asks DM's processes.
#ifndef DMGR_TESTS_UNIT_DM_FAKE_HTTP_H_
#define DMGR_TESTS_UNIT_DM_FAKE_HTTP_H_

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace dmgr {

inline absl::Time In(double seconds) { return absl::Now() + absl::Seconds(seconds); }

struct Answer {
  int status = 200;
  std::string body;
  std::string header;  // One more, with its line end.
  bool hang = false;   // Never answer.
  bool close = false;  // Close the connection after the answer, without saying so.
};

// An HTTP server on loopback that plays answers by "METHOD path" and keeps what it was asked.
class FakeServer {
 public:
  FakeServer() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(listener_ >= 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_, 16) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    address_ = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
    stop_ = eventfd(0, 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeServer() { Stop(); }

  void Stop() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    CHECK(write(stop_, &one, sizeof one) == sizeof one);
    thread_.join();
    close(listener_);
    close(stop_);
  }

  const std::string& address() const { return address_; }
  std::string Url(const std::string& path) const { return "http://" + address_ + path; }

  void On(const std::string& request, Answer answer) {
    std::lock_guard lock(mutex_);
    answers_[request] = std::move(answer);
  }
  // "METHOD path body" each, and forgets them.
  std::vector<std::string> Asked() {
    std::lock_guard lock(mutex_);
    return std::exchange(asked_, {});
  }
  int connections() const { return connections_; }

 private:
  void Serve() {
    std::map<int, std::string> input;
    while (true) {
      std::vector<pollfd> waits = {{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const auto& [fd, text] : input) waits.push_back({fd, POLLIN, 0});
      poll(waits.data(), waits.size(), -1);
      if (waits[0].revents != 0) break;
      if (waits[1].revents != 0) {
        input[accept(listener_, nullptr, nullptr)] = "";
        ++connections_;
      }
      for (std::size_t i = 2; i < waits.size(); ++i) {
        if (waits[i].revents == 0 || Read(waits[i].fd, &input[waits[i].fd])) continue;
        close(waits[i].fd);
        input.erase(waits[i].fd);
      }
    }
    for (const auto& [fd, text] : input) close(fd);
  }

  // False when the connection is to be closed.
  bool Read(int fd, std::string* input) {
    char buffer[4096];
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got <= 0) return false;
    input->append(buffer, static_cast<std::size_t>(got));
    const std::size_t end = input->find("\r\n\r\n");
    if (end == std::string::npos) return true;
    const std::size_t length_at = input->find("Content-Length: ");
    const std::size_t length =
        length_at < end ? std::stoul(input->substr(length_at + 16)) : std::size_t{0};
    if (input->size() < end + 4 + length) return true;
    const std::string request = input->substr(0, input->find(" HTTP/"));
    const Answer answer = Find(request, input->substr(end + 4, length));
    input->clear();
    if (answer.hang) return true;
    const std::string reply =
        fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", answer.status,
                    answer.body.size(), answer.header, answer.body);
    std::size_t sent = 0;
    while (sent < reply.size()) {
      const ssize_t wrote = send(fd, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
      if (wrote <= 0) return false;
      sent += static_cast<std::size_t>(wrote);
    }
    return !answer.close;
  }

  Answer Find(const std::string& request, const std::string& body) {
    std::lock_guard lock(mutex_);
    asked_.push_back(body.empty() ? request : request + " " + body);
    const auto it = answers_.find(request);
    return it == answers_.end() ? Answer{404, "404 page not found\n", "", false, false}
                                : it->second;
  }

  int listener_ = -1;
  int stop_ = -1;
  std::string address_;
  std::thread thread_;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<std::string> asked_;
};

}  // namespace dmgr

#endif  // DMGR_TESTS_UNIT_DM_FAKE_HTTP_H_
