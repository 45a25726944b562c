// Tables of the responses. A column is never removed and never moves: scripts cut by them.
#include "client/output/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "client/output/format.h"
#include "client/output/next_actions.h"
#include "common/address.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "common/package/archs.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "dmgr/v1/next_action.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::client {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string StateOf(v1::ClusterState state) {
  return Word(v1::ClusterState_Name(state), "CLUSTER_STATE_");
}
std::string StateOf(v1::OperationState state) {
  return Word(v1::OperationState_Name(state), "OPERATION_STATE_");
}
std::string StateOf(v1::StepState state) { return Word(v1::StepState_Name(state), "STEP_STATE_"); }

// That it waits for a reload goes before what it runs. Of an Instance or an InstanceStatus.
template <typename Instance>
std::string HotfixOf(const Instance& instance) {
  if (instance.reload_pending()) return "reload";
  return instance.patch_id().empty() ? "normal" : "patched";
}

// "env=prod,team=data", by key.
template <typename Thing>
std::string LabelsOf(const Thing& thing) {
  const std::map<std::string, std::string> sorted(thing.labels().begin(), thing.labels().end());
  std::vector<std::string> words;
  for (const auto& [key, value] : sorted) words.push_back(fmt::format("{}={}", key, value));
  return OrDash(fmt::format("{}", fmt::join(words, ",")));
}

std::string ArchsText(const v1::Package& package) {
  return fmt::format("{}", fmt::join(package::ArchsOf(package), ","));
}

std::string AddressOf(const v1::Machine& m) {
  const std::string address = JoinHostPort(m.host(), static_cast<int>(m.ssh_port()));
  return m.via().empty() ? address : address + " via " + m.via();
}

std::vector<std::string> MachineRow(const v1::Machine& m) {
  return {m.machine_id(),
          AddressOf(m),
          m.user(),
          Word(v1::Privilege_Name(m.privilege()), "PRIVILEGE_"),
          OrDash(m.facts().os()),
          OrDash(m.facts().arch()),
          std::to_string(m.facts().cpu_cores()),
          Bytes(m.facts().memory_bytes()),
          LabelsOf(m)};
}

// What waits to be removed, and how.
std::string AllowedUsersOf(const v1::Machine& m) {
  if (m.allowed_users().empty()) return "";
  return fmt::format("clusters may run as {}\n", fmt::join(m.allowed_users(), ", "));
}

std::string LeftoversOf(const v1::Machine& m) {
  std::string text;
  for (const auto& leftover : m.leftovers()) {
    text += fmt::format("left by cluster {} {}: {}; {}\n", leftover.cluster_name(),
                        LocalTime(leftover.create_time()), fmt::join(leftover.units(), ", "),
                        fmt::join(leftover.paths(), ", "));
  }
  if (text.empty()) return text;
  v1::NextAction clean;
  clean.set_action(v1::ACTION_CLEAN_MACHINE);
  (*clean.mutable_arguments())["machine_id"] = m.machine_id();
  return "\n" + text + NextText("", {clean});
}

std::int64_t Seconds(const google::protobuf::Timestamp& from,
                     const google::protobuf::Timestamp& to) {
  return from.seconds() == 0 || to.seconds() == 0 ? 0 : to.seconds() - from.seconds();
}

std::vector<std::string> OperationRow(const v1::Operation& o) {
  return {o.operation_id(),
          Word(v1::OperationKind_Name(o.kind()), "OPERATION_KIND_"),
          o.cluster_name(),
          StateOf(o.state()) + (o.abandoned() ? ", abandoned" : ""),
          o.user_name(),
          LocalTime(o.create_time()),
          o.end_time().seconds() == 0 ? "-" : Span(Seconds(o.start_time(), o.end_time()))};
}

// A line for each host that is not as it is recorded. Of a Cluster or its status.
template <typename Cluster>
std::string BehindLines(const Cluster& cluster) {
  std::string text;
  for (const auto& one : cluster.behind_machines()) {
    text += fmt::format("behind: {}, left out {}: {}\n", one.machine_id(),
                        LocalTime(one.since_time()), one.reason());
  }
  return text;
}

