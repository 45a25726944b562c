#include "server/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "common/version.h"
#include "server/accounts/hashing.h"
#include "server/accounts/sessions.h"
#include "server/accounts/tokens.h"
#include "server/accounts/users.h"
#include "server/auth/roles.h"
#include "server/resources/resources.h"
#include "server/rpc/audit_service.h"
#include "server/rpc/auth_service.h"
#include "server/rpc/check_service.h"
#include "server/rpc/client_certificates.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/database_health.h"
#include "server/rpc/guard.h"
#include "server/rpc/host_key_service.h"
#include "server/rpc/import_service.h"
#include "server/rpc/instance_service.h"
#include "server/rpc/listen_rules.h"
#include "server/rpc/machine_service.h"
#include "server/rpc/maintenance_service.h"
#include "server/rpc/operation_service.h"
#include "server/rpc/pages.h"
#include "server/rpc/repair_service.h"
#include "server/rpc/server_service.h"
#include "server/rpc/session_watch.h"
#include "server/rpc/shard_lock_service.h"
#include "server/rpc/socket_listener.h"
#include "server/rpc/source_service.h"
#include "server/rpc/table_structure_service.h"
#include "server/rpc/target_service.h"
#include "server/rpc/task_error_service.h"
#include "server/rpc/task_service.h"
#include "server/rpc/task_watcher.h"
#include "server/rpc/tls.h"
#include "server/rpc/token_service.h"
#include "server/rpc/user_service.h"
#include "server/rpc/validation_service.h"
#include "server/rpc/warehouse_service.h"
#include "server/warehouse/shared.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::rpc {
namespace {

// How often sessions and API tokens that have ended are forgotten.
constexpr absl::Duration kPrunePeriod = absl::Minutes(10);
// Who has not gone on with an upload by then sends it anew.
constexpr absl::Duration kUploadLives = absl::Hours(7 * 24);

// Linking the reflection library turns reflection on for every server: it has to be taken out.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

// Takes services, and knows their names for health checks.
class Services {
 public:
  explicit Services(grpc::ServerBuilder* builder) : builder_(builder) {}

  // Serves what the base class of `service` declares, if each of its methods says who may call it.
  template <typename Service>
  absl::Status Register(grpc::Service* service) {
    RETURN_IF_ERROR(auth::RulesOf(Service::service_full_name()).status());
    builder_->RegisterService(service);
    names_.emplace_back(Service::service_full_name());
    return absl::OkStatus();
  }
  // Only the server as a whole has a health until each is named.
  void SayServing(grpc::HealthCheckServiceInterface* health) const {
    for (const std::string& name : names_) health->SetServingStatus(name, true);
  }

 private:
  grpc::ServerBuilder* const builder_;
  std::vector<std::string> names_;
};

// On a connection of its own: that all others are in use does not mean that it is away.
absl::StatusOr<std::function<bool()>> QuestionTo(const std::string& dsn) {
  ASSIGN_OR_RETURN(auto opened, store::Database::Open({.dsn = dsn, .pool_size = 1}));
  const std::shared_ptr<store::Database> database = std::move(opened);
  return [database] { return database->Read(store::Ping).ok(); };
}

v1::GetServerInfoResponse InfoOf(const ServerOptions& options, const Resources& services) {
  v1::GetServerInfoResponse info;
  info.set_version(std::string(BuildVersion()));
  info.set_mode(options.reflection ? v1::SERVER_MODE_DEBUG : v1::SERVER_MODE_RELEASE);
  info.add_dm_versions("v7.5");
  for (const char* arch : {"amd64", "arm64"}) info.add_architectures(arch);
  auto* limits = info.mutable_limits();
  limits->set_max_message_bytes(static_cast<std::uint64_t>(options.limits.message_kib) << 10);
  limits->set_max_upload_bytes(warehouse::MaxUploadBytes(services));
  limits->set_max_page_size(kMaxPageSize);
  limits->set_max_operations(options.max_operations);
  limits->set_max_steps(options.max_steps);
  limits->set_keep_days(options.keep_days);
  return info;
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// What holds before anybody is known, in the order in which a caller meets it.
void SetLimits(const Limits& limits, grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(limits.handshake));
  // A caller whose machine is gone would keep its streams, and what they hold on hosts.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(limits.keepalive));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(limits.keepalive));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(limits.idle));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.streams_per_connection);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, limits.metadata_kib << 10);
  // A message is inflated as a whole before its size is looked at.
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->SetMaxReceiveMessageSize(limits.message_kib << 10);
  grpc::ResourceQuota quota("dmgrd");
  quota.Resize(static_cast<std::size_t>(limits.memory_mib) << 20);
  quota.SetMaxThreads(limits.threads);
  builder->SetResourceQuota(quota);
}

}  // namespace

