// What the tests of the API share: one dmgrd, users of every role, clusters without real hosts.
#ifndef DMGR_TESTS_RPC_FIXTURE_H_
#define DMGR_TESTS_RPC_FIXTURE_H_

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "common/error.h"
#include "google/rpc/status.pb.h"
#include "server/store/database.h"
#include "tests/store/samples.h"
#include "tests/support/api_client.h"
#include "tests/support/daemon.h"
#include "tests/support/eventually.h"

namespace dmgr::testing {

// The daemon that all tests of this program share; a test leaves it serving.
TestDaemon& Daemon();
// Where it serves its page, on 127.0.0.1.
int PagePort();
// Its database, behind its back.
store::Database& Db();
// The first column of the first row.
std::string Sql(const std::string& statement);

// A new session of a user with this role: "a-viewer", "an-operator" or "an-admin", whose password
// is the admin's. Negative seconds: one that has expired.
std::string NewSession(v1::Role role, int seconds = 3600);
// A user of that name with the admin's password; one that is there stays as it is.
void AddUser(const std::string& name, v1::Role role);
// The same with all that the user has but the password.
void AddUser(const v1::User& user);
// A new session of this user.
std::string NewSessionOf(const std::string& user, int seconds = 3600);
// A new API token. Negative seconds: one that has expired.
std::string NewApiToken(const v1::Token& token, int seconds = 3600);
// A role for this cluster alone.
v1::Grant GrantOf(v1::Role role, const std::string& cluster);

// What a call's status carries in grpc-status-details-bin; fails when that is no google.rpc.Status
// with the same code and message.
google::rpc::Status DetailsOf(const grpc::Status& status);
// The detail of this type; fails when there is none.
template <typename Detail>
Detail DetailOf(const grpc::Status& status) {
  Detail detail;
  const auto all = DetailsOf(status);
  for (const auto& any : all.details()) {
    if (any.UnpackTo(&detail)) return detail;
  }
  FAIL("no " << Detail::descriptor()->full_name() << " in " << all.ShortDebugString());
  return detail;
}

// A TCP port on loopback that accepts and says nothing, as a host that hangs.
class SilentHost {
 public:
  SilentHost();
  ~SilentHost() { Close(); }
  SilentHost(const SilentHost&) = delete;
  SilentHost& operator=(const SilentHost&) = delete;
  int port() const { return port_; }
  // From now on connections are refused, and those that are open break.
  void Close();

 private:
  int fd_ = -1;
  int port_ = 0;
};

// A cluster in the record, UP, with one dm-master on a machine of its own that nobody reaches.
void AddCluster(const std::string& name);
// The same with this host. dmgr has changed it before, so that a destroy has work there.
void AddCluster(const std::string& name, const SilentHost& host);

// A stop of this cluster, planned as if its host had answered then: it runs until the host is
// closed, and fails.
v1::Operation BeginStop(const std::string& cluster);

// An operation as GetOperation tells it.
v1::Operation GetOperation(const std::string& id);
// Waits until it has ended.
v1::Operation AwaitEnd(const std::string& id, std::chrono::seconds limit = std::chrono::minutes(2));

// A call as the admin that must succeed.
template <typename Stub, typename Request, typename Response>
Response MustCall(Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request) {
  Response response;
  REQUIRE_OK(Daemon().Admin().Call(stub, method, request, &response));
  return response;
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_RPC_FIXTURE_H_
