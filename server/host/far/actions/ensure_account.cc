#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/host_facts.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/account_record.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/selinux.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxKey = 16U << 10;

void CheckKey(const std::string& key) {
  const bool plain =
      std::all_of(key.begin(), key.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7F; });
  if (!plain || key.size() > kMaxKey) throw BadRequest("not one line of a public key");
}

// Where useradd would put it.
std::string NewHome(const Tree& tree, const std::string& user) {
  const std::string defaults = "\n" + ReadRootFile(tree, "/etc/default/useradd");
  const std::string key = "\nHOME=";
  const auto at = defaults.find(key);
  std::string base = "/home";
  if (at != std::string::npos) {
    const auto begin = at + key.size();
    base = defaults.substr(begin, defaults.find('\n', begin) - begin);
  }
  const std::string home = base + "/" + user;
  CheckPath(home);
  return home;
}

class Account {
 public:
  Account(Context* context, const hv1::EnsureAccount& request)
      : context_(*context),
        request_(request),
        // Of a user who is there already, none is that user's own.
        group_(request.group().empty() && request.create() ? request.user() : request.group()),
        made_(context->tree, AccountDir(request.user()) + "/made") {}

  hv1::EnsureAccountReply Ensure() {
    EnsureGroup();
    EnsureUser();
    const User user = *FindUser(context_, request_.user());
    if (made_.Has(kMadeUser)) {
      EnsureMember(user);
      EnsureHome(user);
      DropSudoers();
    }
    if (!request_.public_key().empty()) EnsureKey(user);
    hv1::EnsureAccountReply reply;
    reply.set_home(CleanText(user.home));
    reply.set_created_user(made_.Has(kMadeUser));
    reply.set_created_group(made_.Has(kMadeGroup + group_));
    return reply;
  }

 private:
  [[noreturn]] static void ThrowMissing(const std::string& what) {
    throw Failed(hv1::Failure::KIND_NOT_FOUND,
                 "the host has no " + what + ", and it is not to be created");
  }

  void EnsureGroup() {
    if (group_.empty()) return;
    if (FindGroup(context_, group_).has_value()) return;
    if (!request_.create()) ThrowMissing("group " + group_);
    made_.Add({kMadeGroup + group_});
    context_.programs.RunChecked(context_.call, {"groupadd", group_});
  }

  void EnsureUser() {
    const std::string& user = request_.user();
    if (FindUser(context_, user).has_value()) return;
    if (!request_.create()) ThrowMissing("user " + user);
    const std::string home = NewHome(context_.tree, user);
    const auto there = context_.tree.FindEntry(home);
    std::vector<std::string> made = {kMadeUser};
    if (!there.has_value() || !there->Stat().has_value()) made.push_back(kMadeHome + home);
    made_.Add(made);
    context_.programs.RunChecked(
        context_.call, {"useradd", "-m", "-d", home, "-s", "/bin/bash", "-g", group_, user});
    if (!FindUser(context_, user).has_value()) {
      throw Failed(hv1::Failure::KIND_PROGRAM, "useradd made no user " + user);
    }
  }

  // Somebody may have taken it out of its group since.
  void EnsureMember(const User& user) {
    if (group_.empty() || IsMember(context_, user, group_)) return;
    context_.programs.RunChecked(context_.call, {"usermod", "-a", "-G", group_, user.name});
  }

  // A useradd that was killed may have made a user without one.
  void EnsureHome(const User& user) {
    if (!made_.Has(kMadeHome + user.home)) return;
    const Entry entry = context_.tree.OpenEntry(user.home);
    if (entry.Stat().has_value()) return;
    MakeDir(entry, user);
  }

  static Fd MakeDir(const Entry& entry, const User& user) {
    if (mkdirat(entry.dir.get(), entry.name.c_str(), 0700) != 0) {
      throw SystemFailure("cannot make the directory", entry.path, errno);
    }
    Fd dir(openat(entry.dir.get(), entry.name.c_str(),
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!dir.ok() || fchown(dir.get(), user.id, user.group) != 0) {
      throw SystemFailure("cannot chown", entry.path, errno);
    }
    return dir;
  }

  // Earlier versions gave the users that they made all rights.
  void DropSudoers() {
    if (!made_.Has(kMadeSudoers)) return;
    const auto entry = context_.tree.FindEntry(SudoersPath(request_.user()));
    if (entry.has_value() && RemoveFile(*entry)) SyncDir(entry->dir.get(), "/etc/sudoers.d");
    made_.Remove(context_.session, kMadeSudoers);
  }

  // The instances do not need it: a user without a home goes without.
  void EnsureKey(const User& user) {
    if (!HasHome(context_.tree, user)) {
      context_.call.Note("user " + user.name + " gets no key: it has no home directory there");
      return;
    }
    const Entry ssh = context_.tree.OpenEntry(SshDirPath(user));
    if (!ssh.Stat().has_value()) {
      made_.Add({kMadeSshDir});
      MakeDir(ssh, user);
      RestoreLabels(context_, {ssh.path});
    }
    const Entry keys = OpenAuthorizedKeys(context_.tree, user).value();
    const auto info = keys.Stat();
    if (!info.has_value()) made_.Add({kMadeKeys});
    std::string text = info.has_value() ? ReadFile(keys, kMaxKeys).value_or("") : "";
    if (HasLine(text, request_.public_key())) return;
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += request_.public_key() + "\n";
    FileOwner owner{user.id, user.group};
    if (info.has_value()) owner = {info->st_uid, info->st_gid};
    RemoveTemporaries(context_.session, keys.dir.get(), ssh.path);
    WriteFile(context_.session, keys, text, info.has_value() ? info->st_mode & 0777 : 0600, owner);
    SyncDir(keys.dir.get(), ssh.path);
    RestoreLabels(context_, {keys.path});
  }

  Context& context_;
  const hv1::EnsureAccount& request_;
  const std::string group_;
  LineFile made_;
};

}  // namespace

hv1::EnsureAccountReply DoEnsureAccount(Context& context, const hv1::EnsureAccount& request) {
  CheckAccountName(request.user());
  if (!request.group().empty()) CheckAccountName(request.group());
  CheckKey(request.public_key());
  const Fd lock = LockShared(context);
  AddHolder(context.session.cluster(), context.tree, AccountDir(request.user()) + "/holders");
  return Account(&context, request).Ensure();
}

}  // namespace dmgr::far
