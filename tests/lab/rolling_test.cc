// Restarts of a cluster that is in use, on real hosts.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "tests/lab/poller.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

json NewestSteps(Site& site) {
  const auto list = site.Json({"operation", "list", "--cluster", kDemo, "--limit", "1"});
  return site.Json(
      {"operation", "show", list["operations"][0]["operation_id"]})["operation"]["steps"];
}

// RFC 3339 without its Z sorts by time.
std::string TimeOf(const json& step, const char* key) {
  std::string time = step.value(key, "");
  if (!time.empty()) time.pop_back();
  return time;
}

// Steps of the newest operation whose title begins and ends so, in the order in which they began.
std::vector<json> StepsLike(Site& site, const std::string& begin, const std::string& end) {
  std::vector<json> steps;
  for (const auto& step : NewestSteps(site)) {
    const std::string title = step["title"];
    if (title.starts_with(begin) && title.ends_with(end)) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end(), [](const json& one, const json& other) {
    return TimeOf(one, "start_time") < TimeOf(other, "start_time");
  });
  return steps;
}

bool Overlap(const json& one, const json& other) {
  return TimeOf(one, "start_time") < TimeOf(other, "end_time") &&
         TimeOf(other, "start_time") < TimeOf(one, "end_time");
}

// A knob of the stand-in on all hosts, for what starts while this lives.
class Knob {
 public:
  Knob(Site& site, std::string name, int value) : site_(site), name_(std::move(name)) {
    for (const auto& host : Site::Hosts()) {
      site_.lab().Ssh(host, fmt::format("systemctl set-environment {}={}", name_, value));
    }
  }
  Knob(const Knob&) = delete;
  Knob& operator=(const Knob&) = delete;
  ~Knob() {
    for (const auto& host : Site::Hosts()) {
      site_.lab().Ssh(host, "systemctl unset-environment " + name_);
    }
  }

 private:
  Site& site_;
  const std::string name_;
};

// A source of the demo cluster, on whichever dm-worker takes it, for as long as this lives.
class Source {
 public:
  explicit Source(Site& site) : master_(site.Address("h1") + ":8261") {
    REQUIRE(HttpPost("http://" + master_ + "/dmsim/openapi/sources",
                     R"({"source":{"source_name":"s1","host":"192.0.2.1","port":3306,)"
                     R"("user":"u","password":"p"}})"));
    REQUIRE(Eventually([&] { return !WorkerOf().empty(); }, std::chrono::seconds(5)));
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() { HttpDelete("http://" + master_ + "/dmsim/openapi/sources/s1"); }

  std::string WorkerOf() const {
    const json members =
        json::parse(HttpBody("http://" + master_ + "/apis/v1alpha1/members?worker=true"), nullptr,
                    /*allow_exceptions=*/false);
    if (members.is_discarded()) return "";
    for (const auto& worker : members["members"][0]["worker"]["workers"]) {
      if (worker["source"] == "s1") return worker["name"];
    }
    return "";
  }

 private:
  const std::string master_;
};

std::chrono::milliseconds Took(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               begin);
}

TEST_CASE("dm-workers that carry nothing are taken together", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto before = Processes(site);
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--role", "dm-worker"});
  const auto turns = StepsLike(site, "restart ", "unless it is bound");
  REQUIRE(turns.size() == 3);
  CHECK(Overlap(turns[0], turns[1]));
  CHECK(Overlap(turns[1], turns[2]));
  for (const auto& [unit, pid] : Processes(site)) {
    CHECK((pid != before.at(unit)) == (unit.find("dm-worker") != std::string::npos));
  }
  site.MustCtl(
      {"cluster", "restart", kDemo, "--yes", "--role", "dm-worker", "--max-parallel", "1"});
  const auto single = StepsLike(site, "restart ", "unless it is bound");
  REQUIRE(single.size() == 3);
  CHECK_FALSE(Overlap(single[0], single[1]));
  CHECK_FALSE(Overlap(single[1], single[2]));
}

TEST_CASE("a dm-worker that is bound is taken alone, and its source goes on", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const Source source(site);
  const std::string bound = source.WorkerOf();
  const auto before = Processes(site);
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--role", "dm-worker"});
  CHECK_FALSE(source.WorkerOf().empty());
  for (const auto& [unit, pid] : Processes(site)) {
    CHECK((pid != before.at(unit)) == (unit.find("dm-worker") != std::string::npos));
  }
  const auto second = StepsLike(site, "restart ", "if it was bound");
  REQUIRE(second.size() == 3);
  // One of the two others stayed free meanwhile.
  const auto first = StepsLike(site, "restart ", "unless it is bound");
  REQUIRE(first.size() == 3);
  for (const auto& step : second) {
    if (step["title"].get<std::string>().find(bound) == std::string::npos) continue;
    for (const auto& other : first) CHECK_FALSE(Overlap(step, other));
  }
}

