// Programs of the stand-in on loopback ports, ended whatever happens to the test.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "http.h"
#include "tests/support/temp_dir.h"

namespace dmsim {

// A child process that dies with this object, or with the test program.
class Process {
 public:
  Process(const std::string& program, const std::vector<std::string>& arguments,
          const std::string& output_file);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  void Signal(int number);
  bool HasEnded();
  // The exit code, minus the signal that ended it, or -1000 when it still runs after the timeout.
  int Wait(milliseconds timeout);
  std::string Output() const;

 private:
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
  std::string output_file_;
};

// Polls until the condition holds. False after the timeout.
bool Eventually(milliseconds timeout, const std::function<bool()>& condition);
std::string FreeAddress();
// 1 -> m1
inline std::string MasterName(int number) {
  return std::string("m").append(std::to_string(number));
}

// A DM cluster below a temporary directory. Names are m1, m2, ... and w1, w2, ...
class TestCluster {
 public:
  const std::string& dir() const { return dir_.path(); }
  std::string Program(const std::string& name) const;
  Process& Run(const std::string& name, const std::string& program,
               const std::vector<std::string>& arguments);
  Process& process(const std::string& name) { return *processes_.at(name); }
  // Ends it, gracefully or by SIGKILL, and waits.
  int Stop(const std::string& name, int signal_number);

  // Masters that bootstrap together; `count` of them are in --initial-cluster.
  void PlanMasters(int count);
  void StartMaster(const std::string& name);
  void JoinMaster(const std::string& name, const std::string& by);
  void StartWorker(const std::string& name);
  std::vector<std::string> MasterFlags(const std::string& name);
  // Addresses are chosen when a name is first asked for.
  std::string Address(const std::string& name);
  std::string PeerAddress(const std::string& name);
  // Starts m1..mN and waits for a leader; returns its name.
  std::string Bootstrap(int count);

  HttpResult Get(const std::string& name, const std::string& target, int timeout_ms = 2000);
  nlohmann::json Json(const std::string& name, const std::string& method, const std::string& target,
                      const std::string& body = "");
  std::string Leader(const std::string& by);
  // {name: master} or {name: worker} as the member list shows them.
  std::map<std::string, nlohmann::json> Members(const std::string& by, const std::string& kind);
  std::string Stage(const std::string& by, const std::string& worker);
  // {"result": ..., "msg": ...}
  nlohmann::json Delete(const std::string& by, const std::string& kind, const std::string& name);

 private:
  dmgr::test::TempDir dir_;
  std::map<std::string, std::unique_ptr<Process>> processes_;
  std::map<std::string, std::string> addresses_;
  std::string initial_cluster_;
  std::string first_masters_;
};

}  // namespace dmsim
