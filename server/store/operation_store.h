// Tables "operation", "operation_step" and "operation_event": the durable side of the engine.
//
// Fencing: every write of an executor names the epoch of its claim and changes no row when the
// operation's epoch is another one, or the lease has run out by the database's clock: ABORTED with
// reason LEASE_LOST.
#ifndef DMGR_SERVER_STORE_OPERATION_STORE_H_
#define DMGR_SERVER_STORE_OPERATION_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/store/database.h"
#include "server/store/seen_clusters.h"

namespace dmgr::store {

// A step as stored: its public half and what its runner needs.
struct StepRecord {
  // step_id, title, host, state, attempts, error, times, bytes, depends_on, point_of_no_return.
  v1::OperationStep step;
  // Key of the engine's registry of runners.
  std::string runner;
  // JSON, the runner's parameters.
  std::string payload_json;
  // JSON, what the runner recorded when it succeeded; "{}" before.
  std::string result_json = "{}";
  // Part of the operation's progress.
  double weight = 1;
};

struct OperationRecord {
  // Without steps. Its request_id is unique by user.
  v1::Operation operation;
  // Tells a repeat of the call that made it from a different call with the same id.
  std::string request_fingerprint;
  int plan_format = 1;
  std::uint64_t epoch = 0;
  // What succeeded has to be looked at before others rely on it.
  bool resumed = false;
  std::vector<StepRecord> steps;
};

// The identity of an executor's claim.
struct Claim {
  std::string operation_id;
  std::uint64_t epoch = 0;
};

// Inserts operation and steps, with the first event (QUEUED); a step that is SUCCEEDED was done by
// this transaction. Holds the cluster by a partial unique
// index: FAILED_PRECONDITION with reason CLUSTER_BUSY, naming the holder, when another operation
// does. supersede lets stop and destroy take the cluster from a FAILED or CANCELLED one.
absl::Status InsertOperation(Transaction& tx, const OperationRecord& record, bool supersede);
// Whether InsertOperation would be refused because of who holds the cluster, with the same error.
absl::Status CheckFree(Transaction& tx, const std::string& cluster, bool supersede);
// Of a call that is repeated; nullopt when request_id is new for the user. Until the transaction
// ends another call with the same id waits here, so that it finds what this one inserts.
absl::StatusOr<std::optional<OperationRecord>> FindByRequestId(Transaction& tx,
                                                               const std::string& user,
                                                               const std::string& request_id);
// Without request.
absl::StatusOr<OperationRecord> GetOperation(Transaction& tx, const std::string& operation_id);
// Adds the request that made it, if it is known.
absl::Status ReadRequest(Transaction& tx, v1::Operation* operation);
// result_json of one step. INTERNAL with reason STEP_MISSING when the operation has no such step.
absl::StatusOr<std::string> GetStepResult(Transaction& tx, const std::string& operation_id,
                                          const std::string& step_id);
// Newest first, without steps and request, those that match all that the request is set to (but for
// its page). before: create time and id of the last one seen; nullopt: from the newest.
absl::StatusOr<std::vector<OperationRecord>> ListOperations(
    Transaction& tx, const v1::ListOperationsRequest& filter,
    const std::optional<std::pair<absl::Time, std::string>>& before, int limit,
    const SeenClusters& seen = std::nullopt);
struct OperationsOfKind {
  v1::OperationKind kind = v1::OPERATION_KIND_UNSPECIFIED;
  v1::OperationState state = v1::OPERATION_STATE_UNSPECIFIED;
  std::int64_t count = 0;
};
// All that are on record.
absl::StatusOr<std::vector<OperationsOfKind>> CountOperations(Transaction& tx);
// Those of these, in no order, without steps and request.
absl::StatusOr<std::vector<OperationRecord>> GetOperations(
    Transaction& tx, const std::vector<std::string>& operation_ids);

// What an executor can execute, besides the kinds of operations that this build knows.
struct Abilities {
  int plan_format = 1;
  // Keys of StepRecord::runner.
  std::vector<std::string> runners;
  // Operations that are left to others.
  std::vector<std::string> except = {};
};
// Claims one operation that is QUEUED, or active with a lease that has run out; gives it the next
// epoch of the sequence, sets the lease, and turns its RUNNING steps PENDING again (with events).
// A QUEUED one becomes RUNNING (with its event); the others keep their state. Leaves those beyond
// the abilities to others, but for CANCELLING ones, of which no step begins. nullopt: none. found,
// if given, becomes the id of the one that is claimed, also when it then cannot be read.
absl::StatusOr<std::optional<OperationRecord>> ClaimOperation(Transaction& tx,
                                                              const std::string& owner,
                                                              const Abilities& abilities,
                                                              absl::Duration lease,
                                                              std::string* found = nullptr);
// Ids of those that could be claimed but for the abilities.
absl::StatusOr<std::vector<std::string>> ListBeyond(Transaction& tx, const Abilities& abilities);
absl::Status RenewLease(Transaction& tx, const Claim& claim, absl::Duration lease);
// Gives the claim back before its lease runs out, for a daemon that ends: the next one goes on at
// once. The operation's state stays.
absl::Status ReleaseClaim(Transaction& tx, const Claim& claim);
// The same for all claims of owners that are gone, as the caller can tell by their names. Counts
// these claims as lost, unless a step ends before the next is lost.
absl::Status ReleaseClaimsOf(
    Transaction& tx, const std::function<absl::StatusOr<bool>(const std::string& owner)>& is_gone);
// Ends, as FAILED with reason CRASHED_DMGRD, what nobody claims and so many claims in a row were
// lost of: whoever executes it may end by it. Their ids.
absl::StatusOr<std::vector<std::string>> ParkCrashing(Transaction& tx, int times);
// Ends one that nobody claims and that cannot be read, as FAILED with reason OPERATION_UNREADABLE.
// False when somebody claims it, or it has ended.
absl::StatusOr<bool> ParkUnreadable(Transaction& tx, const std::string& operation_id,
                                    const absl::Status& why);
// Ends all that have not ended, whoever claims them, as FAILED with reason RESTORED. How many.
absl::StatusOr<int> ParkRestored(Transaction& tx);
// OK while the claim holds, which then is so until the transaction ends.
absl::Status CheckClaim(Transaction& tx, const Claim& claim);

// The operation's state as it is now in the database (a cancel may have come in).
absl::StatusOr<v1::OperationState> GetOperationState(Transaction& tx, const Claim& claim);
// Ends the operation, with its event; nothing when the state is its own already. Gives the lease
// back; SUCCEEDED and ROLLED_BACK let go of the cluster, and ROLLED_BACK keeps the error of what
// was undone. FAILED_PRECONDITION with reason OPERATION_STATE when it cannot follow the present
// one: CANCELLED follows CANCELLING only, ROLLED_BACK follows ROLLING_BACK only.
absl::Status SetOperationState(Transaction& tx, const Claim& claim, v1::OperationState state,
                               const absl::Status& error);
struct StepChange {
  std::string step_id = {};
  v1::StepState state = v1::STEP_STATE_UNSPECIFIED;
  absl::Status error = {};
  // Only on SUCCEEDED.
  std::string result_json = "{}";
  // Progress to be stored with it, as by AddProgress.
  struct Bytes {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
  };
  std::optional<Bytes> bytes = {};
  // The step, if any, that becomes RUNNING at the same time.
  std::string next = {};
};
// Sets a step's state, with its events, in one statement. RUNNING counts an attempt; CANCELLED,
// with nothing changed, when a cancel was accepted. Whether next began: not when a cancel was
// accepted.
absl::StatusOr<bool> SetStepState(Transaction& tx, const Claim& claim, const StepChange& change);
// Keeps the greater share of bytes_done: a step that begins again takes no progress back.
absl::Status AddProgress(Transaction& tx, const Claim& claim, const std::string& step_id,
                         std::uint64_t bytes_done, std::uint64_t bytes_total);
absl::Status AddLog(Transaction& tx, const Claim& claim, const std::string& step_id,
                    v1::LogLine::Level level, const std::string& text);

// RUNNING or QUEUED becomes CANCELLING; ended ones stay as they are. FAILED_PRECONDITION while it
// is rolled back.
absl::Status RequestCancel(Transaction& tx, const std::string& operation_id);
// The next three are for operations that are FAILED or CANCELLED and hold their cluster, and
// FAILED_PRECONDITION for all others.
// Becomes QUEUED, its steps that did not succeed PENDING; or, if undoing it failed, ROLLING_BACK.
absl::Status RequestResume(Transaction& tx, const std::string& operation_id);
// Becomes ROLLING_BACK. FAILED_PRECONDITION also when a step without return was begun.
absl::Status RequestRollback(Transaction& tx, const std::string& operation_id);
// Lets go of the cluster.
absl::Status Abandon(Transaction& tx, const std::string& operation_id);

struct Pruned {
  int operations = 0;
  // There may be more to forget.
  bool more = false;
};
// What ended before is old, by the database's clock. FAILED_PRECONDITION, CLOCKS_DIFFER, when
// `now`, that of the machine, is more than a minute away: by a wrong clock everything is old.
absl::StatusOr<absl::Time> PruneBefore(Transaction& tx, absl::Time now, absl::Duration keep);
// Forgets operations that ended before a time and hold no cluster, with their steps and events, the
// oldest first: as many as have at most max_rows of these together. Of one that has more it forgets
// the oldest events, a part each time. One that a later one superseded goes before that one does.
absl::StatusOr<Pruned> PruneOperations(Transaction& tx, absl::Time ended_before, int max_rows);

// In order, after a sequence, at most limit.
absl::StatusOr<std::vector<v1::OperationEvent>> ListEvents(Transaction& tx,
                                                           const std::string& operation_id,
                                                           std::uint64_t after_sequence, int limit);

// NOTIFY channels. Payload of the first: the operation id, and kStateMark behind it when the
// operation's own state has changed.
inline constexpr char kEventChannel[] = "dmgr_operation_event";
inline constexpr char kStateMark = '!';
inline constexpr char kQueueChannel[] = "dmgr_operation_queue";

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_OPERATION_STORE_H_
