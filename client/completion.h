// Completion of the command line in a shell. The shells' scripts ask dmgrctl itself what can stand
// under the cursor.
#ifndef DMGR_CLIENT_COMPLETION_H_
#define DMGR_CLIENT_COMPLETION_H_

#include <functional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own.
class App;
}

namespace dmgr::client {

// The first word of a command line that asks for the completions of those that follow.
inline constexpr char kCompleteWord[] = "__complete";

// What things are called that dmgrd knows. cluster: the one that the command line names, or empty.
enum class Things {
  kClusters,
  kInstances,
  kMachines,
  kOperations,
  kVersions,
  kSources,
  kTargets,
  kTasks
};
using NamesOf = std::function<std::vector<std::string>(Things things, const std::string& cluster)>;

// The commands one level below, and the options of one, long and short.
std::vector<std::string> CommandsBelow(const CLI::App& app);
std::vector<std::string> OptionsOf(const CLI::App& app);

// What can stand for the last of the words, which may be empty: commands, options, choices, names.
// Nothing where it is a file, or a word of its own.
std::vector<std::string> Completions(const CLI::App& root, const std::vector<std::string>& words,
                                     const NamesOf& names);

// For "bash", "zsh" or "fish".
std::string CompletionScript(const std::string& shell);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMPLETION_H_
