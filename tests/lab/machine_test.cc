// Machines: ways to log in, one host at two addresses, clones, hosts that were installed anew, and
// what a check says.
#include <fmt/format.h>

#include "tests/lab/site.h"
#include "tests/support/pty.h"

namespace dmgr::testing {
namespace {

// A second sshd, with the host's keys unless told otherwise.
class SecondSshd {
 public:
  SecondSshd(Site* site, std::string host, const std::string& options = "")
      : site_(site), host_(std::move(host)) {
    site_->lab().Ssh(host_, fmt::format("systemd-run --quiet --unit=second-sshd /usr/sbin/sshd -D "
                                        "-p 2222 {} && until ss -Hltn sport = :2222 | grep -q .; "
                                        "do sleep 0.05; done",
                                        options));
  }
  ~SecondSshd() {
    try {
      site_->lab().Ssh(host_, "systemctl stop second-sshd");
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
  SecondSshd(const SecondSshd&) = delete;
  SecondSshd& operator=(const SecondSshd&) = delete;

 private:
  Site* site_;
  const std::string host_;
};

std::vector<std::string> AddSecond(Site& site, const std::string& host) {
  return {"machine", "add",   site.Address(host),       "--port",
          "2222",    "--key", site.lab().Key().string()};
}

std::string Message(const nlohmann::json& check, const std::string& item) {
  for (const auto& one : check["items"]) {
    if (one["name"] == item) return one["message"];
  }
  return "no item " + item;
}

TEST_CASE("a host may be registered at two ports of its address", "[lab][machine]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const SecondSshd sshd(&site, "h1");
  const std::string id = site.Address("h1") + ":2222";
  site.MustCtl(AddSecond(site, "h1"));
  const auto machine = site.Json({"machine", "show", id})["machine"];
  CHECK(machine["ssh_port"] == 2222);
  const auto first = site.Json({"machine", "show", site.Address("h1")})["machine"];
  CHECK(machine["facts"]["machine_identity"] == first["facts"]["machine_identity"]);
  // A cluster may use one of the two only.
  const std::string file = site.WriteFile(
      "aliases.yaml", fmt::format("master_servers:\n  - {{host: {0}, ssh_port: 22}}\n"
                                  "worker_servers:\n  - {{host: {0}, ssh_port: 2222}}\n",
                                  site.Address("h1")));
  const auto deploy = site.Ctl({"cluster", "deploy", "aliases", kVersion, file, "--yes"});
  INFO(deploy.err);
  CHECK(deploy.exit_code == 2);
  CHECK_THAT(deploy.err, Catch::Contains("same host as machine"));
  site.MustCtl({"machine", "remove", id, "--yes"});
}

TEST_CASE("a clone that has another host's machine-id is refused", "[lab][machine]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.lab().Ssh("h2", "rm -f /tmp/other && ssh-keygen -q -t ed25519 -N '' -f /tmp/other");
  const SecondSshd sshd(&site, "h2", "-h /tmp/other");
  const auto before = site.Ctl({"machine", "list", "-o", "json"}).out;
  const auto clone = site.Ctl(AddSecond(site, "h2"));
  INFO(clone.err);
  CHECK(clone.exit_code == 3);
  CHECK_THAT(clone.err, Catch::Contains(site.Address("h2")) && Catch::Contains("machine-id") &&
                            Catch::Contains("next: ") && Catch::Contains("systemd-machine-id"));
  CHECK(site.Ctl({"machine", "list", "-o", "json"}).out == before);
}

TEST_CASE("a clone with another host's machine-id and host keys is refused", "[lab][machine]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const auto root = [&](const char* host) { return site.lab().Root(host); };
  const std::string own = site.lab().Ssh("h2", "cat /etc/machine-id");
  std::filesystem::copy_file(root("h1") / "etc/ssh/ssh_host_ed25519_key",
                             root("h2") / "root/cloned_key",
                             std::filesystem::copy_options::overwrite_existing);
  const SecondSshd sshd(&site, "h2", "-h /root/cloned_key");
  const auto add_with = [&](const std::string& identity) {
    site.lab().Ssh("h2", fmt::format("echo {} > /etc/machine-id", identity));
    const auto added = site.Ctl(AddSecond(site, "h2"));
    site.lab().Ssh("h2", "echo " + own.substr(0, own.find('\n')) + " > /etc/machine-id");
    return added;
  };
  const std::string first = site.lab().Ssh("h1", "cat /etc/machine-id");
  const auto clone = add_with(first.substr(0, first.find('\n')));
  INFO(clone.err);
  CHECK(clone.exit_code == 3);
  CHECK_THAT(clone.err, Catch::Contains("booted apart") && Catch::Contains(site.Address("h1")) &&
                            Catch::Contains("systemd-machine-id-setup"));
  const auto none = add_with("uninitialized");
  INFO(none.err);
  CHECK(none.exit_code == 3);
  CHECK_THAT(none.err, Catch::Contains("32 hexadecimal digits"));
  site.lab().Ssh("h2", "rm /root/cloned_key");
}

TEST_CASE("a private key with a passphrase needs the right one", "[lab][machine]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string key = (site.daemon().dir() / "sealed_key").string();
  std::filesystem::remove(key);
  REQUIRE(
      Run({.args = {"/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", key}})
          .exit_code == 0);
  site.lab().AddUser(
      "h1", {.name = "sealed", .sudo = Lab::Sudo::kWithoutPassword, .public_key = key + ".pub"});
  const SecondSshd sshd(&site, "h1");
  std::vector<std::string> args = {
      "machine", "add", site.Address("h1"), "--port", "2222", "--user", "sealed", "--key", key};
  const auto none = site.Ctl(args);
  INFO(none.err);
  CHECK(none.exit_code == 2);
  CHECK_THAT(none.err, Catch::Contains("passphrase"));
  args.push_back("--passphrase");
  const auto wrong = site.Ctl(args, "close sesame\n");
  CHECK(wrong.exit_code == 2);
  CHECK_THAT(wrong.err, Catch::Contains("passphrase") && !Catch::Contains("close sesame"));
  const auto right = site.Ctl(args, "open sesame\n");
  INFO(right.err);
  CHECK(right.exit_code == 0);
  const std::string id = site.Address("h1") + ":2222";
  const auto check = site.Json({"machine", "check", id});
  CHECK(check["ok"] == true);
  CHECK(Message(check, "privilege") == "root through sudo, without a password");
  site.MustCtl({"machine", "remove", id, "--yes"});
  site.lab().Ssh("h1", "userdel -r sealed 2>/dev/null; rm -f /etc/sudoers.d/dmgr-lab-sealed");
}

TEST_CASE("a password goes only to the host whose key somebody confirmed", "[lab][machine]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.lab().AddUser("h1",
                     {.name = "asked", .password = "hunter2", .sudo = Lab::Sudo::kWithPassword});
  const SecondSshd sshd(&site, "h1");
  const std::string key = site.lab().HostKey("h1").substr(site.lab().HostKey("h1").find(' ') + 1);
  const std::string name = "[" + site.Address("h1") + "]:2222 ";
  const std::string known = site.WriteFile("known", name + key + "\n");
  const auto add = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"machine", "add", site.Address("h1"), "--port", "2222", "--user",
                               "asked", "--password"});
    return args;
  };
  const auto check_refused = [&](const std::vector<std::string>& args, int code,
                                 const std::string& words) {
    const auto refused = site.Ctl(add(args), "hunter2\n");
    INFO(refused.err);
    CHECK(refused.exit_code == code);
    CHECK_THAT(refused.err, Catch::Contains(words) && !Catch::Contains("hunter2"));
  };
  check_refused({}, 2, "--fingerprint");
  check_refused({"--yes"}, 2, "--known-hosts");
  check_refused({"--fingerprint", "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, 3,
                "not the pinned");
  check_refused({"--known-hosts", site.WriteFile("other_host", "db1 " + key + "\n")}, 2,
                "has no key of");
  check_refused({"--known-hosts",
                 site.WriteFile("other_key", name + site.lab().HostKey("h2").substr(
                                                        site.lab().HostKey("h2").find(' ')))},
                3, "does not have");
  check_refused({"--known-hosts", site.WriteFile("revoked", name + key + "\n@revoked * " + key)}, 3,
                "revokes");
  Pty doubtful(site.daemon().CtlCommand(add({})), 200, 24);
  REQUIRE(doubtful.Expect("Is it this host?"));
  doubtful.Type("n\n");
  CHECK(doubtful.Wait() == 3);
  // Whoever begins to log in says a name.
  const std::string heard = "journalctl -q -u second-sshd | grep -c asked || true";
  CHECK(site.lab().Ssh("h1", heard) == "0\n");

  const std::string id = site.Address("h1") + ":2222";
  Pty sure(site.daemon().CtlCommand(add({})), 200, 24);
  REQUIRE(sure.Expect("Is it this host?"));
  sure.Type("y\n");
  REQUIRE(sure.Expect("Login password"));
  sure.Type("hunter2\n");
  CHECK(sure.Wait() == 0);
  CHECK(site.lab().Ssh("h1", heard) != "0\n");
  // The kept one goes to nobody unknown either.
  const auto unknown = site.Ctl({"machine", "replace", id, "--dry-run"});
  CHECK(unknown.exit_code == 3);
  CHECK_THAT(unknown.err, Catch::Contains("nobody has confirmed"));
  CHECK(site.Ctl({"machine", "replace", id, "--yes", "--known-hosts", known}).exit_code == 0);
  CHECK(site.Ctl({"machine", "update", id, "--known-hosts", known}).exit_code == 0);
  site.MustCtl({"machine", "remove", id, "--yes"});

  REQUIRE(Run({.args = {"/usr/bin/ssh-keygen", "-q", "-H", "-f", known}}).exit_code == 0);
  const auto hashed = site.Ctl(add({"--known-hosts", known}), "hunter2\n");
  INFO(hashed.err);
  CHECK(hashed.exit_code == 0);
  site.MustCtl({"machine", "remove", id, "--yes"});
  site.lab().Ssh("h1", "userdel -r asked 2>/dev/null; rm -f /etc/sudoers.d/dmgr-lab-asked");
}

TEST_CASE("a folder where others may write is none for the far end", "[lab][machine]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const SecondSshd sshd(&site, "h1");
  site.lab().Ssh("h1", "mkdir -p /srv/open && chmod 0777 /srv/open");
  const auto before = site.Ctl({"machine", "list", "-o", "json"}).out;
  const auto add_in = [&](const std::string& dir) {
    std::vector<std::string> args = AddSecond(site, "h1");
    args.insert(args.end(), {"--far-end-dir", dir});
    return site.Ctl(args);
  };
  for (const char* dir : {"/tmp", "/tmp/dmgr", "/var/tmp/dmgr", "/home/app/dmgr", "/dev/shm/d"}) {
    const auto refused = add_in(dir);
    INFO(refused.err);
    CHECK(refused.exit_code == 2);
    CHECK_THAT(refused.err, Catch::Contains("users may write"));
  }
  const auto open = add_in("/srv/open/dmgr");
  INFO(open.err);
  CHECK(open.exit_code == 3);
  CHECK_THAT(open.err,
             Catch::Contains("/srv/open (drwxrwxrwx, root)") && Catch::Contains("/var/lib/dmgr"));
  CHECK(site.lab().Ssh("h1", "ls /srv/open; rm -rf /srv/open").empty());
  CHECK(site.Ctl({"machine", "list", "-o", "json"}).out == before);
}

TEST_CASE("a check says what a host is and what is wrong with it", "[lab][machine]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const auto check = site.Json({"machine", "check", site.Address("h3")});
  CHECK(check["ok"] == true);
  CHECK_THAT(Message(check, "reachable"), Catch::Contains("ops@" + site.Address("h3") + ":22"));
  CHECK(Message(check, "privilege") == "root through sudo, with a password");
  CHECK_THAT(Message(check, "system"), Catch::Contains("Debian") && Catch::Contains("amd64") &&
                                           Catch::Contains("cores") && Catch::Contains("memory"));
  CHECK_THAT(Message(check, "systemd"), Catch::Contains("version 252"));
  CHECK_THAT(Message(check, "disk"), Catch::Contains("MiB free"));
  CHECK_THAT(Message(check, "clock"), Catch::Contains("ms off"));

  site.lab().Ssh("h3", "mv /etc/sudoers.d/dmgr-lab-ops /root/");
  const auto no_sudo = site.Ctl({"machine", "check", site.Address("h3"), "-o", "json"});
  site.lab().Ssh("h3", "mv /root/dmgr-lab-ops /etc/sudoers.d/");
  CHECK(no_sudo.exit_code == 1);
  CHECK_THAT(Message(nlohmann::json::parse(no_sudo.out), "privilege"), Catch::Contains("sudo"));

  site.lab().FillDisk("h1", "/var/lib/dmgr", 8);
  const auto full = site.Ctl({"machine", "check", site.Address("h1"), "-o", "json"});
  site.lab().FreeDisk("h1", "/var/lib/dmgr");
  INFO(full.out);
  CHECK_THAT(Message(nlohmann::json::parse(full.out), "disk"), Catch::Contains("free"));
}

// Last in this file: the host loses what other tests know of it.
TEST_CASE("a host that was installed anew takes its machine's place by word", "[lab][machine]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string id = site.Address("h1");
  const auto before = site.Json({"machine", "show", id})["machine"];
  site.lab().Reset("h1");
  const auto check = site.Ctl({"machine", "check", id, "-o", "json"});
  CHECK(check.exit_code == 1);
  CHECK_THAT(Message(nlohmann::json::parse(check.out), "host key"),
             Catch::Contains("replace the machine"));
  const auto wrong = site.Ctl({"machine", "replace", id, "--yes", "--host-key",
                               "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
  CHECK(wrong.exit_code == 3);
  const auto unseen = site.Ctl({"machine", "replace", id, "--yes"});
  CHECK(unseen.exit_code == 2);
  CHECK_THAT(unseen.err, Catch::Contains("--fingerprint"));
  // "256 SHA256:... h1 (ED25519)".
  const std::string shown = Run({.args = {"/usr/bin/ssh-keygen", "-lf",
                                          site.WriteFile("h1.key", site.lab().HostKey("h1"))}})
                                .out;
  const std::string key = shown.substr(shown.find("SHA256:"));
  site.MustCtl({"machine", "replace", id, "--yes", "--host-key", key.substr(0, key.find(' '))});
  const auto after = site.Json({"machine", "show", id})["machine"];
  CHECK(after["host_key_fingerprint"] != before["host_key_fingerprint"]);
  CHECK(after["facts"]["machine_identity"] != before["facts"]["machine_identity"]);
  CHECK(site.Json({"machine", "check", id})["ok"] == true);
  site.PlaceAlertmanagerTemplates(site.lab().Root("h1"));
}

}  // namespace
}  // namespace dmgr::testing
