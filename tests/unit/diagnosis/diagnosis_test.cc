// Causes among what real processes, their shell and systemd write.
#include "server/diagnosis/diagnosis.h"

#include <catch2/catch.hpp>

#include "server/diagnosis/exit_status.h"
#include "server/diagnosis/line.h"

namespace dmgr::diagnosis {
namespace {

using components::Component;

constexpr char kEtcdNoise[] =
    R"({"level":"warn","ts":"2026-11-27T00:47:50.100Z","caller":"clientv3/retry_interceptor.go:62","msg":"retrying of unary invoker failed","target":"endpoint://client-1/10.0.0.1:8261","attempt":0,"error":"rpc error: code = Unavailable desc = etcdserver: leader changed"}
{"level":"warn","ts":"2026-11-27T00:47:51.100Z","caller":"fileutil/fileutil.go:53","msg":"check file permission","error":"directory \"/dm-data\" exist, but the permission is \"drwxr-xr-x\". The recommended permission is \"-rwx------\""}
)";

constexpr char kMasterConfig[] =
    R"([2026/11/27 00:47:58.001 +00:00] [INFO] [version.go:47] ["Welcome to dm-master"] [release-version=v7.5.1]
[2026/11/27 00:47:58.002 +00:00] [INFO] [main.go:66] [] ["dm-master config"="{\"log-level\":\"info\",\"error\":\"no error\"}"]
)";

constexpr char kStarted[] = "systemd[1]: Started dm-master service.\n";
constexpr char kExited[] =
    "systemd[1]: dm-master-8261.service: Main process exited, code=exited, "
    "status=2/INVALIDARGUMENT\n"
    "systemd[1]: dm-master-8261.service: Failed with result 'exit-code'.\n";

Evidence Of(Component component, std::vector<Log> logs, int exit_status = 0) {
  Evidence evidence;
  evidence.component = component;
  evidence.logs = std::move(logs);
  evidence.exit_status = exit_status;
  return evidence;
}

Diagnosis OfMaster(const std::string& stdout_text, const std::string& log, const std::string& err,
                   const std::string& journal) {
  return Explain(Of(Component::kDmMaster,
                    {{"/log/dm-master_stdout.log", stdout_text},
                     {"/log/dm-master.log", log},
                     {"/log/dm-master_stderr.log", err},
                     {"", journal}},
                    2));
}

TEST_CASE("what DM prints on stdout is the cause, etcd's retries are none") {
  const auto told = OfMaster("parse cmd flags err: parse rpc timeout str\n", "", kEtcdNoise,
                             std::string(kStarted) + kExited);
  CHECK(told.cause == "parse cmd flags err: parse rpc timeout str");
  CHECK(told.lasts);
  // How it ended says nothing more.
  CHECK(told.lines.empty());
}

TEST_CASE("the last error of DM's log is the cause, without configuration and stacks") {
  const std::string log =
      std::string(kMasterConfig) +
      R"([2026/11/27 00:47:58.100 +00:00] [ERROR] [server.go:200] ["fail to listen"] [error="listen tcp 10.0.0.1:8291: bind: address already in use"] [errorVerbose="x\nstack\nof many lines"]
[2026/11/27 00:47:58.123 +00:00] [ERROR] [main.go:77] ["fail to start dm-master"] [error="[code=38038:class=dm-master:scope=internal:level=high], Message: start embed etcd, RawCause: listen tcp 10.0.0.1:8291: bind: address already in use"] [stack="main.main\n\t/go/main.go:77"]
)";
  const auto told = OfMaster("", log, kEtcdNoise, kStarted);
  CHECK(told.cause ==
        "fail to start dm-master: [code=38038:class=dm-master:scope=internal:level=high], Message: "
        "start embed etcd, RawCause: listen tcp 10.0.0.1:8291: bind: address already in use");
  CHECK_FALSE(told.lasts);
  REQUIRE(told.lines.size() == 1);
  CHECK(told.lines[0] == "fail to listen: listen tcp 10.0.0.1:8291: bind: address already in use");
}

