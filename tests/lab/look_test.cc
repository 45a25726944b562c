// What a person does by hand: logs, programs, files, dmctl, an archive for a report.
#include <fmt/format.h>
#include <signal.h>

#include <fstream>

#include "tests/lab/site.h"
#include "tests/support/files.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::size_t LinesWith(const std::string& text, const std::string& part) {
  std::istringstream in(text);
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.find(part) != std::string::npos) ++lines;
  }
  return lines;
}

// Far ends and what they started with these words, on a host.
bool Runs(Site& site, const std::string& host, const std::string& words) {
  // The shell that looks has the pattern among its own words.
  const std::string pattern = "[" + words.substr(0, 1) + "]" + words.substr(1);
  return !site.lab().Ssh(host, "pgrep -f '" + pattern + "' || true").empty();
}

TEST_CASE("logs of all instances, of one, since a time, with a pattern", "[lab][look]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const std::string h1 = site.Address("h1");
  const auto one = site.MustCtl({"cluster", "logs", kDemo, "--node", h1 + ":8261", "--file"});
  CHECK_FALSE(one.out.empty());
  // Of one log nothing stands before the lines.
  CHECK(one.out.find(" | ") == std::string::npos);
  const auto all = site.MustCtl({"cluster", "logs", kDemo, "--tail", "5"});
  const auto lines = LinesWith(all.out, h1 + ":8261 dm-master.log | ");
  CHECK((lines > 0 && lines <= 5));
  CHECK(LinesWith(all.out, h1 + ":8261 journal | ") > 0);
  const auto later = site.MustCtl({"cluster", "logs", kDemo, "--since", "2040-01-01", "--file"});
  CHECK(later.out.empty());
  // A line that is no text, as DM would never write it.
  const std::string log = "/dm-deploy/dm-master-8261/log/dm-master.log";
  site.lab().Ssh("h1",
                 "printf '[2026/11/22 21:30:05.123 +00:00] \\377\\033[31mneedle\\n' >> " + log);
  const auto found = site.MustCtl(
      {"cluster", "logs", kDemo, "--role", "dm-master", "--grep", "n[e]{2}dle", "--tail", "0"});
  CHECK(LinesWith(found.out, "needle") == 1);
  const auto event = json::parse(site.MustCtl({"cluster", "logs", kDemo, "--node", h1 + ":8261",
                                               "--grep", "needle", "-o", "json"})
                                     .out);
  CHECK(event["node"] == h1 + ":8261");
  CHECK(event["log"] == "dm-master.log");
}

TEST_CASE("a log is followed through its rotation until the follower goes, on the host as well",
          "[lab][look]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const fs::path output = site.daemon().dir() / "followed";
  const std::string log = "/dm-deploy/dm-worker-8262/log/dm-worker.log";
  const auto sees = [&](const std::string& text) {
    return Eventually([&] { return Contents(output).find(text) != std::string::npos; });
  };
  {
    Child follower(site.daemon().CtlCommand({"cluster", "logs", kDemo, "--role", "dm-worker",
                                             "--follow", "--tail", "1"}),
                   output);
    site.lab().Ssh("h2", "echo before-rotation >> " + log);
    CHECK(sees("before-rotation"));
    // What does not belong to the cluster's user would stay when the cluster goes.
    site.lab().Ssh("h2", fmt::format("mv {0} {0}.1 && echo after-rename >> {0} && "
                                     "chown --reference {0}.1 {0}",
                                     log));
    CHECK(sees("after-rename"));
    site.lab().Ssh("h2", fmt::format("cp -p {0} {0}.2 && : > {0}", log));
    site.lab().Ssh("h2", "logger -t systemd unrelated; echo after-truncate >> " + log);
    CHECK(sees("after-truncate"));
    CHECK(Runs(site, "h2", "journalctl.*dm-worker-8262"));
    follower.Signal(SIGINT);
    CHECK(follower.Wait(std::chrono::seconds(10)) == 128 + SIGINT);
  }
  for (const auto& host : Site::Hosts()) {
    INFO(host);
    CHECK(Eventually([&] { return !Runs(site, host, "journalctl.*dm-worker"); }));
    CHECK(Eventually([&] { return !Runs(site, host, "dmgr-host serve"); }));
  }
}

