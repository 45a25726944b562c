// What dmgrd tells of itself and of the tasks, in numbers.
#ifndef DMGR_SERVER_METRICS_READINGS_H_
#define DMGR_SERVER_METRICS_READINGS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dmgr/v1/task_service.pb.h"

namespace dmgr::metrics {

// Operations on record of a kind ("deploy") in a state ("succeeded").
struct OperationCount {
  std::string kind;
  std::string state;
  std::int64_t count = 0;
};

// Calls of a method ("dmgr.v1.TaskService/ListTasks") that ended with a code ("OK") since the
// start; of streams: that began, or were refused.
struct CallCount {
  std::string method;
  std::string code;
  std::uint64_t count = 0;
};

// What is seen at one moment.
struct Readings {
  std::vector<v1::Task> tasks{};
  // Clusters whose DM could not be asked, and why; and those that could.
  std::map<std::string, std::string> unreached{};
  std::vector<std::string> reached{};
  // Days that the certificates of clusters with TLS last.
  std::map<std::string, double> tls_days{};
  std::vector<OperationCount> operations{};
  std::vector<CallCount> calls{};
  // SSH sessions to hosts that are open.
  std::size_t host_sessions = 0;
  // The database could be read: what is not in here is not known, else.
  bool is_complete = true;
};

}  // namespace dmgr::metrics

#endif  // DMGR_SERVER_METRICS_READINGS_H_
