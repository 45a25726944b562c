#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/state/account_record.h"
#include "server/host/far/state/cluster_keys.h"
#include "server/host/far/state/release_check.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/hash.h"
#include "server/host/far/system/ports.h"
#include "server/host/far/system/processes.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxListed = 1000;

// What cannot be read is told as it looks from outside: one odd file does not hide the others.
class Surveyor {
 public:
  explicit Surveyor(Context* context) : context_(*context) {}

  hv1::AccountSeen Account(const hv1::Survey& request);
  hv1::FileSeen File(const std::string& path);
  hv1::DirSeen Dir(const hv1::SurveyDir& asked);
  hv1::UnitSeen Unit(hv1::UnitState state, const std::string& program);

 private:
  const std::string& UserOf(uid_t id) {
    auto name = users_.find(id);
    if (name == users_.end()) name = users_.emplace(id, UserName(context_.tree, id)).first;
    return name->second;
  }
  const std::string& GroupOf(gid_t id) {
    auto name = groups_.find(id);
    if (name == groups_.end()) name = groups_.emplace(id, GroupName(context_.tree, id)).first;
    return name->second;
  }
  // ABSENT when it is not there.
  hv1::Attributes Look(const std::optional<Entry>& entry);
  // Of its authorized_keys.
  std::string KeysOf(const User& user);
  bool RunsOther(const hv1::UnitState& state, const std::string& program);

  Context& context_;
  std::map<uid_t, std::string> users_;
  std::map<gid_t, std::string> groups_;
};

hv1::Attributes Surveyor::Look(const std::optional<Entry>& entry) {
  hv1::Attributes seen;
  seen.set_type(hv1::PathState::TYPE_ABSENT);
  const auto info = entry.has_value() ? entry->Stat() : std::nullopt;
  if (!info.has_value()) return seen;
  seen.set_type(TypeOf(*info));
  seen.set_mode(info->st_mode & 07777);
  seen.set_user_id(info->st_uid);
  seen.set_group_id(info->st_gid);
  seen.set_owner(UserOf(info->st_uid) + ":" + GroupOf(info->st_gid));
  return seen;
}

std::string Surveyor::KeysOf(const User& user) {
  try {
    const auto keys = OpenAuthorizedKeys(context_.tree, user);
    return keys.has_value() ? ReadFile(*keys, kMaxKeys).value_or("") : "";
  } catch (const Failed&) {
    return "";
  }
}

hv1::AccountSeen Surveyor::Account(const hv1::Survey& request) {
  hv1::AccountSeen seen;
  seen.set_root_user_id(context_.tree.root().user);
  seen.set_root_group_id(context_.tree.root().group);
  if (request.user().empty()) return seen;
  const auto user = FindUser(context_, request.user());
  const bool is_own = request.group().empty();
  std::optional<gid_t> group;
  if (!is_own) group = FindGroup(context_, request.group());
  if (is_own && user.has_value()) group = user->group;
  seen.set_group_exists(group.has_value());
  seen.set_group_id(group.value_or(0));
  seen.set_user_exists(user.has_value());
  if (!user.has_value()) return seen;
  seen.set_user_id(user->id);
  seen.set_is_member(is_own || IsMember(context_, *user, request.group()));
  // A login may not look there, and made none.
  const auto sudoers = context_.tree.login() == nullptr
                           ? FindQuietly(context_.tree, SudoersPath(user->name))
                           : std::nullopt;
  seen.set_has_sudoers(sudoers.has_value() && sudoers->Stat().has_value() &&
                       LineFile(context_.tree, AccountDir(user->name) + "/made").Has(kMadeSudoers));
  const std::string keys = KeysOf(*user);
  // Who has no home was given none.
  seen.set_has_key(!HasHome(context_.tree, *user) ||
                   (!request.public_key().empty() && HasLine(keys, request.public_key())));
  seen.set_has_other_key(HasClusterKey(context_, keys, request.public_key()));
  return seen;
}