TEST_CASE("a host that is dead keeps nobody from the logs and programs of the others",
          "[lab][look]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  site.lab().PowerCut("h3");
  const auto logs = site.Ctl({"cluster", "logs", kDemo, "--file", "--tail", "1"});
  CHECK(logs.exit_code == 1);
  CHECK(LinesWith(logs.out, site.Address("h1") + ":8261") == 1);
  CHECK(LinesWith(logs.err, site.Address("h3")) > 0);
  const auto ran = site.Ctl({"cluster", "exec", kDemo, "--", "hostname"});
  CHECK(ran.exit_code == 1);
  CHECK(LinesWith(ran.out, site.Address("h2") + " | ") == 1);
  CHECK(LinesWith(ran.err, site.Address("h3")) > 0);
  site.lab().Start("h3");
  site.lab().Wait("h3");
  CHECK(site.IsHealthy());
}

TEST_CASE("programs run as whom and where they are asked to, with their words as they are",
          "[lab][look]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto users = site.MustCtl({"cluster", "exec", kDemo, "--", "id", "-un"});
  CHECK(LinesWith(users.out, " | tidb") == 3);
  const std::string h2 = site.Address("h2");
  const auto words = site.MustCtl({"cluster", "exec", kDemo, "--host", h2, "--", "printf", "%s.",
                                   "a  \"b\"", "$HOME", "c\nd", ""});
  CHECK(words.out == "a  \"b\".$HOME.c\nd..");
  CHECK(site.MustCtl({"cluster", "exec", kDemo, "--host", h2, "--user", "root", "--", "id", "-u"})
            .out == "0\n");
  CHECK(site.MustCtl({"cluster", "exec", kDemo, "--host", h2, "--shell", "echo $HOME | tr a-z A-Z"})
            .out == "/HOME/TIDB\n");
  CHECK(site.MustCtl({"cluster", "exec", kDemo, "--host", h2, "--", "cat"}).out.empty());
  const auto failed = site.Ctl({"cluster", "exec", kDemo, "--shell", "echo no >&2; exit 7"});
  CHECK(failed.exit_code == 7);
  CHECK(LinesWith(failed.err, " | no") == 3);
  const auto late =
      site.Ctl({"cluster", "exec", kDemo, "--host", h2, "--timeout", "1s", "--", "sleep", "1000"});
  CHECK(late.exit_code == 1);
  const auto audit = site.MustCtl({"audit", "list", "--limit", "1"});
  CHECK(audit.out.find("InstanceService/Exec") != std::string::npos);
  CHECK(audit.out.find("sleep on " + h2 + " as tidb") != std::string::npos);
}

TEST_CASE("a program ends on its hosts when its caller goes", "[lab][look]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  {
    Child caller(site.daemon().CtlCommand({"cluster", "exec", kDemo, "--", "sleep", "54321"}),
                 site.daemon().dir() / "exec-output");
    for (const auto& host : Site::Hosts()) {
      CHECK(Eventually([&] { return Runs(site, host, "sleep 54321"); }));
    }
    caller.Signal(SIGKILL);
  }
  for (const auto& host : Site::Hosts()) {
    INFO(host);
    CHECK(Eventually([&] { return !Runs(site, host, "sleep 54321"); }));
  }
}

