#include "client/output/next_actions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "client/output/prefixed.h"
#include "dmgr/v1/next_action.pb.h"

namespace dmgr::client {
namespace {

struct Wording {
  v1::Action action;
  // A word {key:ELSE} is the argument of that key, or ELSE where it is not known.
  const char* words;
};

// Options that are there only when their argument is. An empty one is for the user to fill in.
struct OptionWording {
  const char* key;
  const char* option;
  const char* placeholder;
};
constexpr OptionWording kMachineOptions[] = {{"host", "--address", "ADDRESS"},
                                             {"host_key_fingerprint", "--host-key", "SHA256:..."},
                                             {"credential", "--key", "FILE"},
                                             {"far_end_dir", "--far-end-dir", "DIR"}};

// A value that is an option of its own.
struct FlagWording {
  // ACTION_UNSPECIFIED: of any that has the key.
  v1::Action action;
  const char* key;
  const char* value;
  const char* flag;
};
constexpr FlagWording kFlags[] = {
    {v1::ACTION_RESTART_CLUSTER, "strategy", "STRATEGY_ALL_AT_ONCE", "--all-at-once"},
    {v1::ACTION_UPGRADE_CLUSTER, "strategy", "STRATEGY_OFFLINE", "--offline"},
    {v1::ACTION_UPGRADE_CLUSTER, "allow_downgrade", "true", "--allow-downgrade"},
    {v1::ACTION_DESTROY_CLUSTER, "force", "true", "--force"},
    {v1::ACTION_SCALE_IN_CLUSTER, "force", "true", "--force"},
    {v1::ACTION_MOVE_MACHINE, "force", "true", "--force"},
    {v1::ACTION_REBUILD_CLUSTER, "force", "true", "--force"},
    {v1::ACTION_RESTORE_CLUSTER, "force", "true", "--force"},
    {v1::ACTION_UNSPECIFIED, "skip_unreachable", "true", "--skip-unreachable"},
    {v1::ACTION_UNSPECIFIED, "accept_load_restart", "true", "--accept-load-restart"}};

// Calls that are about all instances unless they are told, and how they are told.
constexpr v1::Action kSelecting[] = {
    v1::ACTION_START_CLUSTER,  v1::ACTION_STOP_CLUSTER,   v1::ACTION_RESTART_CLUSTER,
    v1::ACTION_RELOAD_CLUSTER, v1::ACTION_PATCH_CLUSTER,  v1::ACTION_REVERT_CLUSTER_PATCHES,
    v1::ACTION_REPAIR_CLUSTER, v1::ACTION_ENABLE_CLUSTER, v1::ACTION_DISABLE_CLUSTER};
constexpr OptionWording kSelectionOptions[] = {{"selection.components", "--role", "ROLE"},
                                               {"selection.nodes", "--node", "NODE"}};

constexpr Wording kWordings[] = {
    {v1::ACTION_LOGIN, "login"},
    {v1::ACTION_CREATE_USER, "user create {user_name:NAME} --role {role:operator}"},
    {v1::ACTION_CREATE_MACHINE, "machine add {machine_id:HOST}"},
    {v1::ACTION_LIST_MACHINES, "machine list"},
    {v1::ACTION_UPDATE_MACHINE, "machine update {machine_id:MACHINE}"},
    {v1::ACTION_REPLACE_MACHINE, "machine replace {machine_id:MACHINE}"},
    {v1::ACTION_CHECK_MACHINE, "machine check {machine_id:MACHINE}"},
    {v1::ACTION_CLEAN_MACHINE, "machine clean {machine_id:MACHINE}"},
    {v1::ACTION_MOVE_MACHINE,
     "machine move {from_machine_id:OLD} {to_machine_id:NEW} --cluster {cluster_name:NAME}"},
    {v1::ACTION_READDRESS_MACHINE,
     "machine readdress {from_machine_id:MACHINE} --cluster {cluster_name:NAME}"},
    {v1::ACTION_MOVE_CLUSTER, "cluster move {cluster_name:NAME} --to OLD=NEW"},
    {v1::ACTION_BUILD_PACKAGE, "package build --components DIR --version {version:VERSION}"},
    {v1::ACTION_UPLOAD_PACKAGE, "package upload FILE"},
    {v1::ACTION_LIST_PACKAGES, "package list"},
    {v1::ACTION_DELETE_PACKAGE, "package remove {version:VERSION}"},
    {v1::ACTION_UPLOAD_PATCH, "cluster patch {cluster_name:NAME} FILE"},
    {v1::ACTION_LIST_CLUSTERS, "cluster list"},
    {v1::ACTION_GET_CLUSTER, "cluster show {cluster_name:NAME}"},
    {v1::ACTION_GET_CLUSTER_STATUS, "cluster status {cluster_name:NAME}"},
    {v1::ACTION_START_CLUSTER, "cluster start {cluster_name:NAME}"},
    {v1::ACTION_STOP_CLUSTER, "cluster stop {cluster_name:NAME}"},
    {v1::ACTION_DESTROY_CLUSTER, "cluster destroy {cluster_name:NAME}"},
    {v1::ACTION_SCALE_OUT_CLUSTER, "cluster scale-out {cluster_name:NAME} FILE"},
    {v1::ACTION_SCALE_IN_CLUSTER,
     "cluster scale-in {cluster_name:NAME} --node {selection.nodes:NODE}"},
    {v1::ACTION_RELOAD_CLUSTER, "cluster reload {cluster_name:NAME}"},
    {v1::ACTION_UPDATE_CLUSTER_TOPOLOGY, "cluster edit-config {cluster_name:NAME} --file FILE"},
    {v1::ACTION_ROTATE_CLUSTER_KEY, "cluster rotate-key {cluster_name:NAME}"},
    {v1::ACTION_ROTATE_CLUSTER_TLS, "cluster tls rotate {cluster_name:NAME}"},
    {v1::ACTION_ENABLE_CLUSTER_TLS, "cluster tls enable {cluster_name:NAME}"},
    {v1::ACTION_DISABLE_CLUSTER_TLS, "cluster tls disable {cluster_name:NAME}"},
    {v1::ACTION_REBUILD_CLUSTER, "cluster rebuild {cluster_name:NAME}"},
    {v1::ACTION_TAKE_OVER_CLUSTER, "cluster takeover {cluster_name:NAME}"},
    {v1::ACTION_RELEASE_CLUSTER, "cluster release {cluster_name:NAME} --output meta.yaml"},
    {v1::ACTION_LIST_COPIES, "cluster copies {cluster_name:NAME}"},
    {v1::ACTION_ENABLE_CLUSTER, "cluster enable {cluster_name:NAME}"},
    {v1::ACTION_DISABLE_CLUSTER, "cluster disable {cluster_name:NAME}"},
    {v1::ACTION_RESTORE_CLUSTER, "cluster restore {cluster_name:NAME} FILE"},
    {v1::ACTION_DISCARD_PENDING_TOPOLOGY, "cluster edit-config {cluster_name:NAME} --discard"},
    {v1::ACTION_PATCH_CLUSTER, "cluster patch {cluster_name:NAME} FILE"},
    {v1::ACTION_REVERT_CLUSTER_PATCHES, "cluster patch {cluster_name:NAME} --revert"},
    {v1::ACTION_RESTART_CLUSTER, "cluster restart {cluster_name:NAME}"},
    {v1::ACTION_UPGRADE_CLUSTER, "cluster upgrade {cluster_name:NAME} {version:VERSION}"},
    {v1::ACTION_VERIFY_CLUSTER, "cluster verify {cluster_name:NAME}"},
    {v1::ACTION_REPAIR_CLUSTER, "cluster repair {cluster_name:NAME}"},
    {v1::ACTION_PRUNE_CLUSTER, "cluster prune {cluster_name:NAME}"},
    {v1::ACTION_READ_LOGS, "cluster logs {cluster_name:NAME} --node {selection.nodes:NODE}"},
    {v1::ACTION_CHECK_CLUSTER, "cluster check {cluster_name:NAME}"},
    {v1::ACTION_RESUME_TASK, "task resume {cluster_name:NAME} {task_name:TASK}"},
    {v1::ACTION_START_TASK, "task start {cluster_name:NAME} {task_name:TASK}"},
    {v1::ACTION_ADOPT_TASK, "task adopt {cluster_name:NAME} {task_name:TASK}"},
    {v1::ACTION_UPDATE_TASK, "task update {cluster_name:NAME} FILE"},
    {v1::ACTION_ROLLBACK_TASK,
     "task rollback {cluster_name:NAME} {task_name:TASK} --revision {revision:1}"},
    {v1::ACTION_LIST_TASK_ERRORS, "task errors list {cluster_name:NAME} {task_name:TASK}"},
    {v1::ACTION_SKIP_TASK_ERROR,
     "task errors skip {cluster_name:NAME} {task_name:TASK} --source {source_ids:SOURCE}"},
    {v1::ACTION_REPLACE_TASK_ERROR,
     "task errors replace {cluster_name:NAME} {task_name:TASK} --source {source_ids:SOURCE} --sql "
     "SQL"},
    {v1::ACTION_LIST_SHARD_LOCKS, "task locks list {cluster_name:NAME}"},
    {v1::ACTION_UNLOCK_SHARD_LOCK, "task locks unlock {cluster_name:NAME} {lock_id:LOCK}"},
    {v1::ACTION_LIST_OPERATIONS, "operation list"},
    {v1::ACTION_GET_OPERATION, "operation show {operation_id:OPERATION}"},
    {v1::ACTION_WATCH_OPERATION, "operation watch {operation_id:OPERATION}"},
    {v1::ACTION_CANCEL_OPERATION, "operation cancel {operation_id:OPERATION}"},
    {v1::ACTION_RESUME_OPERATION, "operation resume {operation_id:OPERATION}"},
    {v1::ACTION_ROLLBACK_OPERATION, "operation rollback {operation_id:OPERATION}"},
    {v1::ACTION_ABANDON_OPERATION, "operation abandon {operation_id:OPERATION}"},
};

// Of an enum: "admin" of ROLE_ADMIN.
std::string ValueOf(const std::string& key, const std::string& value) {
  constexpr std::string_view kPrefix = "ROLE_";
  if (key != "role" || !value.starts_with(kPrefix)) return value;
  std::string word = value.substr(kPrefix.size());
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word;
}

// One word of the table, filled in.
std::string Filled(const std::string& word, const v1::NextAction& action) {
  if (word.front() != '{') return word;
  const auto colon = word.find(':');
  const auto value = action.arguments().find(word.substr(1, colon - 1));
  if (value == action.arguments().end() || value->second.empty()) {
    return word.substr(colon + 1, word.size() - colon - 2);
  }
  return ShellQuoted(ValueOf(value->first, value->second));
}

std::string FlagsOf(const v1::NextAction& action) {
  std::string text;
  for (const auto& flag : kFlags) {
    const auto value = action.arguments().find(flag.key);
    const bool is_meant = flag.action == action.action() || flag.action == v1::ACTION_UNSPECIFIED;
    if (!is_meant || value == action.arguments().end()) continue;
    if (value->second == flag.value) text += std::string(" ") + flag.flag;
  }
  return text;
}

std::string SelectionOf(const v1::NextAction& action) {
  std::string text;
  if (std::find(std::begin(kSelecting), std::end(kSelecting), action.action()) ==
      std::end(kSelecting)) {
    return text;
  }
  for (const auto& option : kSelectionOptions) {
    const auto value = action.arguments().find(option.key);
    if (value == action.arguments().end() || value->second.empty()) continue;
    text += std::string(" ") + option.option + " " + ShellQuoted(value->second);
  }
  return text;
}

std::string OptionsOf(const v1::NextAction& action) {
  std::string text;
  for (const auto& option : kMachineOptions) {
    const auto value = action.arguments().find(option.key);
    if (value == action.arguments().end()) continue;
    text += std::string(" ") + option.option + " " +
            (value->second.empty() ? option.placeholder : ShellQuoted(value->second));
  }
  return text;
}

bool IsControlByte(unsigned char c) { return c < 0x20 || c == 0x7f; }

// $'a\012b': what a server sends stays one line, which does not look like another command.
std::string WithEscapes(std::string_view text) {
  std::string quoted = "$'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsControlByte(byte)) {
      quoted += fmt::format("\\{:03o}", byte);
    } else {
      if (c == '\'' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace

std::string ShellQuoted(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_@%+=:,./-").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  if (std::any_of(text.begin(), text.end(), IsControlByte)) return WithEscapes(text);
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string CommandOf(const v1::NextAction& action) {
  const auto* wording = std::find_if(std::begin(kWordings), std::end(kWordings),
                                     [&](const Wording& w) { return w.action == action.action(); });
  if (wording == std::end(kWordings)) return {};
  std::string command = "dmgrctl";
  std::istringstream words(wording->words);
  for (std::string word; words >> word;) command += " " + Filled(word, action);
  const bool machine =
      action.action() == v1::ACTION_UPDATE_MACHINE || action.action() == v1::ACTION_REPLACE_MACHINE;
  if (machine) return command + OptionsOf(action);
  return command + SelectionOf(action) + FlagsOf(action);
}

std::string NextText(const std::string& remedy, const std::vector<v1::NextAction>& actions) {
  std::string text = remedy;
  bool first = true;
  for (const auto& action : actions) {
    const std::string command = CommandOf(action);
    if (command.empty()) continue;
    text += first ? (text.empty() ? "" : ": ") + command : "\n  or: " + command;
    first = false;
  }
  return text.empty() ? text : "next: " + Harmless(text) + "\n";
}

}  // namespace dmgr::client
