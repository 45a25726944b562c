#include "server/host/far/system/systemd.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxShow = 1U << 20;
constexpr milliseconds kJobsTimeout{10000};
constexpr milliseconds kJobsPoll{50};

using Properties = std::map<std::string, std::string>;

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// A block of lines for each unit, with an empty line between.
std::vector<Properties> ParseShow(const std::string& text) {
  std::vector<Properties> blocks(1);
  for (const auto& line : Lines(text)) {
    const auto equals = line.find('=');
    if (line.empty()) {
      if (!blocks.back().empty()) blocks.emplace_back();
    } else if (equals != std::string::npos) {
      blocks.back()[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
  if (blocks.back().empty()) blocks.pop_back();
  return blocks;
}

std::uint64_t Number(Properties& properties, const char* key) {
  return std::strtoull(properties[key].c_str(), nullptr, 10);
}

UnitInfo MakeInfo(const std::string& name, Properties properties) {
  UnitInfo info;
  info.name = name;
  info.load_state = properties["LoadState"];
  info.active_state = properties["ActiveState"];
  info.sub_state = properties["SubState"];
  info.file_state = properties["UnitFileState"];
  info.cgroup = properties["ControlGroup"];
  info.has_job = Number(properties, "Job") != 0;
  // Older than systemd 235: not told.
  info.restarts = static_cast<std::uint32_t>(Number(properties, "NRestarts"));
  info.main_pid = static_cast<std::uint32_t>(Number(properties, "MainPID"));
  info.main_started = Number(properties, "ExecMainStartTimestampMonotonic");
  info.exit_status = std::atoi(properties["ExecMainStatus"].c_str());
  std::istringstream drop_ins(properties["DropInPaths"]);
  for (std::string path; drop_ins >> path;) info.drop_ins.push_back(path);
  info.needs_daemon_reload = properties["NeedDaemonReload"] == "yes";
  return info;
}

// Jobs of systemctl list-jobs: number, unit, type, state.
std::vector<std::string> JobsOf(const std::string& list, const std::set<std::string>& units) {
  std::vector<std::string> jobs;
  for (const auto& line : Lines(list)) {
    char job[32] = "";
    char unit[256] = "";
    if (std::sscanf(line.c_str(), " %31[0-9] %255s", job, unit) == 2 && units.count(unit) != 0) {
      jobs.emplace_back(job);
    }
  }
  return jobs;
}

}  // namespace

bool SystemdRuns(const Tree& tree) {
  if (const Login* login = tree.login()) {
    return tree.Walk(RuntimeDir(*login) + "/systemd").end == Walked::End::kThere;
  }
  return tree.Walk("/run/systemd/system").end == Walked::End::kThere;
}

std::vector<UnitInfo> ShowUnits(Context& context, const UnitNames& units) {
  std::vector<std::string> argv = {
      "systemctl", "show",
      "--property=Id,LoadState,ActiveState,SubState,UnitFileState,ControlGroup,Job,NRestarts,"
      "MainPID,ExecMainStartTimestampMonotonic,ExecMainStatus,DropInPaths,NeedDaemonReload"};
  for (const auto& unit : units) {
    CheckUnit(unit);
    argv.push_back(unit);
  }
  std::vector<UnitInfo> infos;
  if (units.empty()) return infos;
  ProgramOptions options;
  options.output_limit = kMaxShow;
  const std::string text = context.programs.RunChecked(context.call, argv, options);
  std::vector<Properties> blocks = ParseShow(text);
  if (blocks.size() != static_cast<std::size_t>(units.size())) {
    Failed failed(hv1::Failure::KIND_PROGRAM, "systemctl show told of " +
                                                  std::to_string(blocks.size()) + " of " +
                                                  std::to_string(units.size()) + " units");
    failed.WithProgram("systemctl", 0);
    failed.WithOutput(text);
    throw failed;
  }
  for (int i = 0; i < units.size(); ++i) {
    infos.push_back(MakeInfo(units[i], std::move(blocks[static_cast<std::size_t>(i)])));
  }
  return infos;
}

void CancelJobs(Context& context, const UnitNames& units) {
  for (const auto& unit : units) CheckUnit(unit);
  if (units.empty() || !SystemdRuns(context.tree)) return;
  const std::set<std::string> ours(units.begin(), units.end());
  const auto deadline = Clock::now() + kJobsTimeout;
  while (true) {
    const std::string list = context.programs.RunChecked(
        context.call, {"systemctl", "list-jobs", "--no-legend", "--no-pager", "--full"});
    const std::vector<std::string> jobs = JobsOf(list, ours);
    if (jobs.empty()) return;
    if (Clock::now() >= deadline) {
      Failed failed(hv1::Failure::KIND_DEADLINE,
                    "jobs of systemd that an older far end left do not end");
      failed.WithOutput(list);
      throw failed;
    }
    std::vector<std::string> argv = {"systemctl", "cancel"};
    argv.insert(argv.end(), jobs.begin(), jobs.end());
    // One that has just ended is no error; what is left shows in the next list.
    context.programs.Run(context.call, argv);
    context.call.Sleep(kJobsPoll);
  }
}

}  // namespace dmgr::far
