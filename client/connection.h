// The way to dmgrd: one channel, the stubs, the token on every call.
#ifndef DMGR_CLIENT_CONNECTION_H_
#define DMGR_CLIENT_CONNECTION_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/grpc_status.h"
#include "dmgr/v1/audit_service.grpc.pb.h"
#include "dmgr/v1/auth_service.grpc.pb.h"
#include "dmgr/v1/cluster_service.grpc.pb.h"
#include "dmgr/v1/machine_service.grpc.pb.h"
#include "dmgr/v1/operation_service.grpc.pb.h"
#include "dmgr/v1/user_service.grpc.pb.h"
#include "dmgr/v1/warehouse_service.grpc.pb.h"

namespace dmgr::client {

// What a connection is made of.
struct ConnectionOptions {
  std::string address;
  // May be empty.
  std::string token{};
  // Certificates to trust, in PEM; empty: plain text, which only this machine gets.
  std::string ca{};
  // What to type to log in.
  std::string login = "dmgrctl login --user NAME";
};

class Connection {
 public:
  // Connects at the first call.
  explicit Connection(ConnectionOptions options);
  Connection(std::string address, std::string token)
      : Connection(ConnectionOptions{.address = std::move(address), .token = std::move(token)}) {}
  // One that cannot be made: every call ends with this status and sends nothing.
  explicit Connection(absl::Status refused);

  const std::string& address() const { return options_.address; }

  v1::AuthService::Stub& auth() { return *auth_; }
  v1::UserService::Stub& users() { return *users_; }
  v1::AuditService::Stub& audit() { return *audit_; }
  v1::MachineService::Stub& machines() { return *machines_; }
  v1::WarehouseService::Stub& packages() { return *packages_; }
  v1::ClusterService::Stub& clusters() { return *clusters_; }
  v1::OperationService::Stub& operations() { return *operations_; }

  // Adds the token and, unless it is infinite, a deadline.
  void Prepare(grpc::ClientContext* context, absl::Duration timeout) const;

  // Connects, unless it is connected; false when nothing answers there.
  bool Reach();

  // A unary call: connection.Call(connection.auth(), &v1::AuthService::Stub::WhoAmI, request,
  // &response). UNAVAILABLE comes back with advice that names the address.
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response,
                    absl::Duration timeout = absl::Minutes(2)) {
    grpc::ClientContext context;
    Prepare(&context, timeout);
    return Explain((stub.*method)(&context, request, response));
  }

  // To absl::Status, with advice for what only the client knows: how to reach a server, and how to
  // log in.
  absl::Status Explain(const grpc::Status& status) const;

 private:
  void MakeStubs();
  absl::Status Unreachable(const absl::Status& status) const;

  const ConnectionOptions options_;
  absl::Status refused_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AuthService::Stub> auth_;
  std::unique_ptr<v1::UserService::Stub> users_;
  std::unique_ptr<v1::AuditService::Stub> audit_;
  std::unique_ptr<v1::MachineService::Stub> machines_;
  std::unique_ptr<v1::WarehouseService::Stub> packages_;
  std::unique_ptr<v1::ClusterService::Stub> clusters_;
  std::unique_ptr<v1::OperationService::Stub> operations_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_CONNECTION_H_
