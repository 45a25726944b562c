// Plans: what an operation will do, as data. Built by pure functions of the operations room, stored
// before anything happens, executed by the engine, which knows neither hosts nor DM.
#ifndef DMGR_SERVER_ENGINE_PLAN_H_
#define DMGR_SERVER_ENGINE_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/store/operation_store.h"

namespace dmgr::engine {

// Version of the stored form of a plan. A replica claims those of its own only. 2: parameters and
// results of steps are messages.
inline constexpr int kPlanFormat = 2;

// The smallest unit that is executed, retried and reported. Must be idempotent: it is run again
// when the daemon died while it ran.
struct Step {
  // Unique in the plan, such as "h1/release/dm-master".
  std::string id;
  // What it does, in words, such as "send dm-master v7.5.1".
  std::string title;
  // Machine it works on; steps of one host run one after another on one thread. Empty: dmgrd
  // itself; such steps run side by side.
  std::string host;
  // Key in the Registry.
  std::string runner;
  // JSON for the runner.
  std::string payload_json = "{}";
  // Ids of steps that must have succeeded before.
  std::vector<std::string> depends_on;
  // Share of the operation's progress; about its seconds.
  double weight = 1;
  // Bytes that it moves when all of them are needed; 0: none worth counting.
  std::uint64_t bytes_total = 0;
  bool point_of_no_return = false;
  // Done by the transaction that stores the plan: it never runs, but is undone like the others.
  bool done = false;
};

struct Plan {
  v1::OperationKind kind = v1::OPERATION_KIND_UNSPECIFIED;
  std::string cluster_name;
  std::string cluster_uuid;
  // Machines that it leaves out.
  std::vector<v1::SkippedMachine> skipped;
  std::vector<Step> steps;
};

// INTERNAL when ids are not unique, a dependency is unknown, or there is a cycle.
absl::Status Check(const Plan& plan);

// The plan as the store keeps it: QUEUED, a new operation id, every step PENDING.
store::OperationRecord ToRecord(const Plan& plan, const std::string& user,
                                const std::string& request_id,
                                const std::string& request_fingerprint);

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_PLAN_H_