struct Server::Impl {
  Impl(const ServerOptions& options, const Resources* services, engine::EventFeed* feed)
      : hashing(options.limits.hashing),
        sessions(services->database, &hashing, options.sessions, options.first_secret_file),
        tokens(services->database, options.longest_token),
        users(services->database, &hashing),
        session_watch(services->database, options.dsn),
        certificates(options.tls.client_ca),
        guard(services->database, services->secrets, {&sessions, &certificates, &session_watch},
              options.limits),
        warehouse(services),
        auth_service(&guard, &sessions),
        token_service(&guard, services->database, &tokens),
        user_service(&guard, services->database, &users),
        audit_service(&guard, services->database, services->secrets),
        server_service(&guard, InfoOf(options, *services)),
        machine_service(&guard, services),
        maintenance_service(&guard, services),
        warehouse_service(&guard, services, &warehouse),
        cluster_service(&guard, services),
        check_service(&guard, services),
        host_key_service(&guard, services),
        import_service(&guard, services),
        instance_service(&guard, services, &session_watch, &places),
        operation_service(&guard, services, {feed, &session_watch}),
        repair_service(&guard, services),
        source_service(&guard, services),
        target_service(&guard, services),
        tasks(TaskEyesOf(services)),
        task_service(&guard, services, {&session_watch, &tasks, &places}),
        task_error_service(&guard, services),
        shard_lock_service(&guard, services),
        table_structure_service(&guard, services),
        validation_service(&guard, services) {}

  accounts::Hashing hashing;
  accounts::Sessions sessions;
  accounts::Tokens tokens;
  accounts::Users users;
  SessionWatch session_watch;
  ClientCertificates certificates;
  Guard guard;
  warehouse::Warehouse warehouse;
  AuthServiceImpl auth_service;
  TokenServiceImpl token_service;
  UserServiceImpl user_service;
  AuditServiceImpl audit_service;
  ServerServiceImpl server_service;
  MachineServiceImpl machine_service;
  MaintenanceServiceImpl maintenance_service;
  WarehouseServiceImpl warehouse_service;
  ClusterServiceImpl cluster_service;
  CheckServiceImpl check_service;
  HostKeyServiceImpl host_key_service;
  ImportServiceImpl import_service;
  instances::Places places;
  InstanceServiceImpl instance_service;
  OperationServiceImpl operation_service;
  RepairServiceImpl repair_service;
  SourceServiceImpl source_service;
  TargetServiceImpl target_service;
  watching::TaskFeed tasks;
  TaskServiceImpl task_service;
  TaskErrorServiceImpl task_error_service;
  ShardLockServiceImpl shard_lock_service;
  TableStructureServiceImpl table_structure_service;
  ValidationServiceImpl validation_service;
  std::unique_ptr<grpc::Server> server;
  // Speaks to the server.
  std::unique_ptr<DatabaseHealth> health;
  std::unique_ptr<SocketListener> socket;
  int port = 0;
  absl::Time next_prune = absl::InfinitePast();
  std::atomic<std::uint64_t> forgotten_sessions = 0;
  std::atomic<std::uint64_t> forgotten_tokens = 0;
  std::atomic<std::uint64_t> forgotten_uploads = 0;

  void Prune();
};

void Server::Impl::Prune() {
  const auto pruned = sessions.Prune();
  if (!pruned.ok()) {
    spdlog::warn("old sessions are not forgotten: {}", Message(pruned.status()));
  }
  const accounts::Forgotten gone = pruned.value_or(accounts::Forgotten());
  const int unfinished = warehouse.uploads().Prune(kUploadLives);
  forgotten_sessions += static_cast<std::uint64_t>(gone.sessions);
  forgotten_tokens += static_cast<std::uint64_t>(gone.tokens);
  forgotten_uploads += static_cast<std::uint64_t>(unfinished);
  if (gone.sessions + gone.tokens + unfinished == 0) return;
  spdlog::info("{} old sessions, {} old API tokens and {} unfinished uploads are forgotten",
               gone.sessions, gone.tokens, unfinished);
}