hv1::FileSeen Surveyor::File(const std::string& path) {
  hv1::FileSeen seen;
  const auto entry = FindQuietly(context_.tree, path);
  *seen.mutable_attributes() = Look(entry);
  if (seen.attributes().type() != hv1::PathState::TYPE_FILE) return seen;
  const Fd fd = OpenLinked(*entry);
  if (fd.ok()) seen.set_hash(HashOf(context_.call, fd.get(), path));
  return seen;
}

hv1::DirSeen Surveyor::Dir(const hv1::SurveyDir& asked) {
  hv1::DirSeen seen;
  const auto entry = FindQuietly(context_.tree, asked.path());
  *seen.mutable_attributes() = Look(entry);
  if (!asked.list() || seen.attributes().type() != hv1::PathState::TYPE_DIRECTORY) return seen;
  const Fd dir(
      openat(entry->dir.get(), entry->name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir.ok()) return seen;
  for (const auto& name : List(dir.get(), asked.path())) {
    if (static_cast<std::size_t>(seen.entries_size()) == kMaxListed) break;
    struct stat info = {};
    if (fstatat(dir.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    auto* child = seen.add_entries();
    child->set_name(CleanText(name));
    child->set_type(TypeOf(info));
    child->set_user_id(info.st_uid);
    child->set_owner(UserOf(info.st_uid));
  }
  return seen;
}

bool Surveyor::RunsOther(const hv1::UnitState& state, const std::string& program) {
  const auto pid = static_cast<pid_t>(state.main_pid());
  // Before its exec it is still the shell of its script.
  if (pid == 0 || program.empty() || UnitOf(pid) != state.unit() ||
      ProgramName(pid) != BaseName(program)) {
    return false;
  }
  const auto entry = FindQuietly(context_.tree, program);
  const auto there = entry.has_value() ? entry->Stat() : std::nullopt;
  const std::string link = "/proc/" + std::to_string(pid) + "/exe";
  const Fd running(open(link.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info = {};
  // What is missing is told of the file.
  if (!there.has_value() || !running.ok() || fstat(running.get(), &info) != 0) return false;
  if (info.st_dev == there->st_dev && info.st_ino == there->st_ino) return false;
  const Fd now = OpenLinked(*entry);
  return now.ok() &&
         HashOf(context_.call, now.get(), program) != HashOf(context_.call, running.get(), link);
}

hv1::UnitSeen Surveyor::Unit(hv1::UnitState state, const std::string& program) {
  hv1::UnitSeen seen;
  seen.set_runs_other_program(RunsOther(state, program));
  *seen.mutable_state() = std::move(state);
  return seen;
}

}  // namespace

hv1::SurveyReply DoSurvey(Context& context, const hv1::Survey& request) {
  hv1::SurveyReply reply;
  Surveyor surveyor(&context);
  *reply.mutable_account() = surveyor.Account(request);
  for (const auto& path : request.files()) *reply.add_files() = surveyor.File(path);
  for (const auto& dir : request.dirs()) *reply.add_dirs() = surveyor.Dir(dir);
  for (const auto& release : request.releases()) {
    *reply.add_releases() = CheckRelease(context, release.store_dir(), release.hash());
  }
  for (const auto& placed : request.placed()) *reply.add_placed() = CheckPlaced(context, placed);
  hv1::QueryUnits query;
  for (const auto& unit : request.units()) query.add_units(unit.name());
  hv1::UnitStates states = DoQueryUnits(context, query);
  for (int i = 0; i < states.units_size(); ++i) {
    *reply.add_units() =
        surveyor.Unit(std::move(*states.mutable_units(i)), request.units(i).program());
  }
  for (auto& port : ListenersOf({request.ports().begin(), request.ports().end()})) {
    *reply.add_ports() = std::move(port);
  }
  return reply;
}

}  // namespace dmgr::far
