// An operator's round with secrets that nobody can mistake, and then a look for them everywhere.
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "common/files.h"
#include "tests/lab/site.h"
#include "tests/support/files.h"
#include "tests/support/secret_scan.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kHostPassword[] = "Scan+host/pass=W0rd \"1\"";
constexpr char kFirstPassword[] = "Scan+user/pass=W0rd-2";
constexpr char kSecondPassword[] = "Scan+user/pass=W0rd-3";
constexpr char kGrafana[] = "Scan+grafana/pass=W0rd-4";
constexpr char kSmtp[] = "Scan+smtp/pass=W0rd-5";
constexpr char kLdap[] = "Scan+ldap/pass=W0rd-6";
// Of databases, each before and after a change.
constexpr char kSourceDb[] = "Scan+source/pass=W0rd-8";
constexpr char kNewSourceDb[] = "Scan+source/pass=W0rd-9";
constexpr char kTargetDb[] = "Scan+target/pass=W0rd-10";
constexpr char kNewTargetDb[] = "Scan+target/pass=W0rd-11";
constexpr char kTaskDb[] = "Scan+task/pass=W0rd-12";
constexpr char kNewTaskDb[] = "Scan+task/pass=W0rd-13";
constexpr char kNewSmtp[] = "Scan+smtp/pass=W0rd-7";
const std::string kToken = "API token";

// What is in the files of Grafana, which reads it there.
bool IsGrafanas(const std::string& name) { return name.starts_with("grafana"); }

// What dm-masters keep readable, as DM does.
bool IsOfDatabase(const std::string& name) { return name.starts_with("database"); }

class Round {
 public:
  explicit Round(Site* site) : site_(*site) {
    scan_.Add("host password", kHostPassword);
    scan_.Add("first password", kFirstPassword);
    scan_.Add("second password", kSecondPassword);
    scan_.Add("admin's password", TestDaemon::kPassword);
    scan_.Add("grafana password", kGrafana);
    scan_.Add("grafana smtp", kSmtp);
    scan_.Add("grafana new smtp", kNewSmtp);
    scan_.Add("grafana ldap", kLdap);
    scan_.Add("database source", kSourceDb);
    scan_.Add("database new source", kNewSourceDb);
    scan_.Add("database target", kTargetDb);
    scan_.Add("database new target", kNewTargetDb);
    scan_.Add("database task", kTaskDb);
    scan_.Add("database new task", kNewTaskDb);
    scan_.Add("master key", Contents(site_.daemon().dir() / "data/master.key"));
    // Before anybody looks: the lab is told by arguments.
    site_.lab().AddUser(
        "h3", {.name = "scanned", .password = kHostPassword, .sudo = Lab::Sudo::kWithPassword});
    // In the middle of it: its first lines are those of any key.
    const std::string key = Contents(site_.lab().Key());
    scan_.Add("login key", key.substr(key.size() / 2, 60));
    scan_.Add("session", SessionToken());
  }

  const SecretScan& scan() const { return scan_; }

  // What it prints is looked at. input: a line for each prompt.
  Result Do(const std::vector<std::string>& args, const std::string& input = "",
            const std::set<std::string>& may_print = {}) {
    const Result result = site_.Ctl(args, input);
    INFO(fmt::format("{}\n{}{}", fmt::join(args, " "), result.out, result.err));
    CHECK(scan_.In(result.out + result.err, may_print).empty());
    return result;
  }
  Result Must(const std::vector<std::string>& args, const std::string& input = "") {
    const Result result = Do(args, input);
    INFO(fmt::format("{}\n{}{}", fmt::join(args, " "), result.out, result.err));
    REQUIRE(result.exit_code == 0);
    return result;
  }

  void Accounts();
  void Machine();
  void Cluster();
  void Migrations();
  void Failures();

