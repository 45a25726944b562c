// What is done to hosts by hand, and found against the record.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr char kWorker[] = "/dm-deploy/dm-worker-8262";
constexpr char kWorkerUnit[] = "dm-worker-8262.service";

// The differences by the names of their kinds, without what comes before them all.
std::multiset<std::string> KindsOf(const json& answer) {
  const std::string prefix = "DIFFERENCE_KIND_";
  std::multiset<std::string> kinds;
  for (const auto& difference : answer["differences"]) {
    kinds.insert(difference["kind"].get<std::string>().substr(prefix.size()));
  }
  return kinds;
}

json Verify(const Site& site) {
  const Result result = site.Ctl({"cluster", "verify", kDemo, "-o", "json"});
  INFO(result.err);
  const json answer = json::parse(result.out);
  CHECK(result.exit_code == (answer["matches"].get<bool>() ? 0 : 1));
  return answer;
}

bool Matches(const Site& site) {
  return Eventually([&] { return Verify(site)["matches"].get<bool>(); });
}

// The lab's host that an instance of the component is on.
std::string HostOf(const Site& site, const std::string& component) {
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    if (ComponentOf(instance) == component) return site.HostAt(instance["host"]);
  }
  FAIL("no " << component);
  return {};
}

// One thing that goes wrong, and how it is put right by hand.
struct Wrong {
  // All differences that follow.
  std::multiset<std::string> kinds;
  std::string host;
  std::string change;
  std::string mend;
};

std::string Keep(const std::string& path) { return "cp -a " + path + " /root/verify-kept; "; }
std::string PutBack(const std::string& path) {
  return "rm -rf " + path + "; mv /root/verify-kept " + path;
}
std::string Script(const std::string& pattern) {
  return fmt::format(fmt::runtime(pattern), kWorker);
}

// A file that is kept as it was meanwhile.
Wrong WithFile(const std::string& kind, const std::string& path, const std::string& change) {
  return {{kind}, "h1", Keep(path) + change, PutBack(path)};
}