TEST_CASE("dm-workers whose process stays after the leader changed are not waited for",
          "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const Knob knob(site, "DMSIM_FIRST_REQUEST_SECONDS", 10);
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--role", "dm-worker"});
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--role", "dm-master"});
  const auto took = Took([&] {
    site.MustCtl({"cluster", "restart", kDemo, "--yes", "--role", "dm-worker"});
  });
  WARN(fmt::format("restart of dm-workers after the leader changed: {} ms", took.count()));
  CHECK(took < std::chrono::seconds(6));
  CHECK(site.IsHealthy());
}

TEST_CASE("a whole stop does not wait for the last dm-master", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const Knob knob(site, "DMSIM_LAST_MASTER_SECONDS", 40);
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--role", "dm-master"});
  const auto took = Took([&] { site.MustCtl({"cluster", "stop", kDemo, "--yes"}); });
  WARN(fmt::format("whole stop: {} ms", took.count()));
  CHECK(took < std::chrono::seconds(15));
  for (const auto& host : Site::Hosts()) {
    CHECK(site.lab().Ssh(host, "systemctl --failed --no-legend | wc -l") == "0\n");
  }
  site.MustCtl({"cluster", "start", kDemo});
  // Nobody leads by a key of before.
  const std::string leader = LeaderOf(site);
  CHECK_FALSE(leader.empty());
  CHECK(site.IsHealthy());
}

TEST_CASE("a restart takes all instances in turns, and the API answers meanwhile",
          "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto before = Processes(site);
  const std::string leader = LeaderOf(site);
  Poller poller(site);
  site.MustCtl({"cluster", "restart", kDemo, "--yes"});
  const auto gaps = poller.Stop();
  CHECK(site.IsHealthy());
  for (const auto& [unit, pid] : Processes(site)) {
    INFO(unit);
    CHECK(pid != before.at(unit));
  }
  WARN(fmt::format("rolling restart: {} answers, longest gap without a leader {} ms", gaps.answers,
                   gaps.longest.count()));
  CHECK(gaps.longest < std::chrono::seconds(3));
  const json steps = NewestSteps(site);
  for (const auto& step : steps) {
    INFO(step.dump());
    CHECK(step["state"] == "STEP_STATE_SUCCEEDED");
    CHECK(step["attempts"] == 1);
  }
  CHECK(LeaderOf(site) != leader);
}

TEST_CASE("a restart of some leaves the others alone", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto before = Processes(site);
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--role", "dm-worker", "--node",
                site.Address("h2") + ":8262"});
  int changed = 0;
  for (const auto& [unit, pid] : Processes(site)) changed += pid != before.at(unit) ? 1 : 0;
  CHECK(changed == 1);
}

TEST_CASE("all at once stops everything and starts it", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto before = Processes(site);
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--all-at-once"});
  CHECK(site.IsHealthy());
  for (const auto& [unit, pid] : Processes(site)) CHECK(pid != before.at(unit));

  // One that is stopped cannot be taken one by one.
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  const auto refused = site.Ctl({"cluster", "restart", kDemo, "--yes"});
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains("--all-at-once"));
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--all-at-once"});
  CHECK(site.IsHealthy());
  CHECK(site.Status()["state"] == "CLUSTER_STATE_UP");
}

TEST_CASE("restarts may follow each other at once", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  // systemd refuses the sixth start in ten seconds, unless it is told that they were wanted.
  for (int i = 0; i < 8; ++i) {
    site.MustCtl({"cluster", "restart", kDemo, "--yes", "--all-at-once", "--node",
                  site.Address("h2") + ":8262"});
    site.MustCtl({"cluster", "restart", kDemo, "--yes", "--node", site.Address("h3") + ":8262"});
  }
  CHECK(site.IsHealthy());
}

TEST_CASE("a restart that fails in the middle goes on where it stopped", "[lab][rolling]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  // The worker of h2 does not come up.
  const std::string unit = "dm-worker-8262.service";
  const std::string drop_in = "/etc/systemd/system/" + unit + ".d";
  site.lab().Ssh("h2",
                 fmt::format("mkdir -p {0} && printf '[Service]\\nExecStartPre=/bin/false\\n' "
                             "> {0}/broken.conf && systemctl daemon-reload",
                             drop_in));
  const auto failed = site.Ctl({"cluster", "restart", kDemo, "--yes"});
  CHECK(failed.exit_code == 1);
  const auto list = site.Json({"operation", "list", "--cluster", kDemo, "--limit", "1"});
  const std::string id = list["operations"][0]["operation_id"];
  site.lab().Ssh("h2", fmt::format("rm -r {} && systemctl daemon-reload", drop_in));
  const auto before = Processes(site);
  site.MustCtl({"operation", "resume", id});
  CHECK(site.IsHealthy());
  // What was finished was not taken again; dm-masters wait for the dm-workers.
  for (const auto& [name, pid] : Processes(site)) {
    INFO(name);
    if (name.starts_with("h2/dm-worker") || name.find("dm-master") != std::string::npos) {
      CHECK(pid != before.at(name));
    } else if (name.find("dm-worker") != std::string::npos) {
      CHECK(pid == before.at(name));
    }
  }
}

}  // namespace
}  // namespace dmgr::testing
