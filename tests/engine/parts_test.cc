// Plans, slots and owners: the parts that need no database.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits>
#include <regex>

#include "server/engine/owner.h"
#include "server/engine/slots.h"
#include "tests/engine/world.h"

namespace dmgr::engine {
namespace {

Plan PlanOf(const std::vector<Step>& steps) {
  Plan plan;
  plan.kind = v1::OPERATION_KIND_START;
  plan.cluster_name = "c1";
  plan.steps = steps;
  return plan;
}

absl::Status CheckSteps(const std::vector<Step>& steps) { return Check(PlanOf(steps)); }

TEST_CASE("a plan is checked") {
  const auto step = [](const std::string& id, const std::vector<std::string>& depends_on) {
    return MakeStep(id, "h1", depends_on, "ok");
  };
  CHECK(CheckSteps({}).ok());
  CHECK(
      CheckSteps({step("d", {"b", "c"}), step("b", {"a"}), step("c", {"a"}), step("a", {})}).ok());
  const auto problem = [](const std::vector<Step>& steps) {
    const absl::Status status = CheckSteps(steps);
    CHECK(absl::IsInternal(status));
    CHECK(Reason(status) == "PLAN_INVALID");
    return std::string(Message(status));
  };
  CHECK_THAT(problem({step("a", {}), step("a", {})}), Catch::Contains("two steps are called a"));
  CHECK_THAT(problem({step("a", {"x"})}), Catch::Contains("a depends on x"));
  CHECK_THAT(problem({step("a", {"a"})}), Catch::Contains("step a is in"));
  CHECK_THAT(problem({step("s", {}), step("a", {"c", "s"}), step("b", {"a"}), step("c", {"b"})}),
             Catch::Contains("cycle"));
  CHECK_THAT(problem({step("", {})}), Catch::Contains("no id"));
  CHECK_THAT(problem({MakeStep("a", "h1")}), Catch::Contains("no runner"));
}

TEST_CASE("a plan as the store keeps it") {
  Step step = MakeStep("a", "h1", {}, "send");
  step.payload_json = R"({"x":1})";
  step.weight = 7;
  step.bytes_total = 99;
  step.point_of_no_return = true;
  const auto record =
      ToRecord(PlanOf({step, MakeStep("b", "", {"a"}, "ok")}), "alice", "request", "print");
  CHECK(record.operation.kind() == v1::OPERATION_KIND_START);
  CHECK(record.operation.state() == v1::OPERATION_STATE_QUEUED);
  CHECK(record.operation.cluster_name() == "c1");
  CHECK(record.operation.user_name() == "alice");
  CHECK(record.operation.request_id() == "request");
  CHECK(record.request_fingerprint == "print");
  CHECK(record.plan_format == kPlanFormat);
  REQUIRE(record.steps.size() == 2);
  const store::StepRecord& a = record.steps[0];
  CHECK(a.step.step_id() == "a");
  CHECK(a.step.title() == "do a");
  CHECK(a.step.host() == "h1");
  CHECK(a.step.state() == v1::STEP_STATE_PENDING);
  CHECK(a.step.bytes_total() == 99);
  CHECK(a.step.point_of_no_return());
  CHECK(a.runner == "send");
  CHECK(a.payload_json == R"({"x":1})");
  CHECK(a.weight == 7);
  REQUIRE(record.steps[1].step.depends_on_size() == 1);
  CHECK(record.steps[1].step.depends_on(0) == "a");
  CHECK(ToRecord(PlanOf({}), "", "", "").operation.operation_id() !=
        ToRecord(PlanOf({}), "", "", "").operation.operation_id());
}

TEST_CASE("slots: those who wait are served in turn, one each") {
  Slots slots(2);
  int woken_b = 0, woken_c = 0;
  Slots::Client a(&slots, [] {});
  Slots::Client b(&slots, [&] { ++woken_b; });
  REQUIRE(a.Take());
  REQUIRE(a.Take());
  CHECK_FALSE(a.Take());
  CHECK_FALSE(b.Take());
  CHECK_FALSE(b.Take());  // Waits once only.
  {
    Slots::Client c(&slots, [&] { ++woken_c; });
    CHECK_FALSE(c.Take());
    a.Give();  // To a itself, which came first.
    CHECK(woken_b == 0);
    CHECK_FALSE(b.Take());
    REQUIRE(a.Take());
    CHECK_FALSE(a.Take());  // Behind c now.
    a.Give();
    CHECK(woken_b == 1);
    CHECK_FALSE(c.Take());
    REQUIRE(b.Take());
    b.Give();
    CHECK(woken_c == 1);
  }
  // c went without taking what was kept for it: it is the next one's.
  REQUIRE(a.Take());
  CHECK_FALSE(b.Take());
  b.Leave();
  a.Give();
  CHECK(woken_b == 1);
  a.Give();
}

TEST_CASE("owners: only a process that has ended, of this very machine, has ended") {
  const std::string mine = NewOwner(false);
  CHECK(mine != NewOwner(false));
  const auto ended = [](const std::string& owner) { return HasEnded(owner, false); };
  CHECK_FALSE(ended(mine));
  const auto with = [&](const std::string& key, const std::string& value) {
    const std::string changed =
        std::regex_replace(mine, std::regex(key + "=[^ ]*"), key + "=" + value);
    REQUIRE(changed != mine);
    return changed;
  };
  CHECK(ended(with("start", "1")));  // Another process has got its pid.
  pid_t child = 0;
  char path[] = "/bin/true";
  char* argv[] = {path, nullptr};
  REQUIRE(posix_spawn(&child, path, nullptr, nullptr, argv, environ) == 0);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  const std::string gone = with("pid", std::to_string(child));
  CHECK(ended(gone));
  CHECK_FALSE(ended(std::regex_replace(gone, std::regex("boot=[^ ]*"), "boot=other")));
  CHECK_FALSE(ended(std::regex_replace(gone, std::regex("pidns=[^ ]*"), "pidns=pid:[1]")));
  for (const char* odd : {"", "owner", "pid=1", "boot= pidns= pid=999999999 start=1"}) {
    INFO(odd);
    CHECK_FALSE(ended(odd));
  }
  CHECK_FALSE(ended(with("pid", "12x")));
  CHECK_FALSE(ended(with("pid", "-1")));
}

TEST_CASE("owners: a process that its parent has not collected has ended as well") {
  int fds[2];
  REQUIRE(pipe(fds) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string owner = NewOwner(false);
    _exit(write(fds[1], owner.data(), owner.size()) > 0 ? 0 : 1);
  }
  close(fds[1]);
  std::string owner(1024, '\0');
  owner.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(fds[0], owner.data(), 1024))));
  close(fds[0]);
  CHECK(IsPresentWhileAlive(owner));
  siginfo_t info;
  REQUIRE(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
  CHECK(kill(child, 0) == 0);
  CHECK(HasEnded(owner, false));
  REQUIRE(waitpid(child, nullptr, 0) == child);
}

TEST_CASE("owners: who holds the data folder knows that whoever held it before has ended") {
  const std::string before =
      std::regex_replace(NewOwner(true), std::regex("boot=[^ ]*"), "boot=other");
  CHECK(HasEnded(before, true));
  CHECK_FALSE(HasEnded(before, false));
  CHECK_FALSE(HasEnded(NewOwner(false), true));
  CHECK_FALSE(IsPresentWhileAlive("host=h boot=b pidns=p pid=1 start=1 id=of-an-older-version"));
}

}  // namespace
}  // namespace dmgr::engine
