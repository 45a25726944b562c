#include <algorithm>
#include <map>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/clock.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/journal.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {
namespace {

constexpr milliseconds kPoll{60};
// Most waits are over before the first one.
constexpr seconds kFirstNote{5};
constexpr seconds kNextNote{10};
constexpr std::size_t kJournalBytes = 8U << 10;
// As a unit without a limit of its own may take.
constexpr milliseconds kDefaultTimeout{90000};

bool HasProcesses(const std::string& cgroup) {
  if (cgroup.empty() || cgroup == "/") return false;
  for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"}) {
    if (!ReadProc(mount + cgroup + "/cgroup.procs").empty()) return true;
  }
  return false;
}

class Controller {
 public:
  Controller(Context* context, const hv1::ControlUnits& request)
      : context_(*context),
        request_(request),
        deadline_(Clock::now() + (request.timeout_ms() == 0 ? kDefaultTimeout
                                                            : milliseconds(request.timeout_ms()))) {
  }

  void Run() {
    switch (request_.verb()) {
      case hv1::ControlUnits::VERB_START:
        return Start();
      case hv1::ControlUnits::VERB_STOP:
        return Stop();
      case hv1::ControlUnits::VERB_RESTART:
        return Restart();
      case hv1::ControlUnits::VERB_RELOAD:
        return Reload();
      case hv1::ControlUnits::VERB_KILL:
        return Kill();
      case hv1::ControlUnits::VERB_TELL_STOP:
        TellStop();
        return;
      default:
        throw BadRequest("ControlUnits without a verb");
    }
  }

 private:
  using Infos = std::vector<UnitInfo>;

  void Start();
  void Stop();
  void Restart();
  void Reload();
  void Kill();
  // Those that were not down, with their control groups.
  std::map<std::string, std::string> TellStop();

  // Clears the counters of crashes, which say from now on what happened since, and of starts: they
  // are wanted, however soon they follow each other.
  void ResetCounters(const UnitNames& units);
  void Systemctl(std::vector<std::string> argv, const UnitNames& units);
  // Until all of them are active, with another main process than before.
  void AwaitActive(UnitNames units, const std::map<std::string, std::uint64_t>& before);
  // Until none of these units runs and their control groups are empty.
  void AwaitDown(const std::map<std::string, std::string>& cgroups);
  void CheckCrashed(const UnitInfo& info);
  void CheckDeadline(const UnitNames& units, const char* what);
  // Tells an operator now and then what is waited for.
  void TellOfWait(const UnitNames& units, const char* what);

  Context& context_;
  const hv1::ControlUnits& request_;
  const Clock::time_point deadline_;
  Clock::time_point next_note_ = Clock::now() + kFirstNote;
  // What the journal has from before is not about this.
  const std::uint64_t began_us_ = MicrosecondsOf(CLOCK_REALTIME);
};

void Controller::Systemctl(std::vector<std::string> argv, const UnitNames& units) {
  argv.insert(argv.begin(), "systemctl");
  argv.insert(argv.end(), units.begin(), units.end());
  ProgramOptions options;
  options.timeout = std::max<milliseconds>(
      std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now()), seconds(5));
  context_.programs.RunChecked(context_.call, argv, options);
}

void Controller::ResetCounters(const UnitNames& units) {
  std::vector<std::string> argv = {"systemctl", "reset-failed"};
  argv.insert(argv.end(), units.begin(), units.end());
  if (context_.programs.Run(context_.call, argv).exit_status == 0 || units.size() == 1) return;
  // It ends at the first unit that systemd has not loaded, which has no counters.
  for (const auto& unit : units) {
    context_.programs.Run(context_.call, {"systemctl", "reset-failed", unit});
  }
}

std::string Joined(const UnitNames& units) {
  std::string names;
  for (const auto& unit : units) names += (names.empty() ? "" : ", ") + unit;
  return names;
}

void Controller::TellOfWait(const UnitNames& units, const char* what) {
  if (Clock::now() < next_note_) return;
  next_note_ = Clock::now() + kNextNote;
  context_.call.Note("waits for " + Joined(units) + what);
}

void Controller::CheckDeadline(const UnitNames& units, const char* what) {
  if (Clock::now() < deadline_) return;
  Failed failed(hv1::Failure::KIND_DEADLINE, Joined(units) + what);
  failed.WithOutput(JournalSince(context_, units[0], began_us_, kJournalBytes));
  throw failed;
}

void Controller::CheckCrashed(const UnitInfo& info) {
  // Without a job nobody will start it any more.
  const bool crashed = info.active_state == "failed" || info.sub_state == "auto-restart" ||
                       info.restarts > 0 || (info.active_state == "inactive" && !info.has_job);
  if (!crashed) return;
  Failed failed(hv1::Failure::KIND_CRASH_LOOP,
                info.name + " ended after it was started, with exit status " +
                    std::to_string(info.exit_status));
  failed.WithProgram(info.name, info.exit_status);
  failed.WithOutput(JournalSince(context_, info.name, began_us_, kJournalBytes));
  throw failed;
}

