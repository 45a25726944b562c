// What becomes of kDemo's sources and tasks beside their lives: stuck ones mended, those of others
// adopted, what the dm-masters keep put back. Each operation begins where the one before it did.
#ifndef DMGR_TESTS_FAULT_MENDED_H_
#define DMGR_TESTS_FAULT_MENDED_H_

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/fault/state.h"
#include "tests/lab/spare.h"

namespace dmgr::testing {

/// kDemo with three sources: f1 with a task that is in sync, f2, and f3, which others use as well.
class MendedDemo {
 public:
  explicit MendedDemo(Site* site);

  Site& site() { return site_; }
  /// All is as at the beginning, whatever an operation and the stand-ins have made of it.
  void Reset();
  /// The same, and a copy of what the dm-masters keep has it.
  void ResetAndCopy();
  /// The rebuild that brings what is on the third host to a spare one, or back.
  std::vector<std::string> Moving(bool away);
  /// It is on the spare one, or at home, and a copy is taken.
  void Bring(bool away);
  /// At home, if it was ever away: the spare host goes with this.
  void GoHome();
  /// Tells the stand-ins something: below /dmsim/.
  void Tell(const std::string& what, const nlohmann::json& body) const;
  /// A call of DM that dmgrd does not know of; whatever DM answers.
  void Call(const std::string& method, const nlohmann::json& request) const;

  /// How often what was done until now: changes of DM, operations, revisions.
  std::map<std::string, int> Counts() const;
  /// What DM and dmgr have, and what was done since; with_hosts: and all that is on the hosts,
  /// where new dm-masters begin to count anew.
  State Now(const std::map<std::string, int>& since, bool with_hosts);

  std::string TaskYaml(const std::string& task, const std::string& source) const;
  std::string SourceYaml(const std::string& source, int port) const;

 private:
  nlohmann::json Document() const;

  Site& site_;
  std::unique_ptr<Spare> spare_;
};

/// One operation that is killed.
struct Mending {
  std::string name;
  /// Brings what it changes to where it begins.
  std::function<void()> prepare;
  std::function<std::vector<std::string>()> args;
  /// Changes of DM that it makes.
  int changes = 1;
  /// New dm-masters begin, and files on hosts change.
  bool founds_anew = false;
  /// The command sends a file: it does not ask again.
  bool is_sent_once = false;
};

/// Those named, or all. `demo` must live as long.
std::vector<Mending> MendingsOf(MendedDemo* demo, const std::vector<std::string>& names);

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_FAULT_MENDED_H_