// The same, and what mends it.
// Of DM: those that work, of all.
std::string MembersOf(const v1::ClusterHealth& health) {
  if (!health.has_observe_time()) return "-";
  return fmt::format("{}/{}", health.working_members(), health.members());
}

std::string BehindText(const v1::Cluster& cluster) {
  const std::string lines = BehindLines(cluster);
  if (lines.empty()) return lines;
  return lines + NextText("", {MakeNextAction(v1::ACTION_REPAIR_CLUSTER,
                                              {{"cluster_name", cluster.name()}})});
}

const std::vector<std::string> kOperationHead = {"OPERATION", "KIND",    "CLUSTER", "STATE",
                                                 "USER",      "CREATED", "TOOK"};

}  // namespace

std::string SkippedText(const v1::Operation& operation) {
  std::string text;
  for (const auto& machine : operation.skipped_machines()) {
    text += fmt::format("left out: {}: {}\n", machine.machine_id(), machine.reason());
  }
  return text;
}

std::string PausedText(const v1::Operation& operation) {
  std::string text;
  for (const auto& one : operation.paused_tasks()) {
    text += fmt::format("paused for a while: task {} of source {}, with {}\n", one.task_name(),
                        one.source_id(), one.worker_name());
  }
  return text;
}

std::string ToTable(const v1::ListMachinesResponse& response) {
  Rows rows = {
      {"MACHINE", "ADDRESS", "USER", "ROOT BY", "OS", "ARCH", "CORES", "MEMORY", "LABELS"}};
  std::string left;
  for (const auto& machine : response.machines()) {
    rows.push_back(MachineRow(machine));
    left += LeftoversOf(machine);
  }
  return Table(rows) + left;
}

std::string ToTable(const v1::GetMachineResponse& response) {
  const auto& m = response.machine();
  return Table({{"Machine", m.machine_id()},
                {"Address", AddressOf(m)},
                {"User", m.user()},
                {"Root by", Word(v1::Privilege_Name(m.privilege()), "PRIVILEGE_")},
                {"Host key", m.host_key_fingerprint()},
                {"Host name", m.facts().hostname()},
                {"OS", m.facts().os()},
                {"Kernel", m.facts().kernel()},
                {"Arch", m.facts().arch()},
                {"Cores", std::to_string(m.facts().cpu_cores())},
                {"Memory", Bytes(m.facts().memory_bytes())},
                {"systemd", std::to_string(m.facts().systemd_version())},
                {"Seen", LocalTime(m.facts().observe_time())},
                {"Labels", LabelsOf(m)},
                {"Description", OrDash(m.description())}}) +
         AllowedUsersOf(m) + LeftoversOf(m);
}

std::string ToTable(const v1::CheckMachineResponse& response) {
  Rows rows = {{"CHECK", "RESULT", "WHAT WAS SEEN"}};
  for (const auto& item : response.items()) {
    rows.push_back(
        {item.name(), Word(v1::CheckItem::Level_Name(item.level()), "LEVEL_"), item.message()});
  }
  return Table(rows);
}

std::string ToTable(const v1::CleanMachineResponse& response) {
  if (response.cleaned().empty()) return "nothing was left on it\n";
  std::string text;
  for (const auto& cleaned : response.cleaned()) {
    text += fmt::format("cluster {}, left {}\n", cleaned.leftover().cluster_name(),
                        LocalTime(cleaned.leftover().create_time()));
    for (const auto& what : cleaned.removed()) text += fmt::format("  removed  {}\n", what);
    for (const auto& what : cleaned.kept()) text += fmt::format("  stays    {}\n", what);
  }
  return text;
}

std::string ToTable(const v1::ListPackagesResponse& response) {
  Rows rows = {{"VERSION", "ARCH", "SIZE", "UPLOADED", "CLUSTERS"}};
  for (const auto& p : response.packages()) {
    rows.push_back({p.version(), ArchsText(p), Bytes(p.size_bytes()), LocalTime(p.create_time()),
                    OrDash(fmt::format("{}", fmt::join(p.cluster_names(), ",")))});
  }
  return Table(rows);
}

