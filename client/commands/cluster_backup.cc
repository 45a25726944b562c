// cluster backup, restore.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/stream.h"
#include "client/context/files.h"
#include "client/output/format.h"
#include "client/output/prefixed.h"
#include "common/error.h"
#include "common/files.h"
#include "common/secret.h"
#include "dmgr/v1/maintenance_service.grpc.pb.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

constexpr char kVariable[] = "DMGR_PASSPHRASE";

struct BackupOptions {
  ChangeOptions change;
  std::string name;
  std::string file;
  std::string passphrase_file;
  bool force = false;
};

std::shared_ptr<BackupOptions> DeclareBackupOptions(const Syntax& syntax, const char* cluster) {
  auto options = std::make_shared<BackupOptions>();
  syntax.Add("NAME", &options->name, cluster).Required();
  syntax.Add("FILE", &options->file, "the backup").Required();
  syntax.Add("--passphrase-file", &options->passphrase_file,
             "file with the passphrase; without one it is that of the environment variable "
             "DMGR_PASSPHRASE, or asked for");
  return options;
}

// Of the file, the environment, or asked for; never of the command line, which others see.
absl::StatusOr<Secret> PassphraseFor(Environment& environment, const BackupOptions& options,
                                     bool is_new) {
  if (!options.passphrase_file.empty()) {
    ASSIGN_OR_RETURN(std::string text, ReadInput(options.passphrase_file));
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    return Secret(std::move(text));
  }
  if (std::string text = EnvironmentOr(kVariable, ""); !text.empty()) {
    return Secret(std::move(text));
  }
  ASSIGN_OR_RETURN(std::string text, environment.terminal->AskSecret("Passphrase of the backup"));
  Secret passphrase(std::move(text));
  // A line of standard input is what it is.
  if (!is_new || !environment.terminal->Interactive()) return passphrase;
  ASSIGN_OR_RETURN(std::string again, environment.terminal->AskSecret("The same once more"));
  if (Secret(std::move(again)) == passphrase) return passphrase;
  return Error(absl::StatusCode::kInvalidArgument, "PASSPHRASE_INVALID",
               "the passphrase was not the same the second time")
      .Remedy("try again: without it nobody opens the backup");
}

// Into a file beside it, which takes its place when all has come.
absl::StatusOr<v1::BackupSummary> Fetch(Environment& environment, const BackupOptions& options,
                                        const std::string& draft) {
  v1::BackupClusterRequest request;
  request.set_cluster_name(options.name);
  ASSIGN_OR_RETURN(const Secret passphrase, PassphraseFor(environment, options, /*is_new=*/true));
  request.set_passphrase(passphrase.text());
  const WipeAtEnd wiped(request.mutable_passphrase());
  ASSIGN_OR_RETURN(auto file, FileWriter::Create(draft, 0600));
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  v1::MaintenanceService::Stub stub(connection.channel());
  const auto reader = stub.BackupCluster(&context, request);
  v1::BackupSummary summary;
  std::uint64_t bytes = 0;
  absl::Status written;
  v1::BackupClusterResponse response;
  while (reader->Read(&response)) {
    MakeHarmless(&response);
    if (response.has_summary()) summary = response.summary();
    bytes += response.data().size();
    if (written.ok()) written = file.Write(response.data());
  }
  RETURN_IF_ERROR(connection.Explain(reader->Finish()));
  RETURN_IF_ERROR(written);
  if (bytes == summary.size_bytes() && bytes > 0) return summary;
  return Error(absl::StatusCode::kDataLoss, "BACKUP_UNREADABLE",
               "only {} of {} bytes of the backup have come", bytes, summary.size_bytes())
      .Remedy("try again");
}

absl::StatusOr<ExitCode> Backup(Environment& environment, const BackupOptions& options) {
  const std::string draft = options.file + ".part-" + NewUuid().substr(0, 8);
  const auto summary = Fetch(environment, options, draft);
  std::error_code error;
  if (summary.ok()) fs::rename(draft, options.file, error);
  if (!summary.ok() || error) {
    std::error_code ignored;
    fs::remove(draft, ignored);
    if (!summary.ok()) return summary.status();
    return Error(absl::StatusCode::kInvalidArgument, "FILE_UNWRITABLE", "cannot make {}: {}",
                 options.file, error.message());
  }
  if (environment.structured()) {
    environment.PrintStructured(*summary);
    return kDone;
  }
  environment.terminal->out() << fmt::format(
      "{}: {}, {} source{} and {} subtask{} of {}; without the passphrase nobody opens it\n",
      options.file, Bytes(summary->size_bytes()), summary->source_count(),
      summary->source_count() == 1 ? "" : "s", summary->subtask_count(),
      summary->subtask_count() == 1 ? "" : "s", summary->cluster_name());
  return kDone;
}

// Shows what is replaced by what before it asks.
absl::StatusOr<ExitCode> Restore(Environment& environment, const BackupOptions& options) {
  v1::RestoreClusterHeader header;
  header.set_cluster_name(options.name);
  header.set_force(options.force);
  ASSIGN_OR_RETURN(const Secret passphrase, PassphraseFor(environment, options, /*is_new=*/false));
  header.set_passphrase(passphrase.text());
  const WipeAtEnd wiped(header.mutable_passphrase());
  if (!options.change.dry_run && !options.change.yes) {
    header.set_validate_only(true);
    ASSIGN_OR_RETURN(
        const auto plan,
        SendFile(environment, &v1::MaintenanceService::Stub::RestoreCluster, header, options.file));
    TellLosses(environment, plan.operation());
  }
  ASSIGN_OR_RETURN(
      const bool sure,
      IsSure(environment, options.change,
             fmt::format("Replace all that {} migrates by what {} has? The data of its "
                         "dm-masters is removed; its tasks stop, and those of the "
                         "backup go on.",
                         options.name, options.file)));
  if (!sure) return kRefused;
  header.set_validate_only(options.change.dry_run);
  if (!options.change.dry_run) header.set_request_id(NewUuid());
  ASSIGN_OR_RETURN(
      const auto response,
      SendFile(environment, &v1::MaintenanceService::Stub::RestoreCluster, header, options.file));
  return Follow(environment, response.operation(), options.change);
}

Run DeclareBackup(const Syntax& syntax) {
  auto options = DeclareBackupOptions(syntax, "cluster");
  return [options](Environment& environment) { return Backup(environment, *options); };
}

Run DeclareRestore(const Syntax& syntax) {
  auto options = DeclareBackupOptions(syntax, "cluster whose sources and tasks are replaced");
  syntax.Flag("--force", &options->force, "also while tasks run there: they end");
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return Restore(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterBackupCommands() {
  return {{"cluster backup", "seal what a cluster migrates in a file, with a passphrase",
           "dmgrctl cluster backup demo demo.backup", DeclareBackup},
          {"cluster restore", "have a cluster migrate what a backup has",
           "dmgrctl cluster restore demo demo.backup --force", DeclareRestore}};
}

}  // namespace dmgr::client
