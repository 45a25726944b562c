// cluster export, import, takeover, release: clusters of TiUP.
#include "client/commands/cluster_tiup.h"

#include <fmt/format.h>

#include <filesystem>

#include "client/commands/change.h"
#include "client/commands/cluster_config.h"
#include "client/commands/command.h"
#include "client/commands/labels.h"
#include "client/topology/tiup.h"
#include "client/topology/topology.h"
#include "common/error.h"
#include "common/files.h"
#include "dmgr/v1/import_service.pb.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

constexpr char kMetaHeader[] =
    "# Cluster {} as dmgr has it. dmgr shows no passwords, remote_config, additional_scrape_conf\n"
    "# and additional_args: they are not here.\n";

struct ExportOptions {
  std::string name;
  bool tiup = false;
  std::string file;
};

absl::StatusOr<ExitCode> Export(Environment& environment, const ExportOptions& options) {
  if (!options.tiup) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "say in whose form: --tiup for TiUP's meta.yaml")
        .Remedy("for dmgr's own: dmgrctl cluster show-config");
  }
  ASSIGN_OR_RETURN(const auto cluster, GetCluster(environment, options.name));
  RETURN_IF_ERROR(WriteTiupMeta(environment, cluster, options.file));
  if (cluster.topology().global().enable_tls()) {
    environment.terminal->err() << "left out: TiUP's folder tls: cluster release writes it\n";
  }
  return kDone;
}

Run DeclareExport(const Syntax& syntax) {
  auto options = std::make_shared<ExportOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Flag("--tiup", &options->tiup, "as the meta.yaml of tiup dm");
  syntax.Add("--output", &options->file, "file that is written (standard output)");
  return [options](Environment& environment) { return Export(environment, *options); };
}

// In TiUP's folder tls, and what of a cluster's is in each.
constexpr std::pair<const char*, std::string* (v1::TiupTls::*)()> kTlsFiles[] = {
    {"ca.crt", &v1::TiupTls::mutable_ca_certificate},
    {"ca.pem", &v1::TiupTls::mutable_ca_key},
    {"client.crt", &v1::TiupTls::mutable_client_certificate},
    {"client.pem", &v1::TiupTls::mutable_client_key}};

// meta: the path of the meta.yaml beside it.
fs::path TlsFolder(const std::string& meta) { return fs::path(meta).parent_path() / "tls"; }

absl::Status ReadTiupTls(const fs::path& folder, v1::TiupTls* tls) {
  for (const auto& [name, field] : kTlsFiles) {
    ASSIGN_OR_RETURN(*(tls->*field)(), ReadInput((folder / name).string()));
  }
  return absl::OkStatus();
}

// Those of another cluster, beside whose meta.yaml this one's would come, may be nowhere else.
absl::Status CheckNoOtherTls(const std::string& meta, v1::TiupTls* tls) {
  for (const auto& [name, field] : kTlsFiles) {
    const fs::path path = TlsFolder(meta) / name;
    std::error_code error;
    if (!fs::exists(path, error)) continue;
    const auto there = ReadInput(path.string());
    if (there.ok() && *there == *(tls->*field)()) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "FILE_EXISTS",
                 "{} is there, and another cluster's", path.string())
        .Remedy("name an --output in another folder");
  }
  return absl::OkStatus();
}

absl::Status WriteTiupTls(Environment& environment, const std::string& meta, v1::TiupTls* tls) {
  const fs::path folder = TlsFolder(meta);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return Error(absl::StatusCode::kFailedPrecondition, "FILE_UNWRITABLE", "{} cannot be made: {}",
                 folder.string(), error.message())
        .Remedy("name an --output in a folder that you may write");
  }
  for (const auto& [name, field] : kTlsFiles) {
    const std::string& text = *(tls->*field)();
    if (text.empty()) {
      environment.terminal->err() << "left out: tls/" << name
                                  << ": dmgr does not have the key of the cluster's CA\n";
      continue;
    }
    RETURN_IF_ERROR(WriteFileAtomically((folder / name).string(), text, 0600));
  }
  environment.terminal->err() << "wrote " << folder.string() << "\n";
  return absl::OkStatus();
}

struct ImportOptions {
  ChangeOptions change;
  std::string name;
  std::string from;
  std::string master_address;
  std::string user;
  std::string tls;
  std::string description;
  std::vector<std::string> labels;
};

