// What is said of hosts, logins and instances that do not do what they should: the reason, first.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "tests/lab/refusal.h"
#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

// The line that begins with "error: ".
std::string ErrorLine(const Result& result) {
  const auto at = result.err.find("error: ");
  return at == std::string::npos ? "no error: " + result.err
                                 : result.err.substr(at, result.err.find('\n', at) - at);
}

// Lines from the error to what can be done next.
long ErrorLines(const Result& result) {
  const auto begin = result.err.find("error: ");
  const auto end = std::min(result.err.find("\nnext: "), result.err.size());
  return begin == std::string::npos
             ? 0
             : 1 + std::count(result.err.begin() + static_cast<std::ptrdiff_t>(begin),
                              result.err.begin() + static_cast<std::ptrdiff_t>(end), '\n');
}

// A user who may log in with the lab's key and become root, until something is done to that.
class Login {
 public:
  Login(Site* site, std::string name) : site_(site), name_(std::move(name)) {
    site_->lab().AddUser("h1", {.name = name_,
                                .sudo = Lab::Sudo::kWithoutPassword,
                                .public_key = site_->lab().Key().string() + ".pub"});
  }
  ~Login() {
    try {
      Do(fmt::format("userdel -r {0} 2>/dev/null; rm -f /etc/sudoers.d/dmgr-lab-{0}", name_));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
  Login(const Login&) = delete;
  Login& operator=(const Login&) = delete;

  void Do(const std::string& command) const { site_->lab().Ssh("h1", command); }
  Result Add() const {
    return site_->Ctl({"machine", "add", site_->Address("h1"), "--id", "new", "--user", name_,
                       "--key", site_->lab().Key().string()});
  }

 private:
  Site* site_;
  const std::string name_;
};

TEST_CASE("a login that runs no commands is told in the host's words", "[lab][reasons]") {
  Site& site = Site::Get();
  const Unchanged unchanged(&site);
  struct Case {
    const char* done;
    const char* words;
    const char* remedy;
  };
  const Case kCases[] = {
      {"chage -d 0 odd", "password has expired", "passwd odd"},
      {"usermod -s /usr/sbin/nologin odd", "This account is currently not available",
       "usermod -s /bin/bash odd"},
      {"usermod -s /bin/false odd", "exit status 1", "usermod -s /bin/bash odd"},
      {"sed -i 's/^/command=\"echo the backup is done\" /' ~odd/.ssh/authorized_keys",
       "the backup is done", "authorized_keys"},
      {"sed -i 's/^/command=\"echo you asked: $SSH_ORIGINAL_COMMAND; exit 3\" /' "
       "~odd/.ssh/authorized_keys",
       "exit status 3", "authorized_keys"},
  };
  for (const Case& one : kCases) {
    CAPTURE(one.done);
    const Login login(&site, "odd");
    login.Do(one.done);
    const Result result = login.Add();
    CheckRefused(result, kRefused, {"runs no commands for odd", one.words});
    CheckRemedy(result, one.remedy);
    CHECK_THAT(result.err, !Catch::Contains("architecture"));
    // It is not registered: nothing of it can be updated.
    CHECK_THAT(result.err, !Catch::Contains("machine update"));
  }
  unchanged.Check();
}

TEST_CASE("a login that sshd refuses is told in its words", "[lab][reasons]") {
  Site& site = Site::Get();
  const Unchanged unchanged(&site);
  const std::pair<const char*, const char*> kCases[] = {
      {"chage -E 0 odd", "account has expired"},
      {"usermod -s /bin/no-such-shell odd", "refuses the login of odd"}};
  for (const auto& [done, words] : kCases) {
    CAPTURE(done);
    const Login login(&site, "odd");
    login.Do(done);
    const Result result = login.Add();
    CheckRefused(result, kRefused, {words});
    CheckRemedy(result, "shell");
  }
  unchanged.Check();
}

TEST_CASE("a login that prints before it runs a command is none of these", "[lab][reasons]") {
  Site& site = Site::Get();
  const Login login(&site, "odd");
  login.Do("sed -i '1i echo This account is currently not available.' ~odd/.bashrc");
  // The host is there already, under its other name: so far one gets with a login that works.
  const Result result = login.Add();
  CheckRefused(result, kRefused, {site.Address("h1")});
  CHECK_THAT(result.err, !Catch::Contains("runs no commands"));
}

// The password of root has expired, as long as this lives. Nobody can log in to change it.
class ExpiredRoot {
 public:
  explicit ExpiredRoot(const std::filesystem::path& root) : path_(root / "etc/shadow") {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    before_ = text.str();
    std::istringstream fields(before_.substr(0, before_.find('\n')));
    std::string line;
    std::string field;
    for (int i = 0; std::getline(fields, field, ':'); ++i) line += (i == 2 ? "0" : field) + ":";
    Write(line + "\n" + before_.substr(before_.find('\n') + 1));
  }
  ~ExpiredRoot() { Write(before_); }
  ExpiredRoot(const ExpiredRoot&) = delete;
  ExpiredRoot& operator=(const ExpiredRoot&) = delete;

 private:
  void Write(const std::string& text) const { std::ofstream(path_) << text; }
  const std::filesystem::path path_;
  std::string before_;
};

TEST_CASE("a registered machine whose login expires says so in a check and a change",
          "[lab][reasons]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string id = site.Address("h1");
  // A connection from before would be used again.
  CHECK(site.daemon().Stop() == 0);
  site.daemon().Start();
  {
    const ExpiredRoot expired(site.lab().Root("h1"));
    const Result check = site.Ctl({"machine", "check", id});
    INFO(check.out << check.err);
    CHECK(check.exit_code == 1);
    CHECK_THAT(check.out,
               Catch::Contains("login") && Catch::Contains("runs no commands for root") &&
                   Catch::Contains("password has expired") && Catch::Contains("passwd root"));
    const Result deploy =
        site.Ctl({"cluster", "deploy", "refused", kVersion, site.WriteTopology(), "--dry-run"});
    CheckRefused(deploy, kRefused, {id, "runs no commands for root", "password has expired"});
    CheckRemedy(deploy, "passwd root");
  }
  CHECK(site.MustCtl({"machine", "check", id}).exit_code == 0);
}

// The demo cluster, stopped, with something on h2 that keeps an instance from starting.
class Broken {
 public:
  Broken(Site* site, const std::string& done, std::string mended)
      : site_(site), mended_(std::move(mended)) {
    site_->EnsureDemo();
    site_->MustCtl({"cluster", "stop", kDemo, "--yes"});
    // What lies in the logs from before is of no interest.
    site_->lab().Ssh("h2",
                     "for f in /dm-deploy/*/log/*_stdout.log; do "
                     "echo 'parse cmd flags err: of a life before' >> $f; done");
    site_->lab().Ssh("h2", done);
  }
  ~Broken() {
    try {
      site_->lab().Ssh("h2", mended_);
      site_->MustCtl({"operation", "resume", NewestOperation(*site_)});
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
  Broken(const Broken&) = delete;
  Broken& operator=(const Broken&) = delete;

 private:
  Site* site_;
  const std::string mended_;
};

void CheckReason(const Result& failed, const std::string& words) {
  INFO(failed.out << failed.err);
  CHECK(failed.exit_code == 1);
  CHECK_THAT(ErrorLine(failed), Catch::Contains("does not start: ") && Catch::Contains(words));
  CHECK_THAT(failed.err, !Catch::Contains("of a life before") && !Catch::Contains("goroutine") &&
                             !Catch::Contains("retrying of unary"));
  CHECK_THAT(failed.err, Catch::Contains("journalctl -u dm-"));
  CHECK(ErrorLines(failed) <= 11);
}

TEST_CASE("a start says in its first line what DM has printed on stdout", "[lab][reasons]") {
  Site& site = Site::Get();
  const std::string conf = "/dm-deploy/dm-worker-8262/conf/dm-worker.toml";
  const Broken broken(&site, fmt::format("cp -p {0} /root/kept && echo 'nosuch = 1' >> {0}", conf),
                      fmt::format("mv -f /root/kept {}", conf));
  const auto begin = std::chrono::steady_clock::now();
  const Result failed = site.Ctl({"cluster", "start", kDemo});
  CheckReason(failed,
              "parse cmd flags err: worker config contains unknown configuration options: nosuch");
  // What will be the same at each start is not waited for.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(12));
  // The status knows it as well.
  const json status = site.Status();
  const auto& instances = status["instances"];
  const auto worker = std::find_if(instances.begin(), instances.end(), [&](const json& one) {
    return one["host"] == site.Address("h2") && one["unit"] == "dm-worker-8262.service";
  });
  REQUIRE(worker != instances.end());
  CHECK_THAT((*worker)["reason"].get<std::string>(),
             Catch::StartsWith("parse cmd flags err: worker config") &&
                 Catch::Contains("dm-worker-8262.service is"));
}

TEST_CASE("a start says what the shell has said", "[lab][reasons]") {
  Site& site = Site::Get();
  const std::string program = "/dm-deploy/dm-worker-8262/bin/dm-worker";
  const Broken broken(&site, "chmod a-x " + program, "chmod a+x " + program);
  const Result failed = site.Ctl({"cluster", "start", kDemo});
  CheckReason(failed, "Permission denied");
  CHECK_THAT(ErrorLine(failed), Catch::Contains("dm-worker"));
}

TEST_CASE("a long wait says what it waits for, and is watched as long as one likes",
          "[lab][reasons]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  site.MustCtl({"cluster", "stop", kDemo, "--yes"});
  // One of three dm-masters finds no majority.
  const Result left = site.Ctl(
      {"cluster", "start", kDemo, "--timeout", "9s", "--node", site.Address("h1") + ":8261"});
  INFO(left.out << left.err);
  CHECK(left.exit_code == 1);
  CHECK_THAT(left.err, Catch::Contains("has not ended in time") && Catch::Contains("goes on") &&
                           Catch::Contains("operation watch"));
  CHECK_THAT(left.out, Catch::Matches("(.|\n)*waits for [5-9] s: dm-(.|\n)*"));
  site.MustCtl({"operation", "cancel", NewestOperation(site)});
  CHECK(Eventually([&] {
    return site.Json({"operation", "show", NewestOperation(site)})["operation"]["state"] ==
           "OPERATION_STATE_CANCELLED";
  }));
  site.MustCtl({"operation", "rollback", NewestOperation(site)});
  site.MustCtl({"cluster", "start", kDemo});
  CHECK(site.IsHealthy());
}

TEST_CASE("a full disk under a dm-master is named in the status", "[lab][reasons]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const json first = site.Json({"cluster", "show", kDemo})["cluster"]["instances"][0];
  const std::string data = first["data_dir"];
  const std::string host = first["host"];
  site.lab().FillDisk(site.HostAt(host), data, 8);
  site.lab().Ssh(site.HostAt(host), "systemctl restart dm-master-8261 || true");
  std::string told;
  const bool is_told = Eventually([&] {
    told = site.Status().dump();
    return told.find("data directory " + data + " is full: 0 bytes") != std::string::npos;
  });
  site.lab().Ssh(site.HostAt(host), "systemctl stop dm-master-8261");
  site.lab().FreeDisk(site.HostAt(host), data);
  site.lab().Ssh(site.HostAt(host), "systemctl reset-failed; systemctl start dm-master-8261");
  INFO(told);
  CHECK(is_told);
  CHECK(site.IsHealthy());
}

}  // namespace
}  // namespace dmgr::testing
