// A far end over pipes, on a root directory of its own.
#ifndef DMGR_TESTS_HOST_FAR_PROCESS_H_
#define DMGR_TESTS_HOST_FAR_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "tests/support/temp_root.h"

namespace dmgr::test {

namespace hv1 = ::dmgr::host::v1;

// Asks again every few milliseconds.
bool WaitFor(const std::function<bool()>& condition,
             std::chrono::milliseconds timeout = std::chrono::seconds(10));

class FarProcess {
 public:
  // home: of a login without root.
  explicit FarProcess(const TempRoot& root, const std::string& program = DMGR_FAR_PROGRAM,
                      const std::string& home = {});
  ~FarProcess();
  FarProcess(const FarProcess&) = delete;
  FarProcess& operator=(const FarProcess&) = delete;

  pid_t pid() const { return pid_; }
  std::string TakeHello();
  void SendRaw(const std::string& bytes) const;
  void Send(const hv1::ToHost& message) const;
  // nullopt at the end of its output.
  std::optional<hv1::FromHost> Receive();
  // Sends with the next id and waits for the last answer; keeps notes and progress.
  hv1::FromHost Call(hv1::ToHost request);
  std::uint64_t last_id() const { return id_; }
  // Since the last Call.
  int progress_messages() const { return progress_; }

  hv1::FromHost Begin(const std::string& cluster, std::uint64_t epoch,
                      std::uint64_t start_number = 1, const std::vector<std::string>& units = {});

  void CloseInput();
  // Waits for its end; -signal when one killed it.
  int ExitStatus();
  bool Ended();

 private:
  bool ReadExactly(char* data, std::size_t size) const;

  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::optional<int> status_;
  std::uint64_t id_ = 0;
  int progress_ = 0;
};

inline constexpr char kClusterA[] = "0a0a0a0a-0000-4000-8000-00000000000a";
inline constexpr char kClusterB[] = "0b0b0b0b-0000-4000-8000-00000000000b";

}  // namespace dmgr::test

#endif  // DMGR_TESTS_HOST_FAR_PROCESS_H_