// The meta.yaml in TiUP's folder of the cluster, if it is that which was named.
absl::StatusOr<std::string> MetaPath(const std::string& from) {
  std::error_code error;
  if (!fs::is_directory(from, error)) return from;
  if (fs::exists(fs::path(from) / ".scale-out.yaml", error)) {
    return Error(absl::StatusCode::kFailedPrecondition, "TIUP_AT_WORK",
                 "{} has a .scale-out.yaml: TiUP has not added those instances to its end", from)
        .Remedy("end that by tiup dm scale-out --stage2, or remove the file");
  }
  return (fs::path(from) / "meta.yaml").string();
}

// By TiUP's record.
absl::StatusOr<v1::ImportClusterRequest> FromTiup(Environment& environment,
                                                  const std::string& from) {
  ASSIGN_OR_RETURN(const std::string path, MetaPath(from));
  ASSIGN_OR_RETURN(const std::string text, ReadInput(path));
  ASSIGN_OR_RETURN(TiupMeta meta, ParseTiupMeta(text, path));
  RETURN_IF_ERROR(AttachFiles(text, path, &meta.topology));
  for (const auto& note : meta.notes) environment.terminal->err() << "left out: " << note << "\n";
  v1::ImportClusterRequest request;
  if (meta.topology.global().enable_tls()) {
    RETURN_IF_ERROR(ReadTiupTls(TlsFolder(path), request.mutable_tls()));
  }
  request.set_version(meta.version);
  *request.mutable_topology() = std::move(meta.topology);
  return request;
}

// By what DM and its hosts say, which is shown.
absl::StatusOr<v1::ImportClusterRequest> FromMembers(Environment& environment,
                                                     const ImportOptions& options) {
  v1::FindForeignClusterRequest asked;
  asked.set_cluster_name(options.name);
  asked.set_master_address(options.master_address);
  asked.set_user(options.user);
  if (!options.tls.empty()) RETURN_IF_ERROR(ReadTiupTls(options.tls, asked.mutable_tls()));
  ASSIGN_OR_RETURN(auto found, environment.Call<v1::FindForeignClusterResponse>(asked));
  auto& err = environment.terminal->err();
  err << TopologyText(found.topology());
  for (const auto& note : found.notes()) err << "left out: " << note << "\n";
  v1::ImportClusterRequest request;
  request.set_version(found.version());
  *request.mutable_topology() = std::move(*found.mutable_topology());
  if (asked.has_tls()) *request.mutable_tls() = std::move(*asked.mutable_tls());
  return request;
}

absl::StatusOr<v1::ImportClusterRequest> Described(Environment& environment,
                                                   const ImportOptions& options) {
  if (options.from.empty() == options.master_address.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "say where the cluster is known: --tiup or --master-addr")
        .Remedy("--tiup DIR with TiUP's record; --master-addr HOST:PORT when there is none");
  }
  return options.from.empty() ? FromMembers(environment, options)
                              : FromTiup(environment, options.from);
}

absl::StatusOr<ExitCode> Import(Environment& environment, const ImportOptions& options) {
  ASSIGN_OR_RETURN(v1::ImportClusterRequest request, Described(environment, options));
  request.set_cluster_name(options.name);
  request.set_description(options.description);
  RETURN_IF_ERROR(ChangeLabels(options.labels, request.mutable_labels()));
  return Change<v1::ImportClusterResponse>(
      environment, options.change,
      fmt::format(
          "Take over {}, {} with {} dm-masters and {} dm-workers? Nothing restarts, and its "
          "files stay TiUP's; do not change it by tiup dm from then on.",
          options.name, request.version(), request.topology().master_servers_size(),
          request.topology().worker_servers_size()),
      request);
}

Run DeclareImport(const Syntax& syntax) {
  auto options = std::make_shared<ImportOptions>();
  syntax.Add("NAME", &options->name, "what the cluster is to be called").Required();
  syntax.Add("--tiup", &options->from,
             "TiUP's folder of the cluster, ~/.tiup/storage/dm/clusters/NAME, or its meta.yaml");
  syntax.Add("--master-addr", &options->master_address,
             "HOST:PORT of a dm-master, when no tool has a record of the cluster");
  syntax.Add("--user", &options->user, "that its units run as (what they say)");
  syntax.Add("--tls", &options->tls,
             "with --master-addr: folder with ca.crt, ca.pem, client.crt and client.pem");
  syntax.Add("--description", &options->description, "what the cluster is for");
  syntax.Add("--label", &options->labels, "KEY=VALUE, to find it by").List();
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return Import(environment, *options); };
}

