// What a command of dmgrctl is made of.
#ifndef DMGR_CLIENT_COMMANDS_COMMAND_H_
#define DMGR_CLIENT_COMMANDS_COMMAND_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/environment.h"
#include "client/syntax.h"
#include "common/enum_words.h"

namespace dmgr::client {

// Declares a command's options and returns what runs it, once the command line is parsed. A status
// is printed and becomes the exit code; kInterrupted has no status of its own.
using Run = std::function<absl::StatusOr<ExitCode>(Environment&)>;
struct Command {
  // "cluster start"; at most three words.
  const char* name;
  const char* summary;
  // Printed below the options: at least one line that can be typed as it is.
  const char* example;
  Run (*declare)(const Syntax& syntax);
};

// Every command, in the order of the help.
const std::vector<Command>& AllCommands();

// One function for each file of this folder.
std::vector<Command> LoginCommands();
std::vector<Command> ContextCommands();
std::vector<Command> MachineCommands();
std::vector<Command> MachineMoveCommands();
std::vector<Command> PackageCommands();
std::vector<Command> PackageUploadCommands();
std::vector<Command> ClusterDeployCommands();
std::vector<Command> ClusterChangeCommands();
std::vector<Command> ClusterCleanCommands();
std::vector<Command> ClusterPatchCommands();
std::vector<Command> ClusterConfigCommands();
std::vector<Command> ClusterPruneCommands();
std::vector<Command> ClusterReloadCommands();
std::vector<Command> ClusterReadCommands();
std::vector<Command> ClusterRenameCommands();
std::vector<Command> ClusterMoveCommands();
std::vector<Command> ClusterRebuildCommands();
std::vector<Command> ClusterBackupCommands();
std::vector<Command> ClusterRotateKeyCommands();
std::vector<Command> ClusterTlsCommands();
std::vector<Command> ClusterTemplateCommands();
std::vector<Command> ClusterTiupCommands();
std::vector<Command> ClusterCheckCommands();
std::vector<Command> ClusterLogsCommands();
std::vector<Command> ClusterExecCommands();
std::vector<Command> ClusterFileCommands();
std::vector<Command> ClusterDmctlCommands();
std::vector<Command> LabelCommands();
std::vector<Command> PatchCommands();
std::vector<Command> OperationReadCommands();
std::vector<Command> OperationCommands();
std::vector<Command> UserCommands();
std::vector<Command> TokenCommands();
std::vector<Command> SourceCommands();
std::vector<Command> TargetCommands();
std::vector<Command> TaskCommands();
std::vector<Command> TaskReadCommands();
std::vector<Command> TaskWatchCommands();
std::vector<Command> TaskErrorCommands();
std::vector<Command> TaskTableCommands();
std::vector<Command> TaskValidationCommands();
std::vector<Command> RevisionCommands();
std::vector<Command> AuditCommands();
std::vector<Command> ShellCommands();

// An argument that must be there; its value lives as long as somebody holds it.
std::shared_ptr<std::string> DeclareArgument(const Syntax& syntax, const char* name,
                                             const char* text);

// The words of all values of an enum of the API, but for the one that is none.
template <typename E>
std::vector<std::string> AllWords() {
  const auto* values = google::protobuf::GetEnumDescriptor<E>();
  std::vector<std::string> words;
  for (int i = 0; i < values->value_count(); ++i) {
    const std::string word = EnumWord(values, values->value(i)->number());
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

// A whole file that the user named; INVALID_ARGUMENT when it cannot be read.
absl::StatusOr<std::string> ReadInput(const std::string& path);

// Whether the word names a YAML file, not a thing: those have no slash and no such ending. "-" is
// standard input.
bool LooksLikeFile(const std::string& word);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_COMMAND_H_