 private:
  // The dmgrctl of the site keeps it in its own folder.
  std::string SessionToken() const {
    for (const auto& file : fs::recursive_directory_iterator(site_.daemon().dir())) {
      if (file.path().filename() != "credentials.json") continue;
      const auto tokens = nlohmann::json::parse(Contents(file.path())).dump();
      std::smatch match;
      static const std::regex kLong("[A-Za-z0-9_-]{40,}");
      if (std::regex_search(tokens, match, kLong)) return match.str();
    }
    FAIL("the session is not kept where it was");
    return {};
  }
  // Grafana's own password is given when it is deployed.
  std::string Topology(const std::string& smtp, const std::string& password = "") const;

  Site& site_;
  SecretScan scan_;
};

void Round::Accounts() {
  Must({"user", "create", "scanned", "--role", "operator"}, std::string(kFirstPassword) + "\n");
  Must({"user", "reset-password", "scanned"}, std::string(kSecondPassword) + "\n");
  CHECK(Do({"user", "create", "scanned", "--role", "admin"}, std::string(kFirstPassword) + "\n")
            .exit_code != 0);
  const Result made = Must({"token", "create", "scanner", "--role", "viewer"});
  static const std::regex kLong("[A-Za-z0-9_.-]{40,}");
  std::smatch match;
  REQUIRE(std::regex_search(made.out, match, kLong));
  scan_.Add(kToken, match.str());
  Command command = site_.daemon().CtlCommand({"cluster", "list"});
  command.env["DMGR_TOKEN"] = match.str();
  command.env["DMGR_TOKEN_SERVER"] = site_.daemon().address();
  const Result listed = Run(command);
  INFO(listed.out << listed.err);
  CHECK(listed.exit_code == 0);
  CHECK(scan_.In(listed.out + listed.err).empty());
  Must({"token", "list"});
  Must({"token", "revoke", "scanner", "--yes"});
  Must({"user", "remove", "scanned", "--yes"});
}

void Round::Machine() {
  const std::string h3 = site_.Address("h3");
  Must({"machine", "update", h3, "--user", "scanned", "--password"},
       std::string(kHostPassword) + "\n");
  Must({"machine", "check", h3});
  Must({"machine", "update", site_.Address("h1"), "--user", "root", "--key",
        site_.lab().Key().string()});
}

std::string Round::Topology(const std::string& smtp, const std::string& password) const {
  const std::string ldap =
      site_.WriteFile("scan-ldap.toml", fmt::format("[[servers]]\nhost = \"127.0.0.1\"\n"
                                                    "bind_password = '{}'\n",
                                                    kLdap));
  return site_.WriteFile(
      "scan.yaml",
      fmt::format("global: {{ deploy_dir: /dm-deploy, data_dir: /dm-data }}\n"
                  "master_servers:\n  - host: {0}\nworker_servers:\n  - host: {2}\n"
                  "monitoring_servers:\n  - host: {0}\n"
                  "grafana_servers:\n  - host: {1}\n{3}"
                  "    ldap_config_file: {5}\n"
                  "    config: {{ smtp.enabled: true, smtp.password: '{4}' }}\n",
                  site_.Address("h1"), site_.Address("h2"), site_.Address("h3"),
                  password.empty() ? "" : fmt::format("    password: '{}'\n", password), smtp,
                  ldap));
}

void Round::Cluster() {
  Must({"cluster", "deploy", kDemo, kVersion, Topology(kSmtp, kGrafana), "--dry-run"});
  Must({"cluster", "deploy", kDemo, kVersion, Topology(kSmtp, kGrafana), "--yes"});
  Must({"cluster", "start", kDemo});
  Must({"cluster", "show", kDemo, "-o", "json"});
  Must({"cluster", "show-config", kDemo});
  Must({"cluster", "edit-config", kDemo, "--file", Topology(kNewSmtp), "--yes"});
  Must({"cluster", "reload", kDemo, "--yes"});
  Must({"cluster", "rotate-key", kDemo, "--yes"});
  Must({"cluster", "status", kDemo, "-o", "json"});
  Must({"cluster", "logs", kDemo});
  Must({"cluster", "diagnose", kDemo, "--output", (site_.daemon().dir() / "scan.tar.gz").string()});
}

