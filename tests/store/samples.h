// Records that are right in every part, for tests to change.
#ifndef DMGR_TESTS_STORE_SAMPLES_H_
#define DMGR_TESTS_STORE_SAMPLES_H_

#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/store/cluster_store.h"
#include "server/store/machine_store.h"
#include "server/store/operation_store.h"
#include "server/store/package_store.h"
#include "server/store/user_store.h"
#include "tests/support/postgres.h"

// As Catch's REQUIRE, with the status in the failure's text.
#define REQUIRE_OK(expression)                           \
  do {                                                   \
    const absl::Status& status_seen = (expression);      \
    INFO(#expression << ": " << status_seen.ToString()); \
    REQUIRE(status_seen.ok());                           \
  } while (false)

namespace dmgr::store {

v1::Package SamplePackage(const std::string& version);
MachineRecord SampleMachine(const std::string& id);
// An operator.
UserRecord SampleUser(const std::string& name);
// One dm-master on machine h1, port `port`, peer port `port` + 30, below /dm/NAME.
ClusterRecord SampleCluster(const std::string& name, int port);
// QUEUED, steps "a" (weight 1) and "b" (weight 3, 100 bytes, after a).
OperationRecord SampleOperation(const std::string& cluster);
// What SampleOperation needs of its executor.
const Abilities& SampleAbilities();
// Stores one; its id.
std::string InsertOne(Database& database, const std::string& cluster = "c1");

// Inserts package v7.5.1 and machine h1 with identity "id-h1".
void InsertBasics(Database& database);

// The value that work returns, in a transaction that must succeed.
template <typename F>
auto Get(Database& database, const F& work) {
  using Value = typename decltype(work(std::declval<Transaction&>()))::value_type;
  std::optional<Value> value;
  REQUIRE_OK(database.Transact([&](Transaction& tx) -> absl::Status {
    auto result = work(tx);
    if (!result.ok()) return result.status();
    value = *std::move(result);
    return absl::OkStatus();
  }));
  return *value;
}

OperationRecord Operation(Database& database, const std::string& id);
// Claims what must be there to claim.
OperationRecord ClaimOne(Database& database, absl::Duration lease, Claim* claim);
absl::Status SetStep(Database& database, const Claim& claim, const std::string& step,
                     v1::StepState state, const std::string& result = "{}");
// All events; checks that they are numbered 1, 2, 3, ...
std::vector<v1::OperationEvent> Events(Database& database, const std::string& id);

}  // namespace dmgr::store

#endif  // DMGR_TESTS_STORE_SAMPLES_H_
