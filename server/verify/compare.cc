#include "server/verify/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

namespace dmgr::verify {
namespace {

using topology::Instance;
using Type = hv1::PathState;

std::string Short(const std::string& hash) { return hash.substr(0, 12); }

std::string ModeWord(unsigned mode) { return fmt::format("{:04o}", mode); }

std::string Word(Type::Type type) {
  switch (type) {
    case Type::TYPE_DIRECTORY:
      return "a directory";
    case Type::TYPE_FILE:
      return "a file";
    case Type::TYPE_SYMLINK:
      return "a link";
    case Type::TYPE_ABSENT:
      return "nothing";
    default:
      return "something else";
  }
}

// Compares one host.
class Comparison {
 public:
  Comparison(const ExpectedHost& expected, const hv1::SurveyReply& seen, Findings* findings)
      : expected_(expected), seen_(seen), findings_(*findings) {}

  void Account();
  void Dir(const ExpectedDir& dir, const hv1::DirSeen& seen);
  void File(const ExpectedFile& file, const hv1::FileSeen& seen);
  void Release(const ExpectedRelease& release, const hv1::ReleaseSeen& seen);
  void Placed(const ExpectedPlaced& placed, const hv1::PlacedSeen& seen);
  void Unit(const ExpectedUnit& unit, const hv1::UnitSeen& seen);

 private:
  Subject About(const std::string& path, const std::string& instance = "") const {
    return {.machine = expected_.machine, .instance = instance, .path = path};
  }
  void Attributes(v1::DifferenceKind kind, const Subject& subject, const hv1::Attributes& seen,
                  unsigned mode, bool of_root);
  void Strays(const ExpectedDir& dir, const hv1::DirSeen& seen);
  void DropIns(const Instance& instance, const hv1::UnitState& state);
  void Running(const Instance& instance, const hv1::UnitSeen& seen);
  void Ports(const Instance& instance, bool is_up);

