#include "tests/rpc/fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "server/auth/secret_box.h"
#include "server/auth/tokens.h"
#include "server/clusters/host_before.h"
#include "server/machines/access.h"
#include "server/operations/calls/submit.h"
#include "server/operations/service/plan.h"
#include "server/store/session_store.h"
#include "server/store/token_store.h"
#include "server/store/user_store.h"

namespace dmgr::testing {
namespace {

struct RoleUser {
  v1::Role role;
  const char* name;
};
constexpr RoleUser kUsers[] = {{v1::ROLE_VIEWER, "a-viewer"},
                               {v1::ROLE_OPERATOR, "an-operator"},
                               {v1::ROLE_ADMIN, "an-admin"}};

auth::SecretBox Secrets() {
  auto box = auth::SecretBox::Open((Daemon().dir() / "data/master.key").string());
  REQUIRE_OK(box.status());
  return *std::move(box);
}

void Insert(const std::string& name, int ssh_port, bool surveyed) {
  const std::string machine = name + "-host";
  v1::Credential credential;
  credential.set_password("never sent");

  auto host = store::SampleMachine(machine);
  // A machine's address is its own, whatever ports other tests' hosts had.
  static int machines = 0;
  ++machines;
  host.machine.set_host(fmt::format("127.1.{}.{}", machines / 250, machines % 250 + 1));
  host.machine.set_ssh_port(static_cast<std::uint32_t>(ssh_port));
  host.sealed_credential =
      Secrets().Seal(credential.SerializeAsString(), machines::CredentialContext(host));
  auto cluster = store::SampleCluster(name, 8261);
  cluster.cluster.version = "v0.0.1";
  cluster.sealed_options.clear();
  cluster.cluster.cluster_path = (Daemon().dir() / "data").string();
  cluster.cluster.instances[0].machine_id = machine;
  REQUIRE_OK(Db().Transact([&](store::Transaction& tx) -> absl::Status {
    if (!store::GetPackage(tx, "v0.0.1").ok()) {
      RETURN_IF_ERROR(store::InsertPackage(tx, store::SamplePackage("v0.0.1")));
    }
    RETURN_IF_ERROR(store::InsertMachine(tx, host));
    RETURN_IF_ERROR(store::InsertCluster(tx, cluster, {{machine, "id-" + machine}}));
    RETURN_IF_ERROR(store::SetClusterState(tx, name, v1::CLUSTER_STATE_UP));
    if (!surveyed) return absl::OkStatus();
    return store::InsertHostRecord(tx, name, {machine, clusters::ToJson(clusters::HostBefore())});
  }));
}

}  // namespace

int PagePort() {
  static const int port = [] {
    const SilentHost free;
    return free.port();
  }();
  return port;
}

TestDaemon& Daemon() {
  static TestDaemon daemon(
      {.config = {{"server.page_address", fmt::format("\"127.0.0.1:{}\"", PagePort())}}});
  return daemon;
}

store::Database& Db() {
  static const auto database = [] {
    auto opened = store::Database::Open({.dsn = Daemon().dsn(), .pool_size = 4});
    if (!opened.ok()) throw std::runtime_error(opened.status().ToString());
    return std::move(*opened);
  }();
  return *database;
}

std::string Sql(const std::string& statement) { return test::Sql(Daemon().dsn(), statement); }

void AddUser(const v1::User& user) {
  REQUIRE_OK(Db().Transact([&](store::Transaction& tx) -> absl::Status {
    if (store::GetUser(tx, user.name()).ok()) return absl::OkStatus();
    ASSIGN_OR_RETURN(store::UserRecord record, store::GetUser(tx, TestDaemon::kAdmin));
    record.user = user;
    return store::InsertUser(tx, record);
  }));
}

void AddUser(const std::string& name, v1::Role role) {
  v1::User user;
  user.set_name(name);
  user.set_role(role);
  AddUser(user);
}

std::string NewSessionOf(const std::string& user, int seconds) {
  const std::string token = auth::NewSessionToken();
  const std::string id = auth::SessionIdOf(token).value();
  // More than any test has: none ends another's.
  const store::SessionLimits limits = {.per_user = 1'000'000};
  REQUIRE_OK(Db().Transact([&](store::Transaction& tx) {
    return store::OpenSession(tx, {id, auth::HashToken(token), user}, limits).status();
  }));
  Sql(
      fmt::format("UPDATE session SET expire_time = clock_timestamp() + interval '{} seconds'"
                  " WHERE session_id = '{}' RETURNING 1",
                  seconds, id));
  return token;
}

std::string NewApiToken(const v1::Token& token, int seconds) {
  const std::string secret = auth::NewApiToken();
  v1::Token made = token;
  REQUIRE_OK(Db().Transact([&](store::Transaction& tx) {
    return store::InsertToken(tx, auth::HashToken(secret), absl::Seconds(seconds), &made);
  }));
  return secret;
}

v1::Grant GrantOf(v1::Role role, const std::string& cluster) {
  v1::Grant grant;
  grant.set_role(role);
  grant.add_cluster_names(cluster);
  return grant;
}

std::string NewSession(v1::Role role, int seconds) {
  std::string name;
  for (const auto& user : kUsers) {
    if (user.role == role) name = user.name;
  }
  AddUser(name, role);
  return NewSessionOf(name, seconds);
}

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(status.error_details()));
  CHECK(details.code() == static_cast<int>(status.error_code()));
  CHECK(details.message() == status.error_message());
  return details;
}

SilentHost::SilentHost() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd_, generic, size) != 0 || ::listen(fd_, 64) != 0 ||
      ::getsockname(fd_, generic, &size) != 0) {
    throw std::runtime_error("no socket for a silent host");
  }
  port_ = ntohs(address.sin_port);
}

void SilentHost::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void AddCluster(const std::string& name) { Insert(name, 1, false); }

void AddCluster(const std::string& name, const SilentHost& host) {
  Insert(name, host.port(), true);
}

v1::Operation BeginStop(const std::string& cluster) {
  auto secrets = Secrets();
  Resources resources;
  resources.database = &Db();
  resources.secrets = &secrets;
  const auto record =
      store::Get(Db(), [&](store::Transaction& tx) { return store::GetCluster(tx, cluster); });
  std::vector<const topology::Instance*> instances;
  for (const auto& instance : record.cluster.instances) instances.push_back(&instance);
  v1::StopClusterRequest request;
  request.set_cluster_name(cluster);
  const auto stored = operations::Submit(
      resources, request, Caller{TestDaemon::kAdmin},
      {.plan = operations::PlanStop(record.cluster, instances, /*whole=*/true), .from = record});
  REQUIRE_OK(stored.status());
  v1::Operation operation;
  REQUIRE(Eventually([&] {
    operation = GetOperation(stored->operation_id());
    return operation.state() == v1::OPERATION_STATE_RUNNING && operation.last_sequence() >= 3;
  }));
  return operation;
}

v1::Operation GetOperation(const std::string& id) {
  v1::GetOperationRequest request;
  request.set_operation_id(id);
  auto& admin = Daemon().Admin();
  return MustCall(admin.operations(), &v1::OperationService::Stub::GetOperation, request)
      .operation();
}

v1::Operation AwaitEnd(const std::string& id, std::chrono::seconds limit) {
  v1::Operation operation;
  const bool ended = Eventually(
      [&] {
        operation = GetOperation(id);
        return operation.has_end_time();
      },
      limit);
  INFO(operation.ShortDebugString());
  REQUIRE(ended);
  return operation;
}

}  // namespace dmgr::testing