std::vector<Wrong> AllWrongs(const Site& site) {
  const std::string toml = Script("{}/conf/dm-worker.toml");
  const std::string script = Script("{}/scripts/run_dm-worker.sh");
  const std::string program = Script("{}/bin/dm-worker");
  const std::string conf = Script("{}/conf");
  const std::string unit = std::string("/etc/systemd/system/") + kWorkerUnit;
  const std::string reload = "; systemctl daemon-reload";
  const std::string grafana = HostOf(site, "grafana");
  const std::string page = "$(find -L /dm-deploy/grafana-3000/homepath -type f | sort | head -1)";
  std::vector<Wrong> wrongs = {
      WithFile("FILE_CONTENT", toml, "echo '# more' >> " + toml),
      WithFile("FILE_MISSING", script, "rm " + script),
      WithFile("FILE_ATTRIBUTES", toml, "chown root " + toml),
      {{"DIRECTORY_ATTRIBUTES"}, "h1", "chmod 0700 " + conf, "chmod 0755 " + conf},
      {{"DIRECTORY_MISSING"},
       grafana,
       "mv /dm-deploy/grafana-3000/plugins /root/verify-kept",
       "mv /root/verify-kept /dm-deploy/grafana-3000/plugins"},
      {{"STRAY"}, "h1", "touch " + conf + "/mine.toml", "rm " + conf + "/mine.toml"},
      {{"STRAY"},
       "h1",
       std::string("touch ") + kWorker + "/backup.sql",
       std::string("rm ") + kWorker + "/backup.sql"},
      {{"PROGRAM_MISSING"},
       "h1",
       "mv " + program + " /root/verify-kept",
       "mv /root/verify-kept " + program},
      {{"PROGRAM_OTHER"},
       "h1",
       "mv " + program + " /root/verify-kept; cp /bin/true " + program,
       "mv -f /root/verify-kept " + program},
      {{"RELEASE_CHANGED"},
       grafana,
       "f=" + page +
           "; readlink -f $f > /root/verify-page; cp -a $f /root/verify-kept; echo more >> $f",
       "cp -a /root/verify-kept $(cat /root/verify-page); rm -rf /root/verify-kept "
       "/root/verify-page"},
      {{"UNIT_CONTENT"},
       "h1",
       Keep(unit) + "echo '# more' >> " + unit + reload,
       PutBack(unit) + reload},
      {{"UNIT_NOT_LOADED"}, "h1", "touch -d '+1 hour' " + unit, "touch " + unit + reload},
      {{"UNIT_ATTRIBUTES"}, "h1", "chmod 0600 " + unit, "chmod 0644 " + unit},
      {{"UNIT_DROP_IN"},
       "h1",
       fmt::format("mkdir {0}.d; printf '[Service]\\nNice=5\\n' > {0}.d/mine.conf{1}", unit,
                   reload),
       fmt::format("rm -r {}.d{}", unit, reload)},
      {{"UNIT_AT_BOOT"},
       "h1",
       std::string("systemctl disable ") + kWorkerUnit,
       std::string("systemctl enable ") + kWorkerUnit},
      {{"SUDOERS_LEFT"},
       "h1",
       "echo 'tidb ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/dmgr-tidb && "
       "echo sudoers >> /var/lib/dmgr/shared/account-tidb/made",
       "rm /etc/sudoers.d/dmgr-tidb && sed -i /sudoers/d /var/lib/dmgr/shared/account-tidb/made"},
      WithFile("KEY_MISSING", "~tidb/.ssh/authorized_keys", "sed -i d ~tidb/.ssh/authorized_keys"),
      {{"ACCOUNT_GROUP"},
       "h1",
       "sed -i '/^tidb:/s/:[0-9]*:\\([^:]*:[^:]*:[^:]*\\)$/:65534:\\1/' "
       "/etc/passwd",
       "usermod -g tidb tidb"},
      // The old process has its program still.
      {{"NOT_RUNNING", "MEMBER_DOWN", "TARGET_DOWN"},
       "h1",
       std::string("systemctl stop ") + kWorkerUnit,
       std::string("systemctl start ") + kWorkerUnit},
  };
  return wrongs;
}

bool IsRepairable(const json& answer) {
  const json& all = answer["differences"];
  return std::all_of(all.begin(), all.end(),
                     [](const json& one) { return one["repairable"] == true; });
}

// Of a repair that is not begun.
json RepairPlan(const Site& site) {
  return site.Json({"cluster", "repair", kDemo, "--dry-run"})["operation"];
}

// The differences of its steps, as KindsOf.
std::multiset<std::string> PlannedIn(const json& plan) {
  std::multiset<std::string> kinds;
  for (const auto& step : plan["steps"]) kinds.merge(KindsOf(step));
  return kinds;
}

std::set<std::string> HostsIn(const json& plan) {
  std::set<std::string> hosts;
  for (const auto& step : plan["steps"]) {
    if (!step["host"].get<std::string>().empty()) hosts.insert(step["host"]);
  }
  return hosts;
}

// When the processes of all units of the cluster started, by host and unit.
std::map<std::string, std::string> StartsOf(Site& site) {
  std::map<std::string, std::string> starts;
  const json status = site.Status();
  for (const auto& instance : status["instances"]) {
    const std::string host = site.HostAt(instance["host"]);
    const std::string unit = instance["unit"];
    starts[host + "/" + unit] =
        site.lab().Ssh(host, "systemctl show -p ExecMainStartTimestampMonotonic " + unit);
  }
  return starts;
}

