// The stand-in against what was seen on the real DM.
#include <signal.h>
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "test_support.h"

namespace dmsim {
namespace {

using Catch::Matchers::Contains;
constexpr milliseconds kSoon(2000);

std::string Other(const std::string& name) { return name == "m1" ? "m2" : "m1"; }

// The rule of 5 s: polls until the removal is allowed.
bool DeleteWhenHealthy(TestCluster* cluster, const std::string& by, const std::string& name) {
  return Eventually(milliseconds(9000), [&] {
    const auto answer = cluster->Delete(by, "master", name);
    if (answer["result"] == false) CHECK(answer["msg"] == "etcdserver: unhealthy cluster");
    return answer["result"] == true;
  });
}

// A knob, for as long as this lives.
class Environment {
 public:
  Environment(std::string name, const char* value) : name_(std::move(name)) {
    setenv(name_.c_str(), value, 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { unsetenv(name_.c_str()); }

 private:
  const std::string name_;
};

}  // namespace

TEST_CASE("three masters have a leader within two seconds", "[dmsim]") {
  TestCluster cluster;
  const auto start = Clock::now();
  const std::string leader = cluster.Bootstrap(3);
  REQUIRE_FALSE(leader.empty());
  CHECK(Clock::now() - start < kSoon);
  CHECK(cluster.Get("m2", "/status").body.starts_with("Release Version: v"));
  CHECK(cluster.Get("m1", "/health").body == R"({"health":"true","reason":""})");
  CHECK_THAT(cluster.Get("m3", "/metrics").body, Contains("process_start_time_seconds "));
  const auto masters = cluster.Members("m3", "master");
  REQUIRE(masters.size() == 3);
  CHECK(masters.at("m2")["alive"] == true);
  CHECK(masters.at("m2")["memberID"].is_string());
  CHECK(masters.at("m2")["clientURLs"][0] == "http://" + cluster.Address("m2"));
  CHECK(cluster.Get("m1", "/apis/v1alpha1/members").body.starts_with("{\n  \"result\": true"));

  SECTION("an evicted leader is followed at once") {
    CHECK(cluster.Json(leader, "PUT", "/apis/v1alpha1/leader/1", "{}")["result"] == true);
    CHECK(Eventually(milliseconds(500), [&] {
      const std::string now = cluster.Leader(Other(leader));
      return !now.empty() && now != leader;
    }));
  }
  SECTION("a leader that is stopped is followed at once") {
    CHECK(cluster.Stop(leader, SIGTERM) == 0);
    CHECK(Eventually(milliseconds(700), [&] { return !cluster.Leader(Other(leader)).empty(); }));
  }
  SECTION("errors have the real texts") {
    CHECK(cluster.Get("m1", "/apis/v1alpha1/nosuch").status == 501);
    CHECK(cluster.Get("m1", "/nosuch").body == "404 page not found\n");
    CHECK_THAT(cluster.Delete("m1", "master", "nosuch")["msg"].get<std::string>(),
               Contains("code=38048") && Contains("not exists"));
    CHECK_THAT(cluster.Delete("m1", "worker", "nosuch")["msg"].get<std::string>(),
               Contains("code=46004") && Contains("not exists"));
    CHECK_THAT(cluster.Delete("m1", "foo", "x")["msg"].get<std::string>(), Contains("code=38049"));
    const auto op = cluster.Json("m1", "PUT", "/apis/v1alpha1/leader/evict", "{}");
    CHECK(op["message"] == "type mismatch, parameter: op, error: evict is not valid");
  }
}

TEST_CASE("one of three masters hangs and refuses", "[dmsim]") {
  TestCluster cluster;
  const std::string leader = cluster.Bootstrap(3);
  REQUIRE_FALSE(leader.empty());
  const std::string left = Other(leader);
  const std::string follower = MasterName(6 - (leader[1] - '0') - (left[1] - '0'));
  CHECK(cluster.Stop(follower, SIGTERM) == 0);
  CHECK(cluster.Stop(leader, SIGTERM) == 0);

  CHECK(cluster.Get(left, "/status").status == 200);
  CHECK(cluster.Get(left, "/apis/v1alpha1/members", 1500).status == 0);
  CHECK(cluster.Get(left, "/api/v1/cluster/masters", 1000).status == 0);
  CHECK_THAT(cluster.Delete(left, "master", leader)["message"].get<std::string>(),
             Contains("code=38043"));
  CHECK(cluster.Get(left, "/health", 9000).status == 503);
  cluster.StartMaster(follower);
  CHECK(Eventually(kSoon, [&] { return !cluster.Leader(left).empty(); }));
}

TEST_CASE("a dead leader leads again until its lease ends", "[dmsim]") {
  const Environment lease("DMSIM_LEASE_SECONDS", "4");
  TestCluster cluster;
  const std::string leader = cluster.Bootstrap(3);
  REQUIRE_FALSE(leader.empty());
  const std::string other = Other(leader);
  const auto death = Clock::now();
  CHECK(cluster.Stop(leader, SIGKILL) == -SIGKILL);
  CHECK(cluster.Leader(other).empty());
  cluster.StartMaster(leader);
  CHECK(Eventually(milliseconds(3000), [&] { return cluster.Leader(other) == leader; }));
  std::string now;
  CHECK(Eventually(milliseconds(6000), [&] {
    now = cluster.Leader(other);
    return !now.empty() && now != leader;
  }));
  CHECK(Clock::now() - death > milliseconds(3000));
}

TEST_CASE("members join and leave under the rule of five seconds", "[dmsim]") {
  TestCluster cluster;
  std::string leader = cluster.Bootstrap(3);
  REQUIRE_FALSE(leader.empty());
  const std::string ghost = Other(leader);
  CHECK(cluster.Delete(leader, "master", ghost)["msg"] == "etcdserver: unhealthy cluster");
  REQUIRE(
      Eventually(milliseconds(3000), [&] { return !(leader = cluster.Leader(leader)).empty(); }));

  // Its process lives on, and its member list is the real leader's.
  REQUIRE(DeleteWhenHealthy(&cluster, leader == ghost ? Other(ghost) : leader, ghost));
  CHECK_FALSE(cluster.process(ghost).HasEnded());
  CHECK(cluster.Get(ghost, "/status").status == 200);
  CHECK(cluster.Members(ghost, "master").size() == 2);
  CHECK(cluster.Members(ghost, "master").count(ghost) == 0);
  CHECK(cluster.Stop(ghost, SIGTERM) == 0);
  cluster.StartMaster(ghost);

  // A join that dies after it was added leaves an unnamed member.
  const std::string by = Other(ghost);
  const Socket taken = [&] {
    std::string error;
    return ListenTcp(cluster.Address("m4"), &error);
  }();
  const auto join_with_port_taken = [&] {
    cluster.JoinMaster("m4", by);
    REQUIRE(cluster.process("m4").Wait(milliseconds(5000)) == 2);
    return cluster.process("m4").Output();
  };
  CHECK(Eventually(milliseconds(9000), [&] {
    const std::string output = join_with_port_taken();
    std::filesystem::remove_all(cluster.dir() + "/m4");
    if (output.find("unhealthy cluster") == std::string::npos) return true;
    CHECK_THAT(output, Contains("add member: etcdserver: unhealthy cluster"));
    return false;
  }));
  const auto unnamed = cluster.Members(by, "master").at("");
  CHECK(unnamed["alive"] == false);
  CHECK(unnamed["clientURLs"].empty());
  CHECK_THAT(join_with_port_taken(), Contains("has not joined successfully"));
  CHECK(cluster.Delete(by, "master", "")["result"] == true);
  CHECK(cluster.Members(by, "master").size() == 2);

  // Started again with its old data the ghost finds no majority.
  CHECK(cluster.process(ghost).Wait(milliseconds(12'000)) == 2);
  CHECK_THAT(cluster.process(ghost).Output(), Contains("start embed etcd timeout 10s"));

  cluster.JoinMaster("m5", by);
  CHECK(Eventually(kSoon, [&] { return cluster.Members(by, "master").count("m5") == 1; }));
  CHECK(Eventually(kSoon, [&] { return !cluster.Leader("m5").empty(); }));
}

TEST_CASE("two masters become one only while both run", "[dmsim]") {
  TestCluster cluster;
  const std::string leader = cluster.Bootstrap(2);
  REQUIRE_FALSE(leader.empty());
  const std::string other = Other(leader);
  CHECK(cluster.Stop(other, SIGTERM) == 0);
  CHECK(cluster.Delete(leader, "master", other)["msg"] == "context deadline exceeded");
  cluster.StartMaster(other);
  REQUIRE(Eventually(milliseconds(4000), [&] { return !cluster.Leader(other).empty(); }));
  REQUIRE(DeleteWhenHealthy(&cluster, other, leader));
  CHECK(Eventually(kSoon, [&] { return cluster.Leader(other) == other; }));
  CHECK(cluster.Stop(other, SIGKILL) == -SIGKILL);
  cluster.StartMaster(other);
  CHECK(Eventually(milliseconds(4000), [&] { return cluster.Leader(other) == other; }));
}

TEST_CASE("workers register, keep a lease and take over sources", "[dmsim]") {
  TestCluster cluster;
  REQUIRE_FALSE(cluster.Bootstrap(3).empty());
  cluster.StartWorker("w1");
  cluster.StartWorker("w2");
  const auto is_in = [&](const std::string& worker, const std::string& stage) {
    return Eventually(kSoon, [&] { return cluster.Stage("m1", worker) == stage; });
  };
  REQUIRE(is_in("w1", "free"));
  REQUIRE(is_in("w2", "free"));
  CHECK_THAT(cluster.Delete("m1", "worker", "w1")["msg"].get<std::string>(),
             Contains("is still online"));

  const auto created = cluster.Json(
      "m1", "POST", "/api/v1/sources",
      R"({"source":{"source_name":"s1","host":"h","port":3306,"user":"u","password":"p"}})");
  CHECK(created["source_name"] == "s1");
  std::string bound;
  CHECK(Eventually(milliseconds(500), [&] {
    for (const std::string worker : {"w1", "w2"}) {
      if (cluster.Stage("m1", worker) == "bound") bound = worker;
    }
    return !bound.empty();
  }));
  const std::string free = bound == "w1" ? "w2" : "w1";

  // A graceful stop gives the source away; a kill leaves the lease.
  CHECK(cluster.Stop(bound, SIGTERM) == 0);
  CHECK(cluster.Stage("m1", bound) == "offline");
  CHECK(is_in(free, "bound"));
  CHECK(cluster.Stop(free, SIGKILL) == -SIGKILL);
  CHECK(cluster.Stage("m1", free) == "bound");
  CHECK(cluster.Delete("m1", "worker", bound)["result"] == true);
  CHECK(cluster.Members("m1", "worker").size() == 1);

  // Registered before the port is bound; the same name elsewhere is refused.
  std::string error;
  const Socket taken = ListenTcp(cluster.Address("w3"), &error);
  cluster.StartWorker("w3");
  CHECK(cluster.process("w3").Wait(kSoon) == 1);
  CHECK(cluster.Stage("m1", "w3") == "offline");
  Process& twin = cluster.Run("twin", "dm-worker",
                              {"--name", "w3", "--worker-addr=" + cluster.Address("twin"),
                               "--join=" + cluster.Address("m1")});
  CHECK(twin.Wait(kSoon) == 2);
}

TEST_CASE("a worker that is asked to stop soon after the leader changed stays for a while",
          "[dmsim]") {
  const Environment first_request("DMSIM_FIRST_REQUEST_SECONDS", "3");
  TestCluster cluster;
  const std::string leader = cluster.Bootstrap(3);
  REQUIRE_FALSE(leader.empty());
  const std::string other = Other(leader);
  for (const std::string worker : {"w1", "w2"}) cluster.StartWorker(worker);
  const auto is_free = [&](const std::string& worker) {
    return Eventually(kSoon, [&] { return cluster.Stage(other, worker) == "free"; });
  };
  REQUIRE(is_free("w1"));
  REQUIRE(is_free("w2"));
  auto begin = Clock::now();
  CHECK(cluster.Stop("w1", SIGTERM) == 0);
  CHECK(Clock::now() - begin < milliseconds(700));
  cluster.StartWorker("w1");
  REQUIRE(is_free("w1"));

  const auto change = Clock::now();
  CHECK(cluster.Json(leader, "PUT", "/apis/v1alpha1/leader/1", "{}")["result"] == true);
  REQUIRE(Eventually(kSoon, [&] {
    const std::string now = cluster.Leader(other);
    return !now.empty() && now != leader;
  }));
  begin = Clock::now();
  cluster.process("w1").Signal(SIGTERM);
  // DM knows at once, and only the process stays.
  CHECK(Eventually(milliseconds(500), [&] { return cluster.Stage(other, "w1") == "offline"; }));
  CHECK_FALSE(cluster.process("w1").HasEnded());
  CHECK(cluster.process("w1").Wait(milliseconds(5000)) == 0);
  CHECK(Clock::now() - change > milliseconds(2900));
  CHECK(Clock::now() - change < milliseconds(4500));
  // By now the other one ends at once, too.
  begin = Clock::now();
  CHECK(cluster.Stop("w2", SIGTERM) == 0);
  CHECK(Clock::now() - begin < milliseconds(700));
}

TEST_CASE("the last of all masters to stop takes its time", "[dmsim]") {
  const Environment last_master("DMSIM_LAST_MASTER_SECONDS", "4");
  TestCluster cluster;
  const std::string leader = cluster.Bootstrap(3);
  REQUIRE_FALSE(leader.empty());
  const auto ended = [&] {
    int count = 0;
    for (const std::string name : {"m1", "m2", "m3"}) {
      count += cluster.process(name).HasEnded() ? 1 : 0;
    }
    return count;
  };
  const auto start_all = [&] {
    for (const std::string name : {"m1", "m2", "m3"}) cluster.StartMaster(name);
    return Eventually(milliseconds(9000), [&] { return !cluster.Leader("m1").empty(); });
  };
  // One of three does not.
  const auto one = Clock::now();
  CHECK(cluster.Stop(leader, SIGTERM) == 0);
  CHECK(Clock::now() - one < milliseconds(1800));
  cluster.StartMaster(leader);
  REQUIRE(Eventually(kSoon, [&] { return cluster.Members(leader, "master").size() == 3; }));

  const auto begin = Clock::now();
  for (const std::string name : {"m1", "m2", "m3"}) cluster.process(name).Signal(SIGTERM);
  CHECK(Eventually(milliseconds(2500), [&] { return ended() == 2; }));
  CHECK_FALSE(Eventually(milliseconds(500), [&] { return ended() == 3; }));
  CHECK(Eventually(milliseconds(3000), [&] { return ended() == 3; }));
  CHECK(Clock::now() - begin > milliseconds(3900));
  REQUIRE(start_all());

  // All evicted before and the last one killed: nobody's key is left.
  for (const std::string name : {"m1", "m2", "m3"}) {
    CHECK(cluster.Json(name, "PUT", "/apis/v1alpha1/leader/1", "{}")["result"] == true);
  }
  CHECK(Eventually(kSoon, [&] { return cluster.Leader("m1").empty(); }));
  for (const std::string name : {"m1", "m2", "m3"}) cluster.process(name).Signal(SIGTERM);
  CHECK(Eventually(milliseconds(2500), [&] { return ended() == 2; }));
  for (const std::string name : {"m1", "m2", "m3"}) cluster.process(name).Signal(SIGKILL);
  REQUIRE(start_all());
  CHECK(cluster.Json("m1", "PUT", "/apis/v1alpha1/leader/2", "{}")["result"] == true);
}

TEST_CASE("flags and files are refused as the real programs refuse them", "[dmsim]") {
  TestCluster cluster;
  const auto run = [&](const std::string& program, const std::vector<std::string>& arguments) {
    Process& process = cluster.Run("once", program, arguments);
    const int exit_code = process.Wait(milliseconds(6000));
    return std::make_pair(exit_code, process.Output());
  };
  const std::string toml = cluster.dir() + "/bad.toml";
  std::ofstream(toml) << "log-level = \"info\"\nnosuch = 1\n";
  for (const std::string program : {"dm-master", "dm-worker"}) {
    CHECK(run(program, {"-V"}).first == 0);
    CHECK_THAT(run(program, {"-V"}).second, Contains("Release Version: v"));
    CHECK(run(program, {"--help"}).first == 0);
    auto [code, output] = run(program, {"--nosuch"});
    CHECK(code == 2);
    CHECK_THAT(output, Contains("flag provided but not defined: -nosuch") &&
                           Contains("parse cmd flags err: parse config flag set"));
    std::tie(code, output) = run(program, {"--config=" + toml});
    CHECK(code == 2);
    CHECK_THAT(output, Contains("unknown configuration options: nosuch"));
    std::tie(code, output) = run(program, {"--config=/nonexistent"});
    CHECK(code == 2);
    CHECK_THAT(output, Contains("config toml transform"));
  }
  CHECK_THAT(run("dm-master", {"--master-addr=:8461"}).second,
             Contains("master-addr (:8461) must include the 'host' part"));
  std::ofstream(toml) << "rpc-timeout = \"30\"\n";
  CHECK_THAT(run("dm-master", {"--config=" + toml, "--master-addr=" + FreeAddress()}).second,
             Contains("parse cmd flags err: parse rpc timeout str"));
  const auto [code, output] =
      run("dm-worker", {"--worker-addr=" + FreeAddress(), "--join=" + FreeAddress()});
  CHECK(code == 2);
}

TEST_CASE("a trailer gives the version", "[dmsim]") {
  TestCluster cluster;
  const std::string program = cluster.dir() + "/dm-worker-v2";
  std::filesystem::copy_file(cluster.Program("dm-worker"), program);
  std::ofstream(program, std::ios::app | std::ios::binary)
      << std::string(5000, 'x') << "\nDMSIM-VERSION=v8.1.0\n";
  Process process(program, {"-V"}, cluster.dir() + "/out");
  CHECK(process.Wait(kSoon) == 0);
  CHECK_THAT(process.Output(), Contains("Release Version: v8.1.0\n"));
}

TEST_CASE("grafana-server needs its home", "[dmsim]") {
  namespace fs = std::filesystem;
  TestCluster cluster;
  const std::string home = cluster.dir() + "/home";
  Process& broken = cluster.Run("broken", "grafana-server", {"--homepath=" + home});
  CHECK(broken.Wait(kSoon) == 1);
  CHECK_THAT(broken.Output(), Contains("Could not find config defaults"));

  fs::create_directories(home + "/conf/provisioning/datasources");
  fs::create_directories(home + "/public");
  std::ofstream(home + "/conf/defaults.ini") << "[server]\nhttp_port = 3000\n";
  std::ofstream(home + "/conf/provisioning/datasources/d.yml")
      << "datasources:\n  - name: dm\n    type: prometheus\n    url: http://h:9090\n";
  const std::string address = cluster.Address("grafana");
  std::ofstream(cluster.dir() + "/grafana.ini")
      << "[server]\nhttp_port = " << address.substr(address.find(':') + 1)
      << "\n[security]\nadmin_user = `a`\nadmin_password = `p#1`\n";
  Process& server = cluster.Run("grafana", "grafana-server",
                                {"-homepath", home, "-config", cluster.dir() + "/grafana.ini"});
  CHECK(Eventually(kSoon, [&] { return cluster.Get("grafana", "/api/health").ok(); }));
  CHECK(cluster.Get("grafana", "/login").status == 200);
  CHECK(cluster.Get("grafana", "/api/datasources").status == 401);
  const HttpResult allowed =
      HttpCall(address, "GET", "/api/datasources", "", kSoon, {"Authorization: Basic YTpwIzE="});
  CHECK_THAT(allowed.body, Contains("http://h:9090"));
  server.Signal(SIGTERM);
  CHECK(server.Wait(kSoon) == 0);
}

}  // namespace dmsim
