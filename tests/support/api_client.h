#ifndef DMGR_TESTS_SUPPORT_API_CLIENT_H_
#define DMGR_TESTS_SUPPORT_API_CLIENT_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>

#include "client/connection.h"
#include "common/grpc_status.h"
#include "dmgr/v1/audit_service.grpc.pb.h"
#include "dmgr/v1/auth_service.grpc.pb.h"
#include "dmgr/v1/cluster_service.grpc.pb.h"
#include "dmgr/v1/instance_service.grpc.pb.h"
#include "dmgr/v1/machine_service.grpc.pb.h"
#include "dmgr/v1/operation_service.grpc.pb.h"
#include "dmgr/v1/user_service.grpc.pb.h"
#include "dmgr/v1/warehouse_service.grpc.pb.h"

namespace dmgr::testing {

/// A connection with a stub of every service: tests call as clients in general do, with generated
/// code.
class ApiClient : public client::Connection {
 public:
  using Connection::Call;
  using Connection::Connection;

  v1::AuthService::Stub& auth() { return *auth_; }
  v1::UserService::Stub& users() { return *users_; }
  v1::AuditService::Stub& audit() { return *audit_; }
  v1::MachineService::Stub& machines() { return *machines_; }
  v1::WarehouseService::Stub& packages() { return *packages_; }
  v1::ClusterService::Stub& clusters() { return *clusters_; }
  v1::InstanceService::Stub& instances() { return *instances_; }
  v1::OperationService::Stub& operations() { return *operations_; }

  /// A unary call: api.Call(api.auth(), &v1::AuthService::Stub::WhoAmI, request, &response).
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response,
                    absl::Duration timeout = absl::Minutes(2)) {
    grpc::ClientContext context;
    Prepare(&context, timeout);
    return Explain((stub.*method)(&context, request, response));
  }

 private:
  template <typename Service>
  std::unique_ptr<typename Service::Stub> Make() {
    return Service::NewStub(channel());
  }

  std::unique_ptr<v1::AuthService::Stub> auth_ = Make<v1::AuthService>();
  std::unique_ptr<v1::UserService::Stub> users_ = Make<v1::UserService>();
  std::unique_ptr<v1::AuditService::Stub> audit_ = Make<v1::AuditService>();
  std::unique_ptr<v1::MachineService::Stub> machines_ = Make<v1::MachineService>();
  std::unique_ptr<v1::WarehouseService::Stub> packages_ = Make<v1::WarehouseService>();
  std::unique_ptr<v1::ClusterService::Stub> clusters_ = Make<v1::ClusterService>();
  std::unique_ptr<v1::InstanceService::Stub> instances_ = Make<v1::InstanceService>();
  std::unique_ptr<v1::OperationService::Stub> operations_ = Make<v1::OperationService>();
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_API_CLIENT_H_
