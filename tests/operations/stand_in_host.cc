#include "tests/operations/stand_in_host.h"

#include <cstdlib>
#include <filesystem>

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

// A unit that runs is a file with the number of its start, which only grows.
constexpr char kSystemctl[] = R"(
verb=$1; shift
started() { n=0; [ -e $ROOT/run/starts ] && read -r n < $ROOT/run/starts
            echo $((n + 1)) > $ROOT/run/starts; echo $((n + 1)) > $1; }
for unit in "$@"; do
  case $unit in -*) continue;; esac
  state=$ROOT/run/units/$unit file=$ROOT/etc/systemd/system/$unit
  case $verb in
    show)
      if [ -e $file ]; then echo LoadState=loaded; else echo LoadState=not-found; fi
      [ -L $ROOT/etc/systemd/system/multi-user.target.wants/$unit ] && echo UnitFileState=enabled
      if [ -e $ROOT/run/failed/$unit ]; then
        printf 'ActiveState=failed\nSubState=failed\nMainPID=0\nExecMainStatus=2\n\n'
      elif [ -e $state ]; then
        read -r n < $state
        printf 'ActiveState=active\nSubState=running\nMainPID=77\n'
        printf 'ExecMainStartTimestampMonotonic=%s\nControlGroup=/system.slice/none\n\n' $n
      else
        printf 'ActiveState=inactive\nSubState=dead\nMainPID=0\n\n'
      fi;;
    start|restart)
      [ -e $file ] || { echo "Unit $unit not found." >&2; exit 5; }
      if [ -e $ROOT/run/broken/$unit ]; then
        rm -f $state; . $ROOT/run/broken/$unit; touch $ROOT/run/failed/$unit; continue
      fi
      [ $verb = start -a -e $state ] || started $state;;
    stop) rm -f $state;;
    reset-failed) rm -f $ROOT/run/failed/$unit;;
    reload) [ -e $state ] || exit 1; echo >> $ROOT/run/reloads/$unit;;
  esac
done
exit 0
)";

// The id of whoever is made: the test's own unless it is root.
constexpr char kId[] = "id=5001; [ $(id -u) = 0 ] || id=$(id -u)\n";

}  // namespace

StandInHost::StandInHost() {
  for (const char* dir :
       {"run/systemd/system", "run/units", "run/reloads", "run/broken", "run/failed",
        "etc/systemd/system/multi-user.target.wants", "etc/sudoers.d", "home", "opt"}) {
    fs::create_directories(root_ / dir);
  }
  root_.AddProgram("systemctl", kSystemctl);
  root_.AddProgram("journalctl", "exit 0\n");
  root_.AddProgram("visudo", "exit 0\n");
  root_.AddProgram("groupadd", std::string(kId) + "echo \"$1:x:$id:\" >> $ROOT/etc/group\n");
  root_.AddProgram("useradd", std::string(kId) +
                                  "mkdir -p $ROOT$3\n"
                                  "[ $(id -u) != 0 ] || chown $id:$id $ROOT$3\n"
                                  "echo \"$8:x:$id:$id::$3:/bin/bash\" >> $ROOT/etc/passwd\n");
  root_.AddProgram("userdel", "sed -i \"/^$1:/d\" $ROOT/etc/passwd\n");
  root_.AddProgram("groupdel", "sed -i \"/^$1:/d\" $ROOT/etc/group\n");
}

void StandInHost::Break(const std::string& unit, const std::string& script) const {
  root_.Write("run/broken/" + unit, script);
}

bool StandInHost::Runs(const std::string& unit) const { return root_.Exists("run/units/" + unit); }

std::set<std::string> StandInHost::Running() const {
  std::set<std::string> units;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root_ / "run/units", ignored)) {
    units.insert(entry.path().filename());
  }
  return units;
}

void StandInHost::TurnOff() const {
  for (const auto& unit : Running()) fs::remove(root_ / "run/units/" + unit);
}

int StandInHost::StartNumber(const std::string& unit) const {
  return std::atoi(root_.Read("run/units/" + unit).c_str());
}

int StandInHost::Reloads(const std::string& unit) const {
  return static_cast<int>(root_.Read("run/reloads/" + unit).size());
}

}  // namespace dmgr::test