TEST_CASE("each thing that is wrong on a host is found, and mended by a repair that says it can",
          "[lab][verify]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const Result well = site.MustCtl({"cluster", "verify", kDemo});
  CHECK(well.out == "no difference: cluster demo is as it is recorded\n");
  for (const auto& wrong : AllWrongs(site)) {
    INFO(wrong.change);
    site.lab().Ssh(wrong.host, wrong.change);
    json answer;
    const bool found = Eventually([&] {
      answer = Verify(site);
      return KindsOf(answer) == wrong.kinds;
    });
    INFO(answer.dump(1));
    CHECK(found);
    for (const auto& difference : answer["differences"]) {
      if (difference["kind"] == "DIFFERENCE_KIND_TARGET_DOWN") continue;
      CHECK(site.HostAt(difference["machine_id"]) == wrong.host);
    }
    CHECK(PlannedIn(RepairPlan(site)) == wrong.kinds);
    if (IsRepairable(answer)) {
      site.MustCtl({"cluster", "repair", kDemo, "--yes"});
    } else {
      site.lab().Ssh(wrong.host, wrong.mend);
    }
    CHECK(Matches(site));
    site.lab().Ssh(wrong.host, "rm -rf /root/verify-kept /root/verify-page");
  }
}

TEST_CASE("a repair of one difference on one host leaves all others untouched", "[lab][verify]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  CHECK(Matches(site));
  const Result none = site.MustCtl({"cluster", "repair", kDemo, "--dry-run"});
  CHECK_THAT(none.out, Catch::Contains("nothing to repair"));
  const auto before = StartsOf(site);
  const std::string toml = Script("{}/conf/dm-worker.toml");
  site.lab().Ssh("h1", "echo '# more' >> " + toml);
  const json plan = RepairPlan(site);
  INFO(plan.dump(1));
  CHECK(HostsIn(plan) == std::set<std::string>{site.Address("h1")});
  CHECK(PlannedIn(plan) == std::multiset<std::string>{"FILE_CONTENT"});
  const Result dry = site.MustCtl({"cluster", "repair", kDemo, "--dry-run"});
  CHECK_THAT(dry.out, Catch::Contains("1 difference:") && Catch::Contains(toml));
  site.MustCtl({"cluster", "repair", kDemo, "--yes"});
  CHECK(Matches(site));
  const auto after = StartsOf(site);
  REQUIRE(before.size() == after.size());
  for (const auto& [unit, start] : before) {
    INFO(unit);
    CHECK((after.at(unit) == start) == (unit != std::string("h1/") + kWorkerUnit));
  }
  const auto list = site.Json({"operation", "list", "--cluster", kDemo, "--limit", "1"});
  const std::string id = list["operations"][0]["operation_id"];
  CHECK(PlannedIn(site.Json({"operation", "show", id})["operation"]) ==
        std::multiset<std::string>{"FILE_CONTENT"});
}

TEST_CASE("a host that does not answer is one difference, and does not hold up the others",
          "[lab][verify]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  site.lab().Unplug("h3");
  const json answer = Verify(site);
  const auto kinds = KindsOf(answer);
  CHECK(kinds.count("HOST_UNREACHABLE") == 1);
  CHECK(kinds.count("FILE_MISSING") == 0);
  for (const auto& difference : answer["differences"]) {
    CHECK_FALSE(difference["text"].get<std::string>().empty());
  }
  site.lab().Plug("h3");
  CHECK(Matches(site));
}

TEST_CASE("what the record has as stopped or disabled is as it is recorded", "[lab][verify]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  site.MustCtl({"cluster", "stop", kDemo, "--role", "dm-worker", "--yes"});
  site.MustCtl({"cluster", "disable", kDemo, "--role", "prometheus", "--yes"});
  CHECK(Matches(site));
  // Somebody starts one.
  site.lab().Ssh("h1", std::string("systemctl start ") + kWorkerUnit);
  CHECK(KindsOf(Verify(site)).count("RUNNING") == 1);
  site.MustCtl({"cluster", "start", kDemo, "--yes"});
  site.MustCtl({"cluster", "enable", kDemo, "--yes"});
  CHECK(Matches(site));
}

}  // namespace
}  // namespace dmgr::testing