  const ExpectedHost& expected_;
  const hv1::SurveyReply& seen_;
  Findings& findings_;
};

void Comparison::Account() {
  const auto& account = seen_.account();
  const std::string& user = expected_.user;
  const std::string& group = expected_.group;
  // An empty one is the user's own.
  if (!group.empty() && !account.group_exists()) {
    findings_.Add(v1::DIFFERENCE_KIND_ACCOUNT_MISSING, About(group), "group " + group, "no group",
                  fmt::format("the group {} is missing", group));
  }
  if (!account.user_exists()) {
    findings_.Add(v1::DIFFERENCE_KIND_ACCOUNT_MISSING, About(user), "user " + user, "no user",
                  fmt::format("the user {} is missing", user));
    return;
  }
  if (account.group_exists() && !account.is_member()) {
    findings_.Add(v1::DIFFERENCE_KIND_ACCOUNT_GROUP, About(user), "in group " + group, "not in it",
                  fmt::format("the user {} is not in the group {}", user, group));
  }
  if (account.has_sudoers()) {
    findings_.Add(v1::DIFFERENCE_KIND_SUDOERS_LEFT, About(user), "no sudoers file of dmgr",
                  "one of an earlier version",
                  fmt::format("{} may do everything by sudo, as earlier versions of dmgr had it: a "
                              "repair takes that away",
                              user));
  }
  if (account.has_other_key()) {
    findings_.Add(
        v1::DIFFERENCE_KIND_KEY_LEFT, About(user), "no other key of the cluster", "such a key",
        fmt::format("the authorized keys of {} have a key of the cluster that is not to be there: "
                    "a repair takes it away",
                    user));
  }
  if (!expected_.public_key.empty() && !account.has_key()) {
    findings_.Add(v1::DIFFERENCE_KIND_KEY_MISSING, About(user), "the cluster's key", "no such key",
                  fmt::format("the authorized keys of {} lack the cluster's key", user));
  }
}

void Comparison::Attributes(v1::DifferenceKind kind, const Subject& subject,
                            const hv1::Attributes& seen, unsigned mode, bool of_root) {
  const auto& account = seen_.account();
  const bool is_known = of_root || (account.user_exists() && account.group_exists());
  const auto user = of_root ? account.root_user_id() : account.user_id();
  const auto group = of_root ? account.root_group_id() : account.group_id();
  const bool same_owner = !is_known || (seen.user_id() == user && seen.group_id() == group);
  if (same_owner && seen.mode() == mode) return;
  const std::string owner = of_root ? "root:root" : expected_.user + ":" + expected_.group;
  const std::string wanted = fmt::format("{} {}", owner, ModeWord(mode));
  const std::string found = fmt::format("{} {}", seen.owner(), ModeWord(seen.mode()));
  findings_.Add(kind, subject, wanted, found,
                fmt::format("{} is {}, not {}", subject.path, found, wanted));
}

void Comparison::Dir(const ExpectedDir& dir, const hv1::DirSeen& seen) {
  const Subject subject = About(dir.path, dir.instance);
  if (seen.attributes().type() != Type::TYPE_DIRECTORY) {
    const std::string found = Word(seen.attributes().type());
    findings_.Add(v1::DIFFERENCE_KIND_DIRECTORY_MISSING, subject, "a directory", found,
                  seen.attributes().type() == Type::TYPE_ABSENT
                      ? fmt::format("the directory {} is missing", dir.path)
                      : fmt::format("{} is {}, not a directory", dir.path, found));
    return;
  }
  const unsigned mode = dir.mode == 0 ? seen.attributes().mode() : dir.mode;
  Attributes(v1::DIFFERENCE_KIND_DIRECTORY_ATTRIBUTES, subject, seen.attributes(), mode,
             /*of_root=*/false);
  if (dir.is_ours) Strays(dir, seen);
}

void Comparison::Strays(const ExpectedDir& dir, const hv1::DirSeen& seen) {
  for (const auto& entry : seen.entries()) {
    if (dir.names.contains(entry.name())) continue;
    // What a far end that was ended left goes with the next change here.
    if (entry.name() == "lost+found" || entry.name().starts_with(".dmgr-tmp-")) continue;
    if (dir.is_working_dir && seen_.account().user_exists() &&
        entry.user_id() == seen_.account().user_id()) {
      continue;
    }
    const std::string path = dir.path + "/" + entry.name();
    const std::string found = fmt::format("{} of {}", Word(entry.type()), entry.owner());
    findings_.Add(
        v1::DIFFERENCE_KIND_STRAY, About(path, dir.instance), "nothing", found,
        fmt::format("{} is not of dmgr: {}; remove it yourself if nobody needs it", path, found));
  }
}

void Comparison::File(const ExpectedFile& file, const hv1::FileSeen& seen) {
  const Subject subject = About(file.path, file.instance);
  const bool is_unit = file.is_unit;
  if (seen.attributes().type() == Type::TYPE_ABSENT) {
    findings_.Add(is_unit ? v1::DIFFERENCE_KIND_UNIT_MISSING : v1::DIFFERENCE_KIND_FILE_MISSING,
                  subject, "a file", "nothing", fmt::format("{} is missing", file.path));
    return;
  }
  const auto content =
      is_unit ? v1::DIFFERENCE_KIND_UNIT_CONTENT : v1::DIFFERENCE_KIND_FILE_CONTENT;
  if (seen.attributes().type() != Type::TYPE_FILE) {
    const std::string found = Word(seen.attributes().type());
    findings_.Add(content, subject, "a file", found,
                  fmt::format("{} is {}, not a file", file.path, found));
    return;
  }
  if (seen.hash() != file.hash) {
    findings_.Add(content, subject, Short(file.hash), Short(seen.hash()),
                  fmt::format("{} was changed: it is not what the record makes of it", file.path));
  }
  Attributes(is_unit ? v1::DIFFERENCE_KIND_UNIT_ATTRIBUTES : v1::DIFFERENCE_KIND_FILE_ATTRIBUTES,
             subject, seen.attributes(), file.mode, is_unit);
}

void Comparison::Release(const ExpectedRelease& release, const hv1::ReleaseSeen& seen) {
  const Subject subject = About(release.store_dir + "/" + release.hash);
  if (seen.state() == hv1::ReleaseSeen::STATE_ABSENT) {
    findings_.Add(v1::DIFFERENCE_KIND_RELEASE_MISSING, subject, Short(release.hash), "nothing",
                  fmt::format("the release store {} lacks {} ({})", release.store_dir, release.what,
                              Short(release.hash)));
  } else if (seen.state() != hv1::ReleaseSeen::STATE_INTACT) {
    const std::string suspects = seen.suspects().empty()
                                     ? std::string("one of its files")
                                     : fmt::format("{}", fmt::join(seen.suspects(), ", "));
    findings_.Add(v1::DIFFERENCE_KIND_RELEASE_CHANGED, subject, Short(release.hash), suspects,
                  fmt::format("the release of {} in {} was changed: {}", release.what,
                              release.store_dir, suspects));
  }
}

void Comparison::Placed(const ExpectedPlaced& placed, const hv1::PlacedSeen& seen) {
  const std::string& target = placed.asked.placement().target();
  const std::string release = Short(placed.asked.placement().hash());
  const Subject subject = About(target, placed.instance);
  if (seen.state() == hv1::PlacedSeen::STATE_ABSENT) {
    findings_.Add(v1::DIFFERENCE_KIND_PROGRAM_MISSING, subject, "of release " + release, "nothing",
                  fmt::format("{} is missing", target));
  } else if (seen.state() == hv1::PlacedSeen::STATE_OTHER) {
    findings_.Add(
        v1::DIFFERENCE_KIND_PROGRAM_OTHER, subject, "of release " + release, seen.found(),
        fmt::format("{} is not of the release ({}), but {}", target, release, seen.found()));
  }
}

void Comparison::DropIns(const Instance& instance, const hv1::UnitState& state) {
  for (const auto& path : state.drop_ins()) {
    // What the distribution has for all services is as it is everywhere.
    if (path.starts_with("/usr/lib/systemd/") || path.starts_with("/lib/systemd/")) continue;
    findings_.Add(
        v1::DIFFERENCE_KIND_UNIT_DROP_IN, About(path, instance.name), "no drop-in", path,
        fmt::format("{} changes what {} does, and is not of dmgr", path, instance.Unit()));
  }
}

void Comparison::Unit(const ExpectedUnit& unit, const hv1::UnitSeen& seen) {
  const Instance& instance = *unit.instance;
  const hv1::UnitState& state = seen.state();
  const Subject subject = About(instance.Unit(), instance.name);
  DropIns(instance, state);
  if (state.needs_daemon_reload()) {
    findings_.Add(v1::DIFFERENCE_KIND_UNIT_NOT_LOADED, subject, "read by systemd", "not read",
                  fmt::format("systemd has not read {} since it was changed", instance.Unit()));
  }
  const bool at_boot = instance.wanted_enabled;
  // Without its file it is neither, and that is told of the file.
  if (state.loaded() && state.enabled() != at_boot) {
    findings_.Add(v1::DIFFERENCE_KIND_UNIT_AT_BOOT, subject,
                  at_boot ? "started at boot" : "not started at boot",
                  at_boot ? "not started at boot" : "started at boot",
                  fmt::format("{} is {}", instance.Unit(),
                              at_boot ? "not started at boot, and is to be"
                                      : "started at boot, and is not to be"));
  }
  Running(instance, seen);
}

void Comparison::Running(const Instance& instance, const hv1::UnitSeen& seen) {
  const hv1::UnitState& state = seen.state();
  const Subject subject = About(instance.Unit(), instance.name);
  const bool is_up = state.active_state() == "active";
  const std::string found = state.sub_state().empty()
                                ? state.active_state()
                                : fmt::format("{}/{}", state.active_state(), state.sub_state());
  if (IsToRun(instance) && !is_up) {
    findings_.Add(v1::DIFFERENCE_KIND_NOT_RUNNING, subject, "active", found,
                  fmt::format("{} is to run, and is {}", instance.Unit(), found));
  } else if (!IsToRun(instance) && (is_up || state.active_state() == "activating")) {
    findings_.Add(v1::DIFFERENCE_KIND_RUNNING, subject, "inactive", found,
                  fmt::format("{} is not to run, and is {}", instance.Unit(), found));
  }
  if (seen.runs_other_program()) {
    findings_.Add(v1::DIFFERENCE_KIND_OLD_PROGRAM, subject, "the program that is there",
                  "one that was replaced",
                  fmt::format("{} still runs a program that was replaced", instance.Unit()));
  }
  Ports(instance, is_up);
}

void Comparison::Ports(const Instance& instance, bool is_up) {
  for (const int port : instance.Ports()) {
    const auto listener =
        std::find_if(seen_.ports().begin(), seen_.ports().end(),
                     [&](const auto& one) { return static_cast<int>(one.port()) == port; });
    const Subject subject = About(std::to_string(port), instance.name);
    if (listener == seen_.ports().end()) {
      if (!is_up || !IsToRun(instance)) continue;
      findings_.Add(
          v1::DIFFERENCE_KIND_PORT_SILENT, subject, instance.Unit(), "nobody",
          fmt::format("{} runs, and nobody listens on its port {}", instance.Unit(), port));
    } else if (listener->unit() != instance.Unit()) {
      const std::string who =
          listener->listener().empty() ? std::string("another process") : listener->listener();
      const std::string of = listener->unit().empty() ? "" : " of " + listener->unit();
      findings_.Add(
          v1::DIFFERENCE_KIND_PORT_TAKEN, subject, instance.Unit(), who + of,
          fmt::format("port {} of {} is taken by {}{}: end that", port, instance.Unit(), who, of));
    }
  }
}

template <typename Expected, typename Seen>
bool AreAnswered(const std::vector<Expected>& expected, const Seen& seen) {
  return static_cast<int>(expected.size()) == seen.size();
}

}  // namespace

bool CompareHost(const ExpectedHost& expected, const hv1::SurveyReply& seen, Findings* findings) {
  if (!AreAnswered(expected.dirs, seen.dirs()) || !AreAnswered(expected.files, seen.files()) ||
      !AreAnswered(expected.releases, seen.releases()) ||
      !AreAnswered(expected.placed, seen.placed()) || !AreAnswered(expected.units, seen.units())) {
    return false;
  }
  Comparison host(expected, seen, findings);
  host.Account();
  int i = 0;
  for (const auto& dir : expected.dirs) host.Dir(dir, seen.dirs(i++));
  i = 0;
  for (const auto& file : expected.files) host.File(file, seen.files(i++));
  i = 0;
  for (const auto& release : expected.releases) host.Release(release, seen.releases(i++));
  i = 0;
  for (const auto& placed : expected.placed) host.Placed(placed, seen.placed(i++));
  i = 0;
  for (const auto& unit : expected.units) host.Unit(unit, seen.units(i++));
  return true;
}

}  // namespace dmgr::verify
