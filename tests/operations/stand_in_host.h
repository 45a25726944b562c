// A host that is a directory, with a stand-in for systemd.
#ifndef DMGR_TESTS_OPERATIONS_STAND_IN_HOST_H_
#define DMGR_TESTS_OPERATIONS_STAND_IN_HOST_H_

#include <set>
#include <string>

#include "tests/support/temp_root.h"

namespace dmgr::test {

// systemctl starts and stops at once, and only keeps in mind what runs; useradd and the like edit
// the directory's own files.
class StandInHost {
 public:
  StandInHost();

  const TempRoot& root() const { return root_; }
  bool Runs(const std::string& unit) const;
  // Units that run.
  std::set<std::string> Running() const;
  // Of a unit's process, another one after each start; 0 when it does not run.
  int StartNumber(const std::string& unit) const;
  // Whenever the unit is started from now on, its process runs this and fails; $ROOT is the host.
  void Break(const std::string& unit, const std::string& script) const;
  // No unit runs any more.
  void TurnOff() const;
  // How often a unit was told to read its configuration again.
  int Reloads(const std::string& unit) const;

 private:
  TempRoot root_;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_STAND_IN_HOST_H_
