// Watching an operation to its end.
#ifndef DMGR_CLIENT_PROGRESS_WATCH_H_
#define DMGR_CLIENT_PROGRESS_WATCH_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/environment.h"
#include "dmgr/v1/operation_service.pb.h"

namespace dmgr::client {

// Shows the operation until it has ended: redrawn on a live terminal, a line an event otherwise,
// with -o json one event a line, with -o yaml one a document. Survives a restart of dmgrd. Ctrl-C
// stops watching, not the operation, and says how to come back; so does the end of the time that
// was given for it. kDone when it ends as wanted, else kFailed.
absl::StatusOr<ExitCode> Watch(Environment& environment, const std::string& operation_id,
                               std::uint64_t after_sequence,
                               v1::OperationState wanted = v1::OPERATION_STATE_SUCCEEDED,
                               absl::Time until = absl::InfiniteFuture());

// The steps of a plan, for --dry-run.
std::string PlanText(const v1::Operation& operation);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_PROGRESS_WATCH_H_