TEST_CASE("files go to hosts and come from hosts, as the cluster's user", "[lab][look]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const std::string file = site.WriteFile("pushed", std::string("a\0b\n", 4));
  site.MustCtl({"cluster", "push", kDemo, file, "/tmp/pushed"});
  for (const auto& host : Site::Hosts()) {
    CHECK(site.lab().Ssh(host, "stat -c %U /tmp/pushed") == "tidb\n");
  }
  const fs::path folder = site.daemon().dir() / "pulled";
  site.MustCtl({"cluster", "pull", kDemo, "/tmp/pushed", folder.string()});
  for (const auto& host : Site::Hosts()) {
    CHECK(Contents(folder / site.Address(host) / "pushed") == std::string("a\0b\n", 4));
  }
  const std::string h1 = site.Address("h1");
  const std::string local = (site.daemon().dir() / "one.toml").string();
  site.MustCtl({"cluster", "pull", kDemo, "--host", h1,
                "/dm-deploy/dm-master-8261/conf/dm-master.toml", local});
  CHECK_FALSE(Contents(local).empty());
  for (const auto& [path, code] : std::vector<std::pair<std::string, int>>{
           {"/dm-deploy/dm-master-8261/bin/dm-master", 3}, {"/tmp/../etc/x", 2}, {"/etc/x", 1}}) {
    INFO(path);
    CHECK(site.Ctl({"cluster", "push", kDemo, file, path}).exit_code == code);
  }
  CHECK(site.Ctl({"cluster", "pull", kDemo, "/etc/shadow", folder.string()}).exit_code == 1);
  site.lab().Ssh("h1", "ln -s /etc/shadow /tmp/link");
  CHECK(
      site.Ctl({"cluster", "pull", kDemo, "--host", h1, "/tmp/link", folder.string()}).exit_code ==
      1);
  CHECK(site.Ctl({"cluster", "push", kDemo, "--host", h1, file, "/tmp/link"}).exit_code == 1);
  CHECK(site.lab().Ssh("h1", "test -L /tmp/link && rm /tmp/link && echo link") == "link\n");
}

TEST_CASE("the cluster's own dmctl talks to its leader", "[lab][look]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto members = site.MustCtl({"cluster", "dmctl", kDemo, "--", "list-member", "--leader"});
  CHECK(json::parse(members.out)["result"] == true);
  CHECK(site.MustCtl({"cluster", "dmctl", kDemo, "--", "--version"}).out.find(kVersion) !=
        std::string::npos);
  const auto unknown =
      site.Ctl({"cluster", "dmctl", kDemo, "--", "offline-member", "--worker", "nosuch"});
  CHECK(unknown.exit_code == 1);
  CHECK(unknown.out.find("nosuch not exists") != std::string::npos);
  CHECK(
      site.Ctl({"cluster", "dmctl", kDemo, "--", "--master-addr", "x", "list-member"}).exit_code ==
      2);
}

TEST_CASE("an archive for a report has all that is there, and no secret", "[lab][look]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  site.lab().Ssh("h1",
                 "echo 'create source with password=S0urce-Secret' >> "
                 "/dm-deploy/dm-master-8261/log/dm-master.log");
  const std::string path = (site.daemon().dir() / "demo.tar.gz").string();
  site.MustCtl({"cluster", "diagnose", kDemo, "--output", path});
  const auto list = Run({.args = {"/usr/bin/tar", "-tzf", path}});
  for (const char* member : {"demo/cluster.json", "demo/status.json", "demo/versions.txt",
                             "demo/operations/", "/dm-deploy/dm-master-8261/conf/dm-master.toml",
                             "dm-master.log", "dm-worker-8262.service.journal", "demo/hosts/"}) {
    INFO(member);
    CHECK(list.out.find(member) != std::string::npos);
  }
  const auto all = Run({.args = {"/usr/bin/tar", "-xzOf", path}});
  CHECK(all.out.find("create source with password=***") != std::string::npos);
  const std::string master_key = Contents(site.daemon().dir() / "data/master.key");
  for (const std::string& secret : {std::string("S0urce-Secret"), std::string("PRIVATE KEY"),
                                    master_key, std::string(TestDaemon::kPassword)}) {
    CHECK(all.out.find(secret) == std::string::npos);
  }
}

}  // namespace
}  // namespace dmgr::testing