void Controller::AwaitActive(UnitNames units, const std::map<std::string, std::uint64_t>& before) {
  while (true) {
    UnitNames pending;
    for (const auto& info : ShowUnits(context_, units)) {
      const auto old = before.find(info.name);
      const bool is_new = old == before.end() || old->second != info.main_started;
      if (info.active_state == "active" && info.main_pid != 0 && !info.has_job && is_new &&
          info.restarts == 0) {
        continue;
      }
      if (!info.has_job || info.restarts > 0) CheckCrashed(info);
      *pending.Add() = info.name;
    }
    if (pending.empty()) return;
    units = std::move(pending);
    CheckDeadline(units, " did not become active in time");
    TellOfWait(units, " to become active");
    context_.call.Sleep(kPoll);
  }
}

void Controller::AwaitDown(const std::map<std::string, std::string>& cgroups) {
  UnitNames units;
  for (const auto& [unit, cgroup] : cgroups) *units.Add() = unit;
  while (!units.empty()) {
    UnitNames pending;
    for (const auto& info : ShowUnits(context_, units)) {
      const bool gone = info.IsDown() && !info.has_job && info.main_pid == 0 &&
                        !HasProcesses(cgroups.at(info.name));
      if (!gone) *pending.Add() = info.name;
    }
    if (pending.empty()) return;
    units = std::move(pending);
    CheckDeadline(units, " did not stop in time");
    TellOfWait(units, " to end");
    context_.call.Sleep(kPoll);
  }
}

void Controller::Start() {
  Infos infos = ShowUnits(context_, request_.units());
  UnitNames units;
  UnitNames counted;
  UnitNames between;
  for (const auto& info : infos) {
    const bool runs = info.active_state == "active" && info.main_pid != 0;
    if (runs && !info.has_job) continue;
    *units.Add() = info.name;
    // systemd has counted nothing of one that it has not started since it read the unit.
    const bool is_fresh =
        info.active_state == "inactive" && info.main_started == 0 && info.restarts == 0;
    if (!is_fresh) *counted.Add() = info.name;
    // systemd would wait for the end of RestartSec, whatever it is told.
    if (info.sub_state == "auto-restart") *between.Add() = info.name;
  }
  if (units.empty()) return;
  if (!between.empty()) Systemctl({"stop"}, between);
  if (!counted.empty()) ResetCounters(counted);
  Systemctl({"start", "--no-block"}, units);
  AwaitActive(units, {});
}

void Controller::Restart() {
  const Infos infos = ShowUnits(context_, request_.units());
  std::map<std::string, std::uint64_t> before;
  UnitNames between;
  for (const auto& info : infos) {
    if (info.main_pid != 0) before[info.name] = info.main_started;
    if (info.sub_state == "auto-restart") *between.Add() = info.name;
  }
  if (infos.empty()) return;
  if (!between.empty()) Systemctl({"stop"}, between);
  ResetCounters(request_.units());
  Systemctl({"restart", "--no-block"}, request_.units());
  AwaitActive(request_.units(), before);
}

std::map<std::string, std::string> Controller::TellStop() {
  UnitNames units;
  std::map<std::string, std::string> cgroups;
  for (const auto& info : ShowUnits(context_, request_.units())) {
    if (info.IsDown() && !info.has_job && !HasProcesses(info.cgroup)) continue;
    *units.Add() = info.name;
    cgroups[info.name] = info.cgroup;
  }
  if (!units.empty()) Systemctl({"stop", "--no-block"}, units);
  return cgroups;
}

void Controller::Stop() { AwaitDown(TellStop()); }

void Controller::Kill() {
  // The stop that is under way keeps systemd from starting them again.
  const std::map<std::string, std::string> cgroups = TellStop();
  for (const auto& [unit, cgroup] : cgroups) {
    // One that has ended by now is no failure.
    context_.programs.Run(context_.call, {"systemctl", "kill", "--signal=SIGKILL", unit});
  }
  AwaitDown(cgroups);
  // systemd counts a process that was killed as failed.
  for (const auto& [unit, cgroup] : cgroups) {
    context_.programs.Run(context_.call, {"systemctl", "reset-failed", unit});
  }
}

void Controller::Reload() {
  if (request_.units().empty()) return;
  Systemctl({"reload"}, request_.units());
}

}  // namespace

void DoControlUnits(Context& context, const hv1::ControlUnits& request) {
  for (const auto& unit : request.units()) CheckUnit(unit);
  Controller(&context, request).Run();
}

}  // namespace dmgr::far
