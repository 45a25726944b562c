#include "server/daemon.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "common/thread_pool.h"
#include "server/auth/secret_box.h"
#include "server/config_file.h"
#include "server/copy_keeper.h"
#include "server/engine/engine.h"
#include "server/engine/event_feed.h"
#ifdef DMGR_FAULT_POINTS
#include "server/fault_points.h"
#endif
#include "server/host/near/connector.h"
#include "server/key_commands.h"
#include "server/measure.h"
#include "server/members/http_source.h"
#include "server/metrics/exporter.h"
#include "server/operations/catalog.h"
#include "server/operations/steps/host_scope.h"
#include "server/own_database.h"
#include "server/page/page.h"
#include "server/resources/resources.h"
#include "server/rpc/server.h"
#include "server/secrets/key_watch.h"
#include "server/secrets/master_key.h"
#include "server/service_manager.h"
#include "server/shared_keeper.h"
#ifdef DMGR_STAND_INS
#include "server/stand_ins.h"
#endif
#include "server/store/embedded.h"
#include "server/store/operation_store.h"

namespace dmgr {
namespace {

// What the engine does in seconds, also when the database is away, takes no longer unless it hangs.
constexpr absl::Duration kHangs = absl::Minutes(1);
constexpr absl::Duration kPrunePeriod = absl::Hours(1);
// Steps and events that are forgotten at once: less than a second's work, mostly.
constexpr int kMaxPruneRows = 20'000;
constexpr int kMinPruneRows = 100;

}  // namespace

// In the order of their making.
struct Daemon::Rooms {
  explicit Rooms(const Config& config) : threads(static_cast<std::size_t>(config.pool_threads)) {}

