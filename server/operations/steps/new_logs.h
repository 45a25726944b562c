// What instances on the host of a step have written since a moment, and what follows from it.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_NEW_LOGS_H_
#define DMGR_SERVER_OPERATIONS_STEPS_NEW_LOGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/diagnosis/diagnosis.h"
#include "server/engine/runner.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace hv1 = ::dmgr::host::v1;

// Where the logs of instances ended at a moment.
struct LogMarks {
  std::uint64_t time_us = 0;
  // By path.
  std::map<std::string, hv1::FileMark> files;
};

// Where they end now; to be taken right before a start.
absl::StatusOr<LogMarks> MarkLogs(engine::StepContext& context,
                                  const std::vector<const topology::Instance*>& instances);

// Why an instance does not run, from all that it, its shell and systemd have said since. What the
// host does not tell is left out.
diagnosis::Diagnosis DiagnoseSince(engine::StepContext& context, const topology::Instance& instance,
                                   const LogMarks& since, int exit_status);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_NEW_LOGS_H_