std::string ToTable(const v1::GetPackageResponse& response) {
  Rows rows = {{"COMPONENT", "ARCH", "VERSION", "SIZE", "SENT AS", "RELEASE"}};
  for (const auto& c : response.package().components()) {
    rows.push_back({ToWord(c.component()), package::ArchOfPart(response.package(), c),
                    OrDash(c.version()), Bytes(c.size_bytes()), Bytes(c.compressed_bytes()),
                    c.release_hash().substr(0, 16)});
  }
  return fmt::format("{}  {}  {}  sha256 {}\n", response.package().version(),
                     ArchsText(response.package()), Bytes(response.package().size_bytes()),
                     response.package().sha256()) +
         Table(rows);
}

std::string ToTable(const v1::ListPatchesResponse& response) {
  Rows rows = {{"PATCH", "COMPONENT", "VERSION", "ARCH", "SIZE", "UPLOADED", "CLUSTERS", "FILE"}};
  for (const auto& p : response.patches()) {
    rows.push_back({p.patch_id(), ToWord(p.release().component()), OrDash(p.release().version()),
                    p.arch(), Bytes(p.size_bytes()), LocalTime(p.create_time()),
                    OrDash(fmt::format("{}", fmt::join(p.cluster_names(), ","))), p.file_name()});
  }
  return Table(rows);
}

std::string ToTable(const v1::GetPatchResponse& response) {
  v1::ListPatchesResponse one;
  *one.add_patches() = response.patch();
  return ToTable(one);
}

std::string ToTable(const v1::ListClustersResponse& response) {
  std::string behind;
  const bool with_health =
      std::ranges::any_of(response.clusters(), [](const auto& c) { return c.has_health(); });
  Rows rows = {{"CLUSTER", "VERSION", "STATE", "INSTANCES", "CREATED", "OPERATION", "LABELS"}};
  if (with_health) rows[0].push_back("MEMBERS");
  for (const auto& c : response.clusters()) {
    std::vector<std::string> row = {c.name(),
                                    c.version(),
                                    StateOf(c.state()),
                                    std::to_string(c.instances_size()),
                                    LocalTime(c.create_time()),
                                    OrDash(c.active_operation_id()),
                                    LabelsOf(c)};
    if (with_health) row.push_back(MembersOf(c.health()));
    rows.push_back(std::move(row));
    behind += BehindText(c);
  }
  return Table(rows) + behind;
}

std::string ToTable(const v1::GetClusterResponse& response) {
  const auto& c = response.cluster();
  Rows rows = {{"INSTANCE", "COMPONENT", "HOST", "PORT", "DEPLOY DIR", "DATA DIR", "HOTFIX"}};
  for (const auto& i : c.instances()) {
    rows.push_back({i.name(), ToWord(i.component()), i.host(), std::to_string(i.port()),
                    i.deploy_dir(), i.data_dir(), HotfixOf(i)});
  }
  std::string text =
      fmt::format("{}  {}  {}  user {}\n", c.name(), c.version(), StateOf(c.state()), c.user()) +
      (c.description().empty() ? "" : c.description() + "\n") +
      (c.labels().empty() ? "" : "labels " + LabelsOf(c) + "\n") + Table(rows);
  for (const auto& use : c.patches()) {
    const auto& release = use.patch().release();
    text += fmt::format(
        "patch {} of {}{}: {}{}\n", use.patch().file_name(), ToWord(release.component()),
        release.version().empty() ? "" : " (" + release.version() + ")",
        use.instance_names().empty() ? "no instance runs it"
                                     : fmt::format("{}", fmt::join(use.instance_names(), ", ")),
        use.kept_for_new_instances() ? "; new instances get it" : "");
  }
  return text + BehindText(c);
}