void Round::Migrations() {
  const auto file = [&](const std::string& name, const std::string& text) {
    return site_.WriteFile(name, text + "\n");
  };
  const auto source = [](const std::string& id, int port, const char* password) {
    return fmt::format(
        "source-id: {}\nfrom: {{host: 127.0.0.1, port: {}, user: repl, password: '{}'}}", id, port,
        password);
  };
  const auto task = [](const std::string& target) {
    return fmt::format("name: scan\ntask-mode: all\n{}mysql-instances:\n- source-id: s1", target);
  };
  const auto own = [](const char* password) {
    return fmt::format(
        "target-database: {{host: 127.0.0.1, port: 4000, user: root, password: '{}'}}\n", password);
  };
  Must({"target", "create", kDemo, "prod", "--host", "127.0.0.1", "--user", "root",
        "--password-file", file("scan-target", kTargetDb), "--skip-checks"});
  Must({"target", "show", kDemo, "prod", "-o", "json"});
  Must({"source", "create", kDemo, file("scan-s1.yaml", source("s1", 3306, kSourceDb)),
        "--skip-checks", "--yes"});
  const std::string first = file("scan-task1.yaml", task(own(kTaskDb)));
  Must({"task", "check", kDemo, first});
  Must({"task", "create", kDemo, first, "--yes"});
  Must({"task", "show", kDemo, "scan", "-o", "json"});
  Must({"task", "update", kDemo, file("scan-task2.yaml", task(own(kNewTaskDb))), "--yes"});
  Must({"task", "revisions", kDemo, "scan"});
  Must({"task", "diff", kDemo, "scan"});
  Must({"task", "diff", kDemo, "scan", "-o", "json"});
  Must({"task", "rollback", kDemo, "scan", "--revision", "1", "--yes"});
  Must({"task", "update", kDemo, file("scan-task3.yaml", task("target: prod\n")), "--yes"});
  Must({"task", "stop", kDemo, "scan", "--yes"});
  Must({"target", "update", kDemo, "prod", "--password-file", file("scan-new-target", kNewTargetDb),
        "--skip-checks"});
  Must({"target", "revisions", kDemo, "prod", "-o", "json"});
  Must({"target", "diff", kDemo, "prod", "-o", "json"});
  Must({"target", "rollback", kDemo, "prod", "--revision", "1", "--skip-checks", "-o", "json"});
  Must({"source", "show", kDemo, "s1", "-o", "json"});
  Must({"source", "update", kDemo, file("scan-s1-new.yaml", source("s1", 3306, kNewSourceDb)),
        "--skip-checks", "--yes"});
  Must({"source", "revisions", kDemo, "s1", "-o", "json"});
  Must({"source", "diff", kDemo, "s1"});
  Must({"source", "diff", kDemo, "s1", "-o", "json"});
  Must({"source", "rollback", kDemo, "s1", "--revision", "1", "--skip-checks", "--yes"});
  Must({"task", "start", kDemo, "scan"});
  Must({"task", "list", kDemo, "-o", "json"});
  INFO("what dmgrd does not reach, and what DM refuses");
  const std::string second = file("scan-s2.yaml", source("s2", 1, kNewSourceDb));
  CHECK(Do({"source", "create", kDemo, second, "--yes"}).exit_code != 0);
  CHECK(Do({"source", "create", kDemo, second, "--skip-checks", "--yes"}).exit_code != 0);
  Do({"operation", "rollback", NewestOperation(site_)});
  CHECK(Do({"task", "create", kDemo, file("scan-bad.yaml", task(own(kTaskDb)) + "\ntabels: x"),
            "--yes"})
            .exit_code != 0);
}

