#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/account_record.h"
#include "server/host/far/state/cluster_keys.h"
#include "server/host/far/state/home.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

class AccountLeaver {
 public:
  AccountLeaver(Context* context, const std::string& name, hv1::LeaveClusterReply* reply)
      : context_(*context),
        name_(name),
        reply_(*reply),
        user_(FindUser(*context, name)),
        made_(context->tree, AccountDir(name) + "/made") {}

  void RemoveKey(const std::string& key) {
    if (user_.has_value()) RemoveClusterKeys(context_, *user_, made_, key, "");
  }

  // Nobody holds the account any more.
  void RemoveMade() {
    if (user_.has_value() && made_.Has(kMadeSshDir)) RemoveSshDir();
    if (made_.Has(kMadeSudoers)) RemovePath(SudoersPath(name_));
    const bool is_gone = !user_.has_value() || !made_.Has(kMadeUser) || RemoveUser();
    for (const auto& line : made_.lines()) {
      if (is_gone && line.compare(0, kMadeGroup.size(), kMadeGroup) == 0) {
        RemoveGroup(line.substr(kMadeGroup.size()));
      }
    }
    const auto record = context_.tree.FindEntry(AccountDir(name_));
    if (record.has_value()) RemoveOwnTree(record->dir.get(), record->name, record->path);
  }

 private:
  void RemovePath(const std::string& path) {
    const auto entry = context_.tree.FindEntry(path);
    if (entry.has_value() && RemoveFile(*entry)) SyncDir(entry->dir.get(), ParentOf(path));
  }

  void RemoveSshDir() {
    const auto entry = context_.tree.FindEntry(SshDirPath(*user_));
    // Others' files keep it.
    if (entry.has_value()) unlinkat(entry->dir.get(), entry->name.c_str(), AT_REMOVEDIR);
  }

  // False: it stays, since others have something in its home.
  bool RemoveUser() {
    // As long as the user is there, it is known what is the user's.
    if (made_.Has(kMadeHome + user_->home)) {
      const std::vector<std::string> others = OthersInHome(context_, user_->home);
      if (!others.empty()) {
        *reply_.mutable_left() = {others.begin(), others.end()};
        reply_.set_kept_user(name_);
        return false;
      }
      Ownership ownership;
      ownership.user = user_->id;
      ownership.cluster = context_.session.cluster();
      TreeRemover remover(&context_, &ownership);
      remover.RemoveDir(user_->home);
      for (const auto& path : remover.left()) reply_.add_left(path);
    }
    // Some systems' useradd makes a mailbox.
    for (const char* spool : {"/var/mail/", "/var/spool/mail/"}) {
      const auto box = context_.tree.FindEntry(spool + name_);
      const auto info = box.has_value() ? box->Stat() : std::nullopt;
      if (info.has_value() && info->st_uid == user_->id && info->st_size == 0) RemoveFile(*box);
    }
    context_.programs.RunChecked(context_.call, {"userdel", name_});
    return true;
  }

  void RemoveGroup(const std::string& group) {
    CheckAccountName(group);
    // userdel may have removed it with the user.
    if (!FindGroup(context_, group).has_value()) return;
    const ProgramResult removed = context_.programs.Run(context_.call, {"groupdel", group});
    if (removed.exit_status == 0) return;
    context_.call.Note("the group " + group + " stays, since groupdel refuses: " + removed.err);
  }

  Context& context_;
  const std::string& name_;
  hv1::LeaveClusterReply& reply_;
  const std::optional<User> user_;
  const LineFile made_;
};

}  // namespace

void LeaveAccount(Context& context, const std::string& user, const std::string& public_key,
                  hv1::LeaveClusterReply* reply) {
  CheckAccountName(user);
  AccountLeaver leaver(&context, user, reply);
  leaver.RemoveKey(public_key);
  if (RemoveHolder(context.session, context.tree, AccountDir(user) + "/holders")) {
    leaver.RemoveMade();
  }
}

}  // namespace dmgr::far
