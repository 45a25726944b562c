#include "server/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/auth/roles.h"
#include "server/resources/resources.h"
#include "server/rpc/auth_service.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/guard.h"
#include "server/rpc/machine_service.h"
#include "server/rpc/operation_service.h"
#include "server/rpc/tls.h"
#include "server/rpc/warehouse_service.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::rpc {
namespace {

// A deploy of a thousand instances is well below; chunks of an upload are 1 MiB.
constexpr int kMaxMessageBytes = 16 << 20;

bool IsLoopback(const std::string& listen) {
  const auto colon = listen.rfind(':');
  const std::string host = listen.substr(0, colon);
  return host == "localhost" || host == "[::1]" || host.rfind("127.", 0) == 0;
}

// Linking the reflection library turns reflection on for every server: it has to be taken out.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

// Serves what the base class of `service` declares, if each of its methods says who may call it.
template <typename Service>
absl::Status Register(grpc::Service* service, grpc::ServerBuilder* builder) {
  RETURN_IF_ERROR(auth::RulesOf(Service::service_full_name()).status());
  builder->RegisterService(service);
  return absl::OkStatus();
}

}  // namespace

struct Server::Impl {
  Impl(const ServerOptions& options, const Resources* services, engine::EventFeed* feed)
      : guard(services->database),
        warehouse(services),
        auth(&guard, services->database, options.token_lifetime),
        machines(&guard, services),
        packages(&guard, services, &warehouse),
        clusters(&guard, services),
        operations(&guard, services, feed) {}

  Guard guard;
  warehouse::Warehouse warehouse;
  AuthServiceImpl auth;
  MachineServiceImpl machines;
  WarehouseServiceImpl packages;
  ClusterServiceImpl clusters;
  OperationServiceImpl operations;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const Resources* services,
                                                      engine::EventFeed* feed) {
  if (options.tls_cert.empty() && !IsLoopback(options.listen)) {
    return Error(absl::StatusCode::kInvalidArgument, "NOT_LOOPBACK",
                 "{} is not a loopback address, and without TLS the API speaks plain text",
                 options.listen)
        .Remedy(
            "set [server] tls_cert and tls_key, or listen on 127.0.0.1 and reach it through an SSH "
            "tunnel");
  }
  ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options.tls_cert, options.tls_key));
  auto impl = std::make_unique<Impl>(options, services, feed);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!options.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  // Two daemons on one port would share its calls at random.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddListeningPort(options.listen, credentials, &impl->port);
  RETURN_IF_ERROR(Register<v1::AuthService>(&impl->auth, &builder));
  RETURN_IF_ERROR(Register<v1::MachineService>(&impl->machines, &builder));
  RETURN_IF_ERROR(Register<v1::WarehouseService>(&impl->packages, &builder));
  RETURN_IF_ERROR(Register<v1::ClusterService>(&impl->clusters, &builder));
  RETURN_IF_ERROR(Register<v1::OperationService>(&impl->operations, &builder));
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || impl->port == 0) {
    return Error(absl::StatusCode::kUnavailable, "LISTEN_FAILED", "cannot listen on {}",
                 options.listen)
        .Remedy("is another dmgrd running there? Set [server] listen");
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

int Server::port() const { return impl_->port; }

void Server::Shutdown(absl::Duration grace) {
  if (impl_->server == nullptr) return;
  // Without a deadline this would wait for open watches for ever.
  impl_->server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  impl_->server.reset();
}

}  // namespace dmgr::rpc
