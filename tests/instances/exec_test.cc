#include "server/instances/exec.h"

#include <map>

#include "common/error.h"
#include "tests/instances/two_hosts.h"

namespace dmgr::test {
namespace {

struct Ran {
  v1::ExecHosts hosts;
  // By host.
  std::map<std::string, std::string> out, err;
  std::map<std::string, v1::ExecExit> exits;
  std::map<std::string, absl::Status> problems;
  std::string what;
};

v1::ExecRequest Program(const std::vector<std::string>& words) {
  v1::ExecRequest request;
  request.set_cluster_name(kDemo);
  for (const auto& word : words) request.add_arguments(word);
  return request;
}

absl::Status RunOn(TwoHosts& hosts, const v1::ExecRequest& request, Ran* ran) {
  const auto host = [&](std::uint32_t index) {
    return ran->hosts.hosts(static_cast<int>(index)).host();
  };
  return instances::Exec(
      hosts.resources(), &hosts.places(), request, &ran->what, [] { return false; },
      [&](const v1::ExecResponse& response) {
        if (response.has_hosts()) ran->hosts = response.hosts();
        if (response.has_output()) {
          ran->out[host(response.output().host_index())] += response.output().standard_output();
          ran->err[host(response.output().host_index())] += response.output().standard_error();
        }
        if (response.has_exit()) ran->exits[host(response.exit().host_index())] = response.exit();
        if (response.has_problem()) {
          ran->problems[host(response.problem().host_index())] =
              FromProto(response.problem().error());
        }
        return true;
      });
}

TEST_CASE("a program runs once on each host, as the cluster's user", "[exec]") {
  TwoHosts hosts;
  hosts.h1().AddProgram("show", "echo \"$1 on h1 as $USER\"; echo no >&2; exit 4\n");
  hosts.h2().AddProgram("show", "echo \"$1 on h2 as $USER\"\n");
  Ran ran;
  REQUIRE_OK(RunOn(hosts, Program({"show", "a  \"b\"\nc"}), &ran));
  CHECK(ran.hosts.user() == "tidb");
  CHECK(ran.out.at("h1.example") == "a  \"b\"\nc on h1 as tidb\n");
  CHECK(ran.err.at("h1.example") == "no\n");
  CHECK(ran.out.at("h2.example") == "a  \"b\"\nc on h2 as tidb\n");
  CHECK(ran.exits.at("h1.example").exit_code() == 4);
  CHECK(ran.exits.at("h2.example").exit_code() == 0);
  // Without the arguments, which may be secret.
  CHECK(ran.what == "demo: show on h1.example, h2.example as tidb");
}

TEST_CASE("it runs where it is asked to, as whom it is asked to", "[exec]") {
  TwoHosts hosts;
  hosts.h2().AddProgram("show", "echo $USER\n");
  auto request = Program({"show"});
  request.set_user("root");
  SECTION("by host") { request.mutable_where()->add_hosts("h2.example"); }
  SECTION("by machine") { request.mutable_where()->add_hosts("h2"); }
  SECTION("by role") {
    request.mutable_where()->mutable_selection()->add_components(v1::COMPONENT_DM_WORKER);
  }
  Ran ran;
  REQUIRE_OK(RunOn(hosts, request, &ran));
  CHECK(ran.hosts.hosts_size() == 1);
  CHECK(ran.out.at("h2.example") == "root\n");
}

TEST_CASE("what cannot run on one host is told, and runs on the others", "[exec]") {
  TwoHosts hosts;
  hosts.h2().AddProgram("show", "echo here\n");
  Ran ran;
  SECTION("a dead host") {
    hosts.Lose("h1");
    REQUIRE_OK(RunOn(hosts, Program({"show"}), &ran));
    CHECK(absl::IsUnavailable(ran.problems.at("h1.example")));
  }
  SECTION("a program that is not there") {
    REQUIRE_OK(RunOn(hosts, Program({"show"}), &ran));
    CHECK(Reason(ran.problems.at("h1.example")) == "HOST_NOT_FOUND");
    // There is nothing that could be resumed.
    CHECK(Metadata(ran.problems.at("h1.example"), "remedy").find("resume") == std::string::npos);
  }
  CHECK(ran.out.at("h2.example") == "here\n");
  CHECK(ran.exits.at("h2.example").exit_code() == 0);
}

TEST_CASE("a call that only asks runs nothing", "[exec]") {
  TwoHosts hosts;
  hosts.h1().AddProgram("show", "echo > $ROOT/tmp/ran\n");
  auto request = Program({"show"});
  request.set_validate_only(true);
  Ran ran;
  REQUIRE_OK(RunOn(hosts, request, &ran));
  CHECK(ran.hosts.hosts_size() == 2);
  CHECK_FALSE(hosts.h1().Exists("tmp/ran"));
}

TEST_CASE("what no program can be given is refused", "[exec]") {
  TwoHosts hosts;
  auto request = Program({"show"});
  std::string field;
  SECTION("no program") {
    request.clear_arguments();
    field = "arguments";
  }
  SECTION("a zero byte") {
    request.add_arguments(std::string("a\0b", 3));
    field = "arguments[1]";
  }
  SECTION("too much") {
    for (int i = 0; i < 20; ++i) request.add_arguments(std::string(100'000, 'x'));
    field = "arguments";
  }
  SECTION("a user") {
    request.set_user("no such;user");
    field = "user";
  }
  SECTION("a time") {
    request.mutable_timeout()->set_seconds(-1);
    field = "timeout";
  }
  SECTION("a host") {
    request.mutable_where()->add_hosts("h9");
    field = "where.hosts[0]";
  }
  Ran ran;
  const absl::Status status = RunOn(hosts, request, &ran);
  CHECK(absl::IsInvalidArgument(status));
  CHECK(FieldViolations(status).field_violations(0).field() == field);
}

}  // namespace
}  // namespace dmgr::test