absl::Status CheckListen(const ServerOptions& options) {
  const bool on_tcp = !options.listen.empty();
  if (on_tcp && options.tls.cert.empty()) {
    RETURN_IF_ERROR(CheckPlainText("the API", options.listen, options.plain_text));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const Resources* services,
                                                      engine::EventFeed* feed) {
  const bool on_tcp = !options.listen.empty();
  RETURN_IF_ERROR(CheckListen(options));
  ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options.tls));
  auto impl = std::make_unique<Impl>(options, services, feed);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!options.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  // Two daemons on one port would share its calls at random.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  SetLimits(options.limits, &builder);
  Services served(&builder);
  if (on_tcp) builder.AddListeningPort(options.listen, credentials, &impl->port);
  RETURN_IF_ERROR(served.Register<v1::AuthService>(&impl->auth_service));
  RETURN_IF_ERROR(served.Register<v1::TokenService>(&impl->token_service));
  RETURN_IF_ERROR(served.Register<v1::UserService>(&impl->user_service));
  RETURN_IF_ERROR(served.Register<v1::AuditService>(&impl->audit_service));
  RETURN_IF_ERROR(served.Register<v1::ServerService>(&impl->server_service));
  RETURN_IF_ERROR(served.Register<v1::MachineService>(&impl->machine_service));
  RETURN_IF_ERROR(served.Register<v1::MaintenanceService>(&impl->maintenance_service));
  RETURN_IF_ERROR(served.Register<v1::WarehouseService>(&impl->warehouse_service));
  RETURN_IF_ERROR(served.Register<v1::ClusterService>(&impl->cluster_service));
  RETURN_IF_ERROR(served.Register<v1::CheckService>(&impl->check_service));
  RETURN_IF_ERROR(served.Register<v1::HostKeyService>(&impl->host_key_service));
  RETURN_IF_ERROR(served.Register<v1::InstanceService>(&impl->instance_service));
  RETURN_IF_ERROR(served.Register<v1::OperationService>(&impl->operation_service));
  RETURN_IF_ERROR(served.Register<v1::ImportService>(&impl->import_service));
  RETURN_IF_ERROR(served.Register<v1::RepairService>(&impl->repair_service));
  RETURN_IF_ERROR(served.Register<v1::SourceService>(&impl->source_service));
  RETURN_IF_ERROR(served.Register<v1::TargetService>(&impl->target_service));
  RETURN_IF_ERROR(served.Register<v1::TaskService>(&impl->task_service));
  RETURN_IF_ERROR(served.Register<v1::TaskErrorService>(&impl->task_error_service));
  RETURN_IF_ERROR(served.Register<v1::ShardLockService>(&impl->shard_lock_service));
  RETURN_IF_ERROR(served.Register<v1::TableStructureService>(&impl->table_structure_service));
  RETURN_IF_ERROR(served.Register<v1::ValidationService>(&impl->validation_service));
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || (on_tcp && impl->port == 0)) {
    return Error(absl::StatusCode::kUnavailable, "LISTEN_FAILED", "cannot listen on {}",
                 options.listen)
        .Remedy("is another dmgrd running there? Set [server] listen");
  }
  grpc::HealthCheckServiceInterface* health = impl->server->GetHealthCheckService();
  served.SayServing(health);
  ASSIGN_OR_RETURN(auto ask, QuestionTo(options.dsn));
  ASSIGN_OR_RETURN(impl->health, DatabaseHealth::Start(std::move(ask),
                                                       [health](bool answers) {
                                                         if (!answers)
                                                           spdlog::error("the database is away");
                                                         if (answers)
                                                           spdlog::info("the database is back");
                                                         health->SetServingStatus(answers);
                                                       },
                                                       {}));
  if (!options.socket.empty()) {
    ASSIGN_OR_RETURN(impl->socket, SocketListener::Start(options.socket, impl->server.get()));
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

int Server::port() const { return impl_->port; }

std::shared_ptr<grpc::Channel> Server::OwnChannel() {
  grpc::ChannelArguments arguments;
  // What dmgrd sends itself is as long as it is.
  arguments.SetMaxReceiveMessageSize(-1);
  return impl_->server->InProcessChannel(arguments);
}

std::vector<CallCounts::Count> Server::calls() const { return impl_->guard.calls().All(); }

Server::Forgotten Server::forgotten() const {
  return {.sessions = impl_->forgotten_sessions,
          .tokens = impl_->forgotten_tokens,
          .uploads = impl_->forgotten_uploads};
}

warehouse::Uploads::Kept Server::uploads() const { return impl_->warehouse.uploads().Unfinished(); }

void Server::LookAfter() {
  impl_->guard.LookAfter();
  if (SteadyNow() >= impl_->next_prune) {
    impl_->Prune();
    impl_->next_prune = SteadyNow() + kPrunePeriod;
  }
}

void Server::SetPlaces(const Limits& limits) { impl_->guard.SetPlaces(limits); }

void Server::Shutdown(absl::Duration grace) {
  if (impl_->server == nullptr) return;
  impl_->socket.reset();
  impl_->health.reset();
  // Without a deadline this would wait for open watches for ever.
  impl_->server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  impl_->server.reset();
  impl_->guard.LookAfter(/*at_end=*/true);
}

}  // namespace dmgr::rpc