struct TakeoverOptions {
  ChangeOptions change;
  std::string name;
  unsigned max_parallel = 0;
  bool accept_load_restart = false;
};

Run DeclareTakeover(const Syntax& syntax) {
  auto options = std::make_shared<TakeoverOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  DeclareMaxParallel(syntax, &options->max_parallel);
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    v1::TakeOverClusterRequest request;
    request.set_cluster_name(options->name);
    request.set_max_parallel(options->max_parallel);
    request.set_accept_load_restart(options->accept_load_restart);
    return Change<v1::TakeOverClusterResponse>(
        environment, options->change,
        fmt::format("Put dmgr's files in the place of TiUP's for {}? Its instances are restarted "
                    "one after another; TiUP's files are kept beside them.",
                    options->name),
        request);
  };
}

struct ReleaseOptions {
  ChangeOptions change;
  std::string name;
  std::string file;
};

absl::StatusOr<ExitCode> Release(Environment& environment, const ReleaseOptions& options) {
  ASSIGN_OR_RETURN(const auto cluster, GetCluster(environment, options.name));
  v1::ReleaseClusterRequest request;
  request.set_cluster_name(options.name);
  ASSIGN_OR_RETURN(
      const bool sure,
      IsSure(
          environment, options.change,
          fmt::format("Forget {}, with what is recorded of its sources and tasks? It runs on, and "
                      "its files stay.",
                      options.name)));
  if (!sure) return kRefused;
  // Before there is nothing left to write it from; a call that is refused writes nothing.
  ASSIGN_OR_RETURN(const auto checked,
                   Make<v1::ReleaseClusterResponse>(environment, {.dry_run = true}, request));
  if (options.change.dry_run) return Follow(environment, checked.operation(), options.change);
  const bool has_tls = cluster.topology().global().enable_tls();
  v1::ExportTiupTlsResponse exported;
  if (has_tls) {
    v1::ExportTiupTlsRequest asked;
    asked.set_cluster_name(options.name);
    ASSIGN_OR_RETURN(exported, environment.Call<v1::ExportTiupTlsResponse>(asked));
    RETURN_IF_ERROR(CheckNoOtherTls(options.file, exported.mutable_tls()));
  }
  RETURN_IF_ERROR(WriteTiupMeta(environment, cluster, options.file));
  if (has_tls) {
    RETURN_IF_ERROR(WriteTiupTls(environment, options.file, exported.mutable_tls()));
  }
  ASSIGN_OR_RETURN(const auto made,
                   Make<v1::ReleaseClusterResponse>(environment, options.change, request));
  return Follow(environment, made.operation(), options.change);
}

Run DeclareRelease(const Syntax& syntax) {
  auto options = std::make_shared<ReleaseOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("--output", &options->file, "file for TiUP's meta.yaml").Required();
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return Release(environment, *options); };
}

}  // namespace

absl::Status WriteTiupMeta(Environment& environment, const v1::Cluster& cluster,
                           const std::string& file) {
  const TiupText meta = TiupMetaText(cluster);
  const std::string text = fmt::format(kMetaHeader, cluster.name()) + meta.text;
  Terminal& terminal = *environment.terminal;
  if (file.empty()) {
    terminal.out() << text;
  } else {
    RETURN_IF_ERROR(WriteFileAtomically(file, text, 0600));
  }
  for (const auto& sentence : meta.left_out) terminal.err() << "left out: " << sentence << "\n";
  if (!file.empty()) terminal.err() << "wrote " << file << "\n";
  return absl::OkStatus();
}

std::vector<Command> ClusterTiupCommands() {
  return {{"cluster export", "write a cluster's record in the form of another tool",
           "dmgrctl cluster export demo --tiup --output meta.yaml", DeclareExport},
          {"cluster import",
           "take over a cluster that TiUP, or nobody, has a record of; nothing restarts",
           "dmgrctl cluster import demo --tiup meta.yaml", DeclareImport},
          {"cluster takeover", "have an imported cluster run with dmgr's files, to change it here",
           "dmgrctl cluster takeover demo", DeclareTakeover},
          {"cluster release", "forget an imported cluster, and leave its hosts to TiUP",
           "dmgrctl cluster release demo --output meta.yaml", DeclareRelease}};
}

}  // namespace dmgr::client
