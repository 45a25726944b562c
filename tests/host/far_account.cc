#include "tests/host/far_account.h"

#include <filesystem>

namespace dmgr::test {

namespace fs = std::filesystem;

void AddAccountPrograms(const TempRoot& root) {
  root.AddProgram("groupadd",
                  "echo groupadd \"$@\" >> $ROOT/calls\n"
                  "echo \"$1:x:5001:\" >> $ROOT/etc/group\n");
  root.AddProgram("useradd",
                  // In a program of its own, as useradd runs some.
                  "[ -e $ROOT/wait ] && { touch $ROOT/waits; "
                  "sh -c \"while [ -e $ROOT/wait ]; do :; done\" || exit 1; }\n"
                  "echo useradd \"$@\" >> $ROOT/calls\n"
                  "[ -e $ROOT/hang ] && { echo \"$8:x:5001:5001::$3:/bin/bash\" >> "
                  "$ROOT/etc/passwd; touch $ROOT/hangs; sleep 1000; }\n"
                  "mkdir -p $ROOT$3; echo x > $ROOT$3/.profile; chown -R 5001:5001 $ROOT$3\n"
                  "echo \"$8:x:5001:5001::$3:/bin/bash\" >> $ROOT/etc/passwd\n");
  root.AddProgram("userdel",
                  "echo userdel \"$@\" >> $ROOT/calls\nsed -i \"/^$1:/d\" $ROOT/etc/passwd\n");
  root.AddProgram("groupdel",
                  "echo groupdel \"$@\" >> $ROOT/calls\nsed -i \"/^$1:/d\" $ROOT/etc/group\n");
  root.AddProgram("visudo",
                  "[ $1 = -cf ] && grep -q NOPASSWD $2 && echo ok >> $ROOT/visudo-calls\n");
  fs::create_directories(root / "etc/sudoers.d");
  fs::create_directories(root / "home");
  // As useradd finds it.
  root.Write("etc/skel/.profile", "x\n");
}

hv1::ToHost Ensure(const std::string& user, const std::string& key, bool create) {
  hv1::ToHost request;
  auto* account = request.mutable_ensure_account();
  account->set_user(user);
  account->set_group(user);
  account->set_create(create);
  account->set_public_key(key);
  return request;
}

std::string Calls(const TempRoot& root) { return root.Exists("calls") ? root.Read("calls") : ""; }

}  // namespace dmgr::test
