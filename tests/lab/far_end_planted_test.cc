// Programs that others put where the far end is kept.
#include "tests/lab/far_end_lab_support.h"

namespace dmgr::testing {
namespace {

// Runs commands at its end.
class Afterwards {
 public:
  Afterwards(const Lab& lab, std::string commands) : lab_(lab), commands_(std::move(commands)) {}
  ~Afterwards() { lab_.Ssh("h1", commands_); }
  Afterwards(const Afterwards&) = delete;
  Afterwards& operator=(const Afterwards&) = delete;

 private:
  const Lab& lab_;
  const std::string commands_;
};

// In a folder where a far end of this hash would be kept: a program that leaves a trace of its run.
std::string Plant(const std::string& folder) {
  return "mkdir -p " + folder + " && printf '#!/bin/sh\\nid >/root/ran\\n' >" + folder +
         "/dmgr-host && chmod 0755 " + folder + "/dmgr-host";
}

TEST_CASE("a far end that a user has planted is never run, nor is one put there", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  lab.AddUser("h1", {.name = "planter"});
  const host::FarEndProgram program = StandIn();
  struct Case {
    std::string dir;
    // What the user, or a careless admin, did before.
    std::string before;
  };
  const Case planted = GENERATE(
      // In everybody's folder, in the user's own, below it, and through a link of the user's.
      Case{"/tmp/d", "chown -R planter /tmp/d"}, Case{"/tmp/d", "chown -R root /tmp/d"},
      Case{"/home/planter/d", "chown -R planter /home/planter/d"},
      Case{"/home/planter/d", "chown -R root /home/planter/d"}, Case{"/srv/d", "chmod 0777 /srv/d"},
      Case{"/srv/d", "chmod 0775 /srv/d"}, Case{"/srv/d", "chown planter /srv/d"},
      Case{"/srv/d/in", "chown -h planter /srv/d && mv /srv/d /srv/real && ln -s real /srv/d"},
      Case{"/srv/d", "chmod 0777 /srv/d/*"}, Case{"/srv/d", "chown planter /srv/d/*"});
  INFO(planted.dir << ": " << planted.before);
  const Afterwards clean(lab, "rm -rf /tmp/d /home/planter/d /srv/d /srv/real /root/ran");
  lab.Ssh("h1", Plant(FolderOf(program, planted.dir)) + " && " + planted.before);
  const std::string look = "cd / && find " + planted.dir + "/ -ls";
  const std::string before = lab.Ssh("h1", look);
  const absl::Status status = StartAsRoot(program, planted.dir).status();
  INFO(status.ToString());
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(Reason(status) == "UNSAFE_FAR_END_DIR");
  CHECK_THAT(std::string(Message(status)),
             Catch::Contains(planted.dir) && Catch::Contains("machine-1"));
  CHECK_THAT(Metadata(status, "remedy"), Catch::Contains("/var/lib/dmgr"));
  const auto next = NextActionsOf(status);
  REQUIRE(next.size() == 1);
  CHECK(next[0].action() == v1::ACTION_UPDATE_MACHINE);
  CHECK(lab.Ssh("h1", "cat /root/ran 2>/dev/null || echo nothing") == "nothing\n");
  CHECK(lab.Ssh("h1", look) == before);
}

TEST_CASE("a far end that is another program, or that a user may change, is replaced unseen",
          "[lab]") {
  const Lab& lab = Lab::Shared(1);
  lab.AddUser("h1", {.name = "planter"});
  const std::string how = GENERATE(
      "true", "chown planter dmgr-host", "chmod 0777 dmgr-host",
      "mv dmgr-host /tmp/other && ln -s /tmp/other dmgr-host && chown -h planter dmgr-host");
  INFO(how);
  const host::FarEndProgram program = Fresh();
  const Afterwards clean(lab, "rm -f /tmp/other /root/ran");
  lab.Ssh("h1", Plant(FolderOf(program)) + " && cd " + FolderOf(program) + " && " + how);
  CHECK(Works(StartAsRoot(program)));
  CHECK(lab.Ssh("h1", "cat /root/ran 2>/dev/null || echo nothing") == "nothing\n");
  CHECK(lab.Ssh("h1", "stat -c '%F %u %a' " + FolderOf(program) + "/dmgr-host") ==
        "regular file 0 755\n");
}

}  // namespace
}  // namespace dmgr::testing
