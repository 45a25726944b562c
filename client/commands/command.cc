#include "client/commands/command.h"

#include "common/files.h"

namespace dmgr::client {

const std::vector<Command>& AllCommands() {
  static const auto* all = [] {
    auto* commands = new std::vector<Command>();
    for (auto family : {LoginCommands,
                        ContextCommands,
                        MachineCommands,
                        MachineMoveCommands,
                        PackageCommands,
                        PackageUploadCommands,
                        ClusterDeployCommands,
                        ClusterChangeCommands,
                        ClusterPatchCommands,
                        ClusterConfigCommands,
                        ClusterPruneCommands,
                        ClusterReloadCommands,
                        ClusterReadCommands,
                        ClusterLogsCommands,
                        ClusterExecCommands,
                        ClusterFileCommands,
                        ClusterDmctlCommands,
                        ClusterCheckCommands,
                        ClusterTemplateCommands,
                        ClusterTiupCommands,
                        ClusterCleanCommands,
                        ClusterMoveCommands,
                        ClusterRebuildCommands,
                        ClusterBackupCommands,
                        ClusterRotateKeyCommands,
                        ClusterTlsCommands,
                        ClusterRenameCommands,
                        LabelCommands,
                        PatchCommands,
                        SourceCommands,
                        TargetCommands,
                        TaskCommands,
                        TaskReadCommands,
                        TaskWatchCommands,
                        TaskErrorCommands,
                        TaskTableCommands,
                        TaskValidationCommands,
                        RevisionCommands,
                        OperationReadCommands,
                        OperationCommands,
                        UserCommands,
                        TokenCommands,
                        AuditCommands,
                        ShellCommands}) {
      for (const auto& command : family()) commands->push_back(command);
    }
    return commands;
  }();
  return *all;
}

std::shared_ptr<std::string> DeclareArgument(const Syntax& syntax, const char* name,
                                             const char* text) {
  auto value = std::make_shared<std::string>();
  syntax.Add(name, value.get(), text).Required();
  return value;
}

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  auto text = ReadFile(path);
  if (text.ok()) return text;
  return Error(absl::StatusCode::kInvalidArgument, Reason(text.status()), "{}",
               Message(text.status()))
      .With("path", path);
}

bool LooksLikeFile(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".yaml") || word.ends_with(".yml") ||
         word == "-";
}

}  // namespace dmgr::client