std::string ToTable(const v1::GetClusterStatusResponse& response) {
  Rows rows = {{"INSTANCE", "COMPONENT", "HOST", "PORT", "HEALTH", "STATE", "ROLE", "VERSION",
                "UPTIME", "RESTARTS", "HOTFIX", "AT BOOT"}};
  for (const auto& i : response.instances()) {
    std::string role = i.leader() ? "leader" : i.stage_text();
    if (!i.source().empty()) role += " " + i.source();
    // What only its host knows.
    const auto seen = [&](const std::string& text) {
      return i.state() == v1::INSTANCE_STATE_UNREACHABLE ? "-" : text;
    };
    rows.push_back({i.name(), ToWord(i.component()), i.host(), std::to_string(i.port()),
                    i.healthy() ? "healthy" : "unhealthy", i.state_text(), OrDash(role),
                    OrDash(i.version()), seen(Span(i.uptime().seconds())),
                    seen(std::to_string(i.restarts())), HotfixOf(i),
                    seen(i.enabled() ? "started" : "not started")});
  }
  std::string text =
      fmt::format("cluster {}  {}  {}  {}\n", response.cluster_name(), response.version(),
                  StateOf(response.state()), response.healthy() ? "healthy" : "not healthy") +
      Table(rows);
  for (const auto& i : response.instances()) {
    if (!i.reason().empty()) text += fmt::format("{}: {}\n", i.name(), i.reason());
  }
  if (response.has_migrations()) text += MigrationsText(response.migrations());
  if (response.has_tls()) {
    text += fmt::format("TLS: certificates of {} until {}\n", response.tls().issuer(),
                        LocalTime(response.tls().expire_time()));
  }
  for (const auto& warning : response.warnings()) text += "warning: " + warning + "\n";
  text += BehindLines(response);
  if (!response.active_operation_id().empty()) {
    text +=
        fmt::format("held by operation {}: dmgrctl operation show {}\n",
                    response.active_operation_id(), ShellQuoted(response.active_operation_id()));
  }
  if (!response.grafana_url().empty()) text += "Grafana: " + response.grafana_url() + "\n";
  return text + NextText("", {response.next_actions().begin(), response.next_actions().end()});
}

std::string ToTable(const v1::ListOperationsResponse& response) {
  Rows rows = {kOperationHead};
  for (const auto& operation : response.operations()) rows.push_back(OperationRow(operation));
  return Table(rows);
}

std::vector<std::string> EventRow(const v1::OperationEvent& event) {
  std::string step;
  std::string what;
  if (event.has_operation_state()) {
    what = Word(v1::OperationState_Name(event.operation_state().state()), "OPERATION_STATE_");
  } else if (event.has_step_state()) {
    step = event.step_state().step_id();
    what = StateOf(event.step_state().state());
    const auto& error = event.step_state().error();
    if (error.code() != 0) what += ": " + error.message();
  } else if (event.has_step_progress()) {
    step = event.step_progress().step_id();
    what = Bytes(event.step_progress().bytes_done()) + " of " +
           Bytes(event.step_progress().bytes_total());
  } else {
    step = event.log().step_id();
    what = event.log().text();
  }
  return {std::to_string(event.sequence()), LocalTime(event.time()), step, what};
}

std::string ToTable(const v1::GetOperationResponse& response) {
  const auto& operation = response.operation();
  Rows steps = {{"STEP", "STATE", "TRIES", "TOOK", "WHAT"}};
  for (const auto& step : operation.steps()) {
    steps.push_back(
        {step.step_id(), StateOf(step.state()), std::to_string(step.attempts()),
         step.end_time().seconds() == 0 ? "-" : Span(Seconds(step.start_time(), step.end_time())),
         step.title()});
  }
  std::string text = Table({kOperationHead, OperationRow(operation)}) + "\n" +
                     SkippedText(operation) + Table(steps) + PausedText(operation) +
                     DifferencesText(operation);
  if (operation.error().code() != 0) text += "\nfailed: " + operation.error().message() + "\n";
  return text + NextText("", {operation.next_actions().begin(), operation.next_actions().end()});
}

std::string ToTable(const v1::ListOperationEventsResponse& response) {
  Rows events = {{"NUMBER", "TIME", "STEP", "WHAT"}};
  for (const auto& event : response.events()) events.push_back(EventRow(event));
  return Table(events);
}

std::string ToTable(const v1::ListCopiesResponse& response) {
  std::vector<std::vector<std::string>> rows = {{"TAKEN", "LAST SEEN SO", "SOURCES", "SUBTASKS"}};
  for (const auto& copy : response.copies()) {
    rows.push_back({LocalTime(copy.take_time()), LocalTime(copy.confirm_time()),
                    std::to_string(copy.source_count()), std::to_string(copy.subtask_count())});
  }
  return Table(rows);
}

}  // namespace dmgr::client