void Round::Failures() {
  CHECK(Do({"login", "--user", "admin"}, std::string(kFirstPassword) + "\n").exit_code != 0);
  CHECK(Do({"machine", "update", site_.Address("h3"), "--user", "nobody-there", "--password"},
           std::string(kHostPassword) + "\n")
            .exit_code != 0);
  // An operation that fails on a host.
  site_.lab().Ssh("h3", "mv /dm-deploy/dm-worker-8262/bin /dm-deploy/dm-worker-8262/away");
  CHECK(Do({"cluster", "restart", kDemo, "--yes"}).exit_code != 0);
  site_.lab().Ssh("h3", "mv /dm-deploy/dm-worker-8262/away /dm-deploy/dm-worker-8262/bin");
  const Result list = Must({"operation", "list", "-o", "json"});
  const auto listed = nlohmann::json::parse(list.out);
  for (const auto& operation : listed["operations"]) {
    const std::string id = operation["operation_id"];
    Must({"operation", "show", id, "--events"});
    if (operation["state"] == "OPERATION_STATE_FAILED") {
      Do({"operation", "rollback", id, "--yes"});
    }
  }
  Must({"audit", "list", "-o", "json"});
  Must({"audit", "export"});
}

// Of a file that has what its owner reads there: nobody else may.
bool IsPrivate(const fs::path& path) {
  struct stat found {};
  return lstat(path.c_str(), &found) == 0 && (found.st_mode & 07) == 0;
}

TEST_CASE("after a round of an operator no secret is where it has no business", "[lab][secrets]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const fs::path data = site.daemon().dir() / "data";
  const fs::path own_output = site.daemon().dir();
  Round round(&site);
  {
    const ProcessWatch processes(&round.scan());
    round.Accounts();
    round.Machine();
    round.Cluster();
    round.Migrations();
    round.Failures();

    INFO("on hosts: in the files of the program that reads it there, for nobody else");
    for (const auto& host : Site::Hosts()) {
      const fs::path root = site.lab().Root(host);
      const auto found = round.scan().InFiles(root, [&](const fs::path& file, const auto& name) {
        const bool is_place = file.string().find("/dm-deploy/grafana-") != std::string::npos;
        // The lab lets its key in by itself.
        const bool is_store = file.string().find("/dm-data/dm-master-") != std::string::npos;
        return (IsGrafanas(name) && is_place && IsPrivate(file)) ||
               (IsOfDatabase(name) && is_store) || name == "login key";
      });
      INFO(host);
      CHECK(found == std::vector<std::string>{});
    }
    INFO("the archive for a report");
    const auto archive =
        Run({.args = {"/usr/bin/tar", "-xzOf", site.daemon().dir() / "scan.tar.gz"}});
    CHECK(archive.exit_code == 0);
    CHECK(archive.out.size() > 10'000);
    CHECK(round.scan().In(archive.out) == std::set<std::string>{});

    round.Must({"cluster", "destroy", kDemo, "--yes"});
    INFO("arguments and environments");
    CHECK(processes.reads() > 1'000);
    CHECK(processes.Seen() == std::set<std::string>{});
  }

  INFO("all that the database says, and its files");
  const auto dump = Run({.args = {"/usr/bin/pg_dump", "--dbname", site.daemon().dsn()}});
  INFO(dump.err);
  CHECK(dump.exit_code == 0);
  CHECK_THAT(dump.out, Catch::Contains("audit_log") && Catch::Contains("operation_event"));
  CHECK(round.scan().In(dump.out) == std::set<std::string>{});
  CHECK(round.scan().In(site.daemon().Log()) == std::set<std::string>{});
  const auto kept = round.scan().InFiles(data, [&](const fs::path& file, const auto& name) {
    return name == "master key" && file == data / "master.key";
  });
  CHECK(kept == std::vector<std::string>{});
  for (const auto& file : fs::recursive_directory_iterator(site.daemon().dir())) {
    CHECK_FALSE(file.path().filename().string().starts_with("core"));
  }
  INFO("after a destroy nothing of it is left on hosts");
  for (const auto& host : Site::Hosts()) {
    const auto left =
        round.scan().InFiles(site.lab().Root(host),
                             [](const fs::path&, const auto& name) { return name == "login key"; });
    INFO(host);
    CHECK(left == std::vector<std::string>{});
  }

  site.Ctl({"machine", "update", site.Address("h3"), "--user", "ops", "--password"},
           "it's \"not\" $easy\n");
  site.lab().Ssh("h3", "userdel -r scanned 2>/dev/null; rm -f /etc/sudoers.d/dmgr-lab-scanned");
}

}  // namespace
}  // namespace dmgr::testing
