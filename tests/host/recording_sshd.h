// An SSH server that takes any password and remembers it: what a stranger does who answers in a
// host's place.
#ifndef DMGR_TESTS_HOST_RECORDING_SSHD_H_
#define DMGR_TESTS_HOST_RECORDING_SSHD_H_

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace dmgr::testing {

class RecordingSshd {
 public:
  // methods: of libssh, that it offers (SSH_AUTH_METHOD_...). mute: in so many connections, the
  // first ones, it does not answer when a channel is asked for, as a host without air.
  explicit RecordingSshd(int methods, int mute = 0);
  ~RecordingSshd();
  RecordingSshd(const RecordingSshd&) = delete;
  RecordingSshd& operator=(const RecordingSshd&) = delete;

  int port() const { return port_; }
  // "SHA256:..."
  const std::string& fingerprint() const { return fingerprint_; }
  // What came to it that belongs to a login: "none", "password hunter2", "answer hunter2"; and
  // "command" for each that was to be run, which fails.
  std::vector<std::string> Heard() const;
  // How often somebody connected.
  int Connections() const;

 private:
  void Serve();
  void ServeOne(int fd, bool is_mute);
  void Hear(const std::string& what);

  const int methods_;
  const int mute_;
  test::TempDir dir_;
  std::string key_file_;
  std::string fingerprint_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> heard_;
  int connections_ = 0;
  std::thread thread_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_HOST_RECORDING_SSHD_H_
