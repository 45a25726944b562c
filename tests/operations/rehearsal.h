// Runs the steps of an operation one after another on one thread, and tries each.
#ifndef DMGR_TESTS_OPERATIONS_REHEARSAL_H_
#define DMGR_TESTS_OPERATIONS_REHEARSAL_H_

#include <functional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/operation_service.pb.h"
#include "tests/operations/stage.h"

namespace dmgr::test {

// The call that makes an operation.
using Ask = std::function<absl::StatusOr<v1::Operation>()>;

// Has the operation made twice.
// First up to the point of no return, if it has one, and each step is tried:
//   its runner is registered;
//   what Run changes IsDone does not find before it, and finds after it;
//   a second Run, as after a kill between the effect and its record, changes nothing more;
//   Undo takes back what Run did, a second Undo changes nothing more, and Run does it again.
// Then all of it is undone, newest first, and everything is as before the call.
// The second time all steps run, each twice, and the operation succeeds.
// Adds to runners the names of all that its plan names.
void Rehearse(Stage* stage, const Ask& ask, std::set<std::string>* runners);

// Only runs the steps, for what comes first.
void Perform(Stage* stage, const Ask& ask);

// Runs the steps until one fails, and returns its error; the operation has failed then.
absl::Status PerformToFailure(Stage* stage, const Ask& ask);

// Runners of sources.
const std::set<std::string>& RunnersOfSources();
// Of tasks, and of a rebuild; those that other operations have too are left out.
const std::set<std::string>& RunnersOfTasks();
const std::set<std::string>& RunnersOfRebuild();
// Of a restore, beside those of a rebuild on the same machines.
const std::set<std::string>& RunnersOfRestore();
// Of what gets a stuck task going.
const std::set<std::string>& RunnersOfMending();
// Of an import, a takeover and a release.
const std::set<std::string>& RunnersOfImport();
// Of other certificates; those that other operations have too are left out.
const std::set<std::string>& RunnersOfTls();
// Of TLS that is switched on or off, beside those of a rebuild.
const std::set<std::string>& RunnersOfSwitchTls();
// Runners that other tests than runners_test.cc rehearse.
std::set<std::string> RehearsedElsewhere();

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_REHEARSAL_H_