TEST_CASE("an address that etcd never takes is a reason that lasts") {
  const auto told = OfMaster(
      "",
      R"x([2026/11/27 00:47:58.123 +00:00] [ERROR] [main.go:77] ["fail to start dm-master"] [error="[code=38038:class=dm-master:scope=internal:level=high], Message: start embed etcd, RawCause: expected IP in URL for binding (http://h1.example:8291)"])x",
      kEtcdNoise, kStarted);
  CHECK_THAT(told.cause, Catch::StartsWith("fail to start dm-master: ") &&
                             Catch::EndsWith("binding (http://h1.example:8291)"));
  CHECK(told.lasts);
}

TEST_CASE("a dm-worker calls its end an information") {
  const auto told = Explain(Of(
      Component::kDmWorker,
      {{"/log/dm-worker.log",
        R"([2026/11/27 00:47:58.123 +00:00] [INFO] [main.go:84] ["join the cluster meet error"] [error="[code=40057:class=dm-worker:scope=internal:level=high], Message: cannot join with master endpoints: 10.0.0.1:8261, error: context deadline exceeded"])"}}));
  CHECK_THAT(told.cause, Catch::StartsWith("join the cluster meet error: [code=40057") &&
                             Catch::EndsWith("context deadline exceeded"));
}

TEST_CASE("a log of DM in JSON") {
  const auto told = Explain(Of(
      Component::kDmWorker,
      {{"/log/dm-worker.log",
        R"({"level":"INFO","time":"2026/11/27 00:47:58.001 +00:00","caller":"version.go:47","message":"Welcome to dm-worker"}
{"level":"ERROR","time":"2026/11/27 00:47:58.123 +00:00","caller":"main.go:103","message":"fail to start dm-worker","error":"listen tcp :8262: bind: address already in use"})"}}));
  CHECK(told.cause == "fail to start dm-worker: listen tcp :8262: bind: address already in use");
  CHECK(told.lines.empty());
}

TEST_CASE("a panic is told without its goroutines") {
  const auto told = OfMaster("", "",
                             "panic: freepages: failed to get all reachable pages (page 12)\n\n"
                             "goroutine 113 [running]:\n"
                             "go.etcd.io/bbolt.(*DB).freepages.func2(0xc0000a2000)\n"
                             "\t/go/pkg/mod/go.etcd.io/bbolt@v1.3.6/db.go:1056 +0xe9\n"
                             "created by go.etcd.io/bbolt.(*DB).freepages\n"
                             "\t/go/pkg/mod/go.etcd.io/bbolt@v1.3.6/db.go:1054 +0x1c5\n\n"
                             "goroutine 1 [select]:\n"
                             "main.main()\n"
                             "\t/go/main.go:77 +0x1\n",
                             "");
  CHECK(told.cause == "panic: freepages: failed to get all reachable pages (page 12)");
  CHECK(told.lines.empty());
}

TEST_CASE("the help on flags is noise, the flag that is not known is not") {
  const auto told = OfMaster("parse cmd flags err: parse config flag set\n", "",
                             "flag provided but not defined: -nosuch\nUsage of dm-master:\n"
                             "  -L string\n    \tlog level: debug, info, warn, error, fatal\n"
                             "  -V\tprints version and exit\n",
                             "");
  CHECK(told.cause == "parse cmd flags err: parse config flag set");
  REQUIRE(told.lines.size() == 1);
  CHECK(told.lines[0] == "flag provided but not defined: -nosuch");
}

TEST_CASE("a program that is another one says so by its options") {
  const auto told = OfMaster("", "",
                             "bin/dm-master: unrecognized option '--name=m1'\n"
                             "Try 'bin/dm-master --help' for more information.\n",
                             "");
  CHECK(told.cause == "bin/dm-master: unrecognized option '--name=m1'");
  CHECK(told.lines.empty());
}

TEST_CASE("Prometheus and Alertmanager name the cause in a line of their form") {
  const std::pair<const char*, const char*> kTexts[] = {
      {R"(ts=2026-11-27T00:47:58.1Z caller=main.go:1159 level=info component=tsdb msg="Replaying WAL"
ts=2026-11-27T00:47:58.123Z caller=main.go:1166 level=error err="opening storage failed: lock DB directory: resource temporarily unavailable"
ts=2026-11-27T00:47:58.124Z caller=main.go:1170 level=info msg="See you next time!")",
       "opening storage failed: lock DB directory: resource temporarily unavailable"},
      {R"(level=error ts=2026-11-27T00:47:58.123Z caller=main.go:323 msg="Opening storage failed" err="open DB in data/: Locked by other process")",
       "Opening storage failed: open DB in data/: Locked by other process"},
      {"Error parsing commandline arguments: unknown long flag '--nosuch'",
       "Error parsing commandline arguments: unknown long flag '--nosuch'"},
      {R"x(ts=2026-11-27T00:47:58.123Z caller=main.go:457 level=error msg="Error loading config (--config.file=/d/prometheus.yml)" file=/d/prometheus.yml err="parsing YAML file: yaml: line 3: did not find expected key")x",
       "Error loading config (--config.file=/d/prometheus.yml): parsing YAML file: yaml: line 3: "
       "did not find expected key"}};
  for (const auto& [text, cause] : kTexts) {
    CHECK(Explain(Of(Component::kPrometheus, {{"/log/prometheus.log", text}})).cause == cause);
  }
}

TEST_CASE("Grafana of every age, coloured or not") {
  const std::pair<const char*, const char*> kTexts[] = {
      {R"(t=2026-11-27T00:47:58+0000 lvl=info msg="Starting Grafana" logger=server
t=2026-11-27T00:47:58+0000 lvl=eror msg="Server shutdown" logger=server reason="Service init failed: Migration failed err: unable to open database file")",
       "Server shutdown: Service init failed: Migration failed err: unable to open database file"},
      {"\x1b[31mEROR\x1b[0m[11-27|00:47:58] Server shutdown          logger=server error=\"x\"",
       "Server shutdown          logger=server error=\"x\""},
      {"logger=migrator t=2026-11-27T00:47:58Z level=info msg=\"Unlocking database\"\n"
       "Error: \xE2\x9C\x97 migration failed (id = create migration_log table): database is locked",
       "Error: \xE2\x9C\x97 migration failed (id = create migration_log table): database is "
       "locked"}};
  for (const auto& [text, cause] : kTexts) {
    CHECK(Explain(Of(Component::kGrafana, {{"/log/grafana_stdout.log", text}})).cause == cause);
  }
}

TEST_CASE("the shell's words, wherever they land") {
  const std::string words =
      "/dm-deploy/dm-master-8261/scripts/run_dm-master.sh: line 5: bin/dm-master: Permission "
      "denied";
  const auto in_file = Explain(
      Of(Component::kDmMaster, {{"/log/dm-master_stderr.log", kEtcdNoise + words + "\n"}}, 126));
  CHECK(in_file.cause == words);
  CHECK(in_file.lasts);
  const auto in_journal = Explain(
      Of(Component::kDmMaster, {{"", kStarted + ("bash[77]: " + words + "\n") + kExited}}, 126));
  CHECK(in_journal.cause == words);
}

TEST_CASE("without a word the exit status says what it can") {
  CHECK_THAT(Explain(Of(Component::kDmMaster, {}, 126)).cause, Catch::Contains("noexec"));
  CHECK_THAT(Explain(Of(Component::kDmMaster, {}, 217)).cause, Catch::Contains("user"));
  CHECK(Explain(Of(Component::kDmMaster, {}, 217)).lasts);
  const auto silent = Explain(Of(Component::kDmMaster, {}, 2));
  CHECK(silent.is_silent);
  CHECK_FALSE(silent.cause.empty());
  CHECK(MeaningOfExit(2).empty());
  const auto killed = Explain(
      Of(Component::kDmWorker, {{"",
                                 "systemd[1]: x.service: A process of this unit has been killed by "
                                 "the OOM killer.\nsystemd[1]: x.service: Main process exited, "
                                 "code=killed, status=9/KILL\n"}}));
  CHECK_THAT(killed.cause, Catch::Contains("OOM killer"));
  const auto step = Explain(
      Of(Component::kDmWorker,
         {{"",
           "systemd[93]: x.service: Failed to determine user credentials: No such process\n"
           "systemd[93]: x.service: Failed at step USER spawning /bin/bash: No such process\n"}},
         217));
  CHECK_THAT(step.cause, Catch::Contains("Failed at step USER"));
}

TEST_CASE("a full directory comes first, with what is left there") {
  auto evidence = Of(Component::kDmMaster, {{"/log/dm-master.log", "no space left on device"}});
  evidence.directories = {{"data", "/dm-data", 0, 12, 100}, {"log", "/log", 9ULL << 30, 9, 100}};
  CHECK(Explain(evidence).cause ==
        "its data directory /dm-data is full: 0 bytes and 12 inodes are free");
  // What was said stays.
  CHECK(Explain(evidence).lines == std::vector<std::string>{"no space left on device"});
  evidence.directories = {{"data", "/dm-data", 9ULL << 30, 5, 100},
                          {"log", "/log", 9ULL << 30, 0, 100}};
  CHECK_THAT(Explain(evidence).cause, Catch::StartsWith("its log directory /log is full: 9216 MiB "
                                                        "and 0 inodes"));
  // Too little for what it needs, though not nothing.
  evidence.directories = {{"data", "/dm-data", 30U << 20, 0, 0},
                          {"log", "/log", 9ULL << 30, 9, 100}};
  CHECK(Explain(evidence).cause == "its data directory /dm-data has no room: 30 MiB are free");
  CHECK(FullDirectory({{"data", "/dm-data", 9ULL << 30, 0, 0}}).empty());
}

TEST_CASE("a text has the cause first, at most ten lines, and where the rest is") {
  std::string many;
  for (int i = 0; i < 50; ++i) many += "line " + std::to_string(i) + std::string(500, 'x') + "\n";
  const auto told = OfMaster("parse cmd flags err: x\n", "", many, kExited);
  CHECK(told.lines.size() == 9);
  const std::string text =
      Describe({"dm-master-1", "h1", "dm-master-8261.service", "does not start"}, told, 2);
  CHECK_THAT(text,
             Catch::StartsWith(
                 "dm-master-1 on h1 does not start: parse cmd flags err: x (exit status 2)\n"));
  CHECK_THAT(text, Catch::EndsWith("\nall of it on h1: /log/dm-master_stdout.log, "
                                   "/log/dm-master.log, /log/dm-master_stderr.log, "
                                   "journalctl -u dm-master-8261.service"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 10);
  CHECK(text.size() < 4000);
}

TEST_CASE("a cause is one line, whatever escapes a log has") {
  CHECK(OfMaster("", R"({"level":"fatal","msg":"one\ntwo\u001b[31m three","error":"\u0007four"})",
                 "", "")
            .cause == "one two three: four");
  CHECK(OfMaster("", R"([2026/11/27 00:47:58.001 +00:00] [FATAL] [] ["one\rtwo"])", "", "").cause ==
        "onertwo");
}

TEST_CASE("a line with nothing where its message belongs is told whole") {
  const std::string line = R"([2026/11/27 00:47:58.001 +00:00] [FATAL]"no bracket")";
  CHECK(OfMaster("", line, "", "").cause == line);
  CHECK(OfMaster("", "", "", "dm-master[12]: \n").is_silent);
}

TEST_CASE("bytes that are no text are bounded as well") {
  CHECK(OfMaster(std::string(5000, '\x80'), "", "", "").cause.size() < 700);
}

TEST_CASE("lines of any bytes are taken as they are") {
  for (const char* text : {"[", "[2026", "{", "{\"level\":1}", "=", "level=", "[2026/11/27] [ERROR",
                           "\x1b[", "\xff\xfe", "level=error msg=\"", "[1] [ERROR] [a=\"\\"}) {
    CAPTURE(text);
    Explain(Of(Component::kDmMaster, {{"/log", text}}));
  }
  CHECK(ParseLine("level=error msg=\"unfinished").said == "unfinished");
}

}  // namespace
}  // namespace dmgr::diagnosis