  std::unique_ptr<store::EmbeddedServer> embedded;
  std::string dsn;
  std::unique_ptr<store::Database> database;
  // The engine's own, so that many calls do not keep a lease from being renewed.
  std::unique_ptr<store::Database> engine_database;
  std::unique_ptr<dmgr::secrets::KeyWatch> key_watch;
  std::optional<auth::SecretBox> secrets;
  host::FarEndProgram far_end;
  std::optional<host::SshConnector> hosts;
  ThreadPool threads;
  std::optional<members::HttpMemberSource> members;
  std::unique_ptr<objects::ObjectStore> shared;
  std::atomic<bool> ending = false;
  Resources resources;
  engine::Registry registry;
  std::unique_ptr<engine::EventFeed> feed;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<CopyKeeper> copies;
  std::unique_ptr<SharedKeeper> shared_keeper;
  std::unique_ptr<rpc::Server> server;
  std::atomic<std::uint64_t> forgotten_operations = 0;
  std::unique_ptr<metrics::Exporter> exporter;
  std::unique_ptr<page::Page> page;
};

Daemon::Daemon(const Config& config)
    : config_(config), rooms_(std::make_unique<Rooms>(config)), prune_rows_(kMaxPruneRows) {}
Daemon::~Daemon() = default;

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(
    const Config& config, const secrets::KeySource& key,
    std::unique_ptr<objects::ObjectStore> shared,
    const std::function<absl::Status(store::Database*)>& prepare) {
  auto daemon = std::unique_ptr<Daemon>(new Daemon(config));
  daemon->rooms_->shared = std::move(shared);
  {
    // A database that was killed may recover for long, and so may another dmgrd keep the schema.
    const StartExtension patience;
    RETURN_IF_ERROR(daemon->OpenDatabase());
  }
  RETURN_IF_ERROR(prepare(daemon->rooms_->database.get()));
  daemon->high_water_.emplace(daemon->rooms_->database.get(), config.data_dir + "/high_water");
  RETURN_IF_ERROR(daemon->high_water_->Check());
  RETURN_IF_ERROR(daemon->StartRooms(key));
  TellStatus("serves on " + config.Addresses());
  TellReady();
  return daemon;
}

absl::Status Daemon::OpenDatabase() {
  ASSIGN_OR_RETURN(OwnDatabase own, StartDatabase(config_));
  rooms_->embedded = std::move(own.embedded);
  rooms_->dsn = own.dsn;
  ASSIGN_OR_RETURN(rooms_->database,
                   store::Database::Open({.dsn = rooms_->dsn, .pool_size = config_.pool_size}));
  return rooms_->database->Migrate(
      [](const std::string& what) { TellStatus("database: " + what); });
}

absl::Status Daemon::StartRooms(const secrets::KeySource& key) {
  Rooms& r = *rooms_;
  // Before the key is looked at: from then on nobody changes it.
  ASSIGN_OR_RETURN(r.key_watch, secrets::KeyWatch::Start(r.database.get(), r.dsn));
  ASSIGN_OR_RETURN(r.secrets, secrets::OpenMasterKey(r.database.get(), key, AllSealContexts()));
  r.key_watch->Expect(r.secrets->Id());
  ASSIGN_OR_RETURN(r.far_end, host::FarEndProgram::Load(
                                  config_.far_end_dir.empty() ? OwnDir() : config_.far_end_dir));
  r.hosts.emplace(&r.far_end);
  r.members.emplace(&r.threads, &*r.secrets);
  r.resources = {.database = r.database.get(),
                 .secrets = &*r.secrets,
                 .far_end = &r.far_end,
                 .hosts = &*r.hosts,
                 .members = &*r.members,
                 .threads = &r.threads,
                 .cluster_path = config_.cluster_path,
                 .cluster_roots = config_.cluster_roots,
                 .warehouse_dir = config_.warehouse_dir,
                 .shared = r.shared.get(),
                 .ending = &r.ending};
#ifdef DMGR_STAND_INS
  RETURN_IF_ERROR(PutStandIns(&r.resources));
#endif
  operations::RegisterAll(&r.resources, &r.registry);
  r.feed = std::make_unique<engine::EventFeed>(r.database.get(), r.dsn);
  engine::EngineOptions options;
  options.lease = config_.lease;
  options.max_operations = config_.max_operations;
  options.max_steps = config_.max_steps;
  // It is the lock of the embedded server's folder.
  options.holds_data_folder = r.embedded != nullptr;
#ifdef DMGR_FAULT_POINTS
  options.fault_hook = FaultHookOfEnvironment();
#endif
  const int connections = std::max(4, config_.pool_size / 4);
  ASSIGN_OR_RETURN(r.engine_database,
                   store::Database::Open({.dsn = r.dsn, .pool_size = connections}));
  r.engine = std::make_unique<engine::Engine>(r.engine_database.get(), r.dsn, &r.registry,
                                              operations::MakeScopeFactory(&r.resources), options);
  ASSIGN_OR_RETURN(r.server, rpc::Server::Start({.listen = config_.listen,
                                                 .plain_text = config_.debug_mode,
                                                 .socket = config_.socket,
                                                 .tls = {.cert = config_.tls_cert,
                                                         .key = config_.tls_key,
                                                         .client_ca = config_.tls_client_ca},
                                                 .reflection = config_.debug_mode,
                                                 .sessions = config_.sessions,
                                                 .longest_token = config_.longest_token,
                                                 .dsn = r.dsn,
                                                 .first_secret_file = config_.FirstSecretFile(),
                                                 .limits = config_.limits,
                                                 .max_operations = config_.max_operations,
                                                 .max_steps = config_.max_steps,
                                                 .keep_days = config_.keep_days},
                                                &r.resources, r.feed.get()));
  if (!config_.metrics_address.empty()) {
    ASSIGN_OR_RETURN(r.exporter, metrics::Exporter::Start(config_.metrics_address, [rooms = &r] {
                       auto readings = Measure(rooms->resources, *rooms->server);
                       readings.own.forgotten["operations"] = rooms->forgotten_operations;
                       return readings;
                     }));
  }
  if (!config_.page_address.empty()) {
    ASSIGN_OR_RETURN(r.page, page::Page::Start({.address = config_.page_address,
                                                .plain_text = config_.debug_mode,
                                                .cert_file = config_.tls_cert,
                                                .key_file = config_.tls_key},
                                               r.server->OwnChannel()));
  }
  r.engine->Start();
  r.copies = std::make_unique<CopyKeeper>(&r.resources);
  if (r.shared != nullptr) r.shared_keeper = std::make_unique<SharedKeeper>(&r.resources);
  return absl::OkStatus();
}

bool Daemon::LookAfter() {
  if (rooms_->embedded != nullptr) {
    const absl::Status running = rooms_->embedded->EnsureRunning();
    if (!running.ok()) spdlog::error("the embedded database: {}", Message(running));
  }
  rooms_->server->LookAfter();
  if (rooms_->page != nullptr) rooms_->page->LookAfter();
  high_water_->LookAfter();
  if (config_.keep_days == 0 || SteadyNow() < next_prune_) return false;
  if (Prune()) return true;
  next_prune_ = SteadyNow() + kPrunePeriod;
  return false;
}

bool Daemon::Prune() {
  store::Pruned pruned;
  const absl::Status status =
      rooms_->database->Transact([&](store::Transaction& tx) -> absl::Status {
        ASSIGN_OR_RETURN(const absl::Time before,
                         store::PruneBefore(tx, absl::Now(), absl::Hours(24) * config_.keep_days));
        ASSIGN_OR_RETURN(pruned, store::PruneOperations(tx, before, prune_rows_));
        return absl::OkStatus();
      });
  if (pruned.operations > 0 && status.ok()) {
    rooms_->forgotten_operations += static_cast<std::uint64_t>(pruned.operations);
    spdlog::info("{} old operations are forgotten", pruned.operations);
  }
  if (status.ok()) return pruned.more;
  // It took too long for a statement, perhaps.
  const bool again = absl::IsUnavailable(status) && prune_rows_ > kMinPruneRows;
  spdlog::warn("old operations are not forgotten{}: {}", again ? ", fewer are tried at once" : "",
               Message(status));
  prune_rows_ = again ? std::max(prune_rows_ / 4, kMinPruneRows) : kMaxPruneRows;
  return again;
}

absl::Status Daemon::Check() const { return rooms_->key_watch->Check(); }

bool Daemon::IsAlive() const { return rooms_->engine->Silence() < kHangs; }

void Daemon::SetPlaces(const rpc::Limits& limits) { rooms_->server->SetPlaces(limits); }

void Daemon::Shutdown(absl::Duration grace) {
  const absl::Time deadline = SteadyNow() + grace;
  rooms_->ending = true;
  rooms_->server->Shutdown(grace / 4);
  // Its calls have ended with the server.
  rooms_->page.reset();
  rooms_->engine->Shutdown(std::max(deadline - SteadyNow(), absl::ZeroDuration()));
}

}  // namespace dmgr
