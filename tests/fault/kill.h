// One operation during which dmgrd is killed.
#ifndef DMGR_TESTS_FAULT_KILL_H_
#define DMGR_TESTS_FAULT_KILL_H_

#include <string>
#include <vector>

#include "tests/lab/site.h"

namespace dmgr::testing {

/// At a fault point (server/fault_points.h), or "random": SIGKILL after `delay_ms`.
struct Kill {
  std::string moment;
  /// Empty: the first that comes.
  std::string step{};
  int delay_ms = 0;
};

struct PlannedStep {
  std::string id;
  /// No step without return is before it, nor is it one.
  bool may_go_back = true;
};

/// Those that the command would have run, by its plan.
std::vector<PlannedStep> StepsOf(Site& site, std::vector<std::string> args);

/// One when the operation is claimed, and one at every moment of every step.
std::vector<Kill> KillsOf(const std::vector<PlannedStep>& steps);

/// Runs the command, kills dmgrd meanwhile and starts it again. "" when the command, or who watches
/// its operation, ended with 0; else what was wrong. is_sent_once: the command does not ask again
/// when its answer was lost, as one that sends a file.
std::string RunKilled(Site& site, const std::vector<std::string>& args, const Kill& kill,
                      bool is_sent_once = false);

/// Runs the command, lets the step fail and rolls the operation back. "" or what was wrong.
std::string RunRolledBack(Site& site, const std::vector<std::string>& args, const Kill& kill);

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_FAULT_KILL_H_
