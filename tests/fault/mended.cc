#include "tests/fault/mended.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "tests/lab/migrating.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr char kTask[] = "mended";
constexpr char kTheirs[] = "theirs";
constexpr int kSpareHost = 5;
// Of DM's OperateTask and OperateSource.
constexpr int kPauseTask = 2;
constexpr int kDeleteTask = 7;
constexpr int kStopRelay = 2;
// What goes its own way in a subtask of the stand-in.
constexpr const char* kFleeting[] = {"progress", "since", "stopped", "worker", "create", "mod"};
constexpr const char* kRecords[] = {
    "SELECT kind, name, wanted, target_name, details FROM migration_object ORDER BY 1, 2",
    "SELECT cluster_name FROM operation WHERE holds_cluster ORDER BY 1"};

std::string MasterUrl(const Site& site, const std::string& path) {
  return fmt::format("http://{}:8261/dmsim/{}", site.Address(Site::Hosts()[0]), path);
}

std::string Rows(Site& site, const char* query) {
  return test::Sql(
      site.daemon().dsn(),
      fmt::format("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM ({}) t", query));
}

int CountOf(Site& site, const char* table) {
  return std::stoi(test::Sql(site.daemon().dsn(), fmt::format("SELECT count(*) FROM {}", table)));
}

}  // namespace

MendedDemo::MendedDemo(Site* site) : site_(*site) {
  site_.EnsureDemo();
  DropMigrations(site_);
  for (const auto& [id, port] :
       {std::pair("f1", 3306), std::pair("f2", 3307), std::pair("f3", 3308)}) {
    const std::string file = site_.WriteFile(fmt::format("{}.yaml", id), SourceYaml(id, port));
    site_.MustCtl({"source", "create", kDemo, file, "--skip-checks", "--yes"});
  }
  const std::string file = site_.WriteFile("mended.yaml", TaskYaml(kTask, "f1"));
  site_.MustCtl({"task", "create", kDemo, file, "--yes"});
}

std::string MendedDemo::SourceYaml(const std::string& source, int port) const {
  return fmt::format(
      "source-id: {}\nfrom:\n  host: 127.0.0.1\n  port: {}\n  user: repl\n"
      "  password: pa55-of-a-database\n",
      source, port);
}

std::string MendedDemo::TaskYaml(const std::string& task, const std::string& source) const {
  return fmt::format(
      "name: {}\ntask-mode: incremental\n"
      "target-database: {{host: 127.0.0.1, port: 4000, user: root, password: pa55-of-a-target}}\n"
      "mysql-instances:\n"
      "  - {{source-id: {}, meta: {{binlog-name: bin.000001, binlog-pos: 4}}}}\n",
      task, source);
}

void MendedDemo::Tell(const std::string& what, const json& body) const {
  INFO(what << ": " << body.dump());
  REQUIRE(HttpPost(MasterUrl(site_, what), body.dump()));
}

void MendedDemo::Call(const std::string& method, const json& request) const {
  Tell("call/" + method, request);
}

json MendedDemo::Document() const {
  json document;
  REQUIRE(Eventually(
      [&] {
        document = json::parse(HttpBody(MasterUrl(site_, "document")), nullptr, false);
        return document.is_object() && document.contains("tasks");
      },
      seconds(20)));
  return document;
}

void MendedDemo::Reset() {
  const json tasks = site_.Json({"task", "list", kDemo})["tasks"];
  for (const auto& task : tasks) {
    if (task["task_name"] != kTheirs) continue;
    if (task.value("foreign", false)) {
      Call("OperateTask", {{"op", kDeleteTask}, {"name", kTheirs}});
    } else {
      site_.MustCtl({"task", "delete", kDemo, kTheirs, "--yes"});
    }
  }
  const json listed = site_.Json({"source", "list", kDemo})["sources"];
  for (const auto& source : listed) {
    if (source["foreign"] == true) {
      site_.MustCtl({"source", "adopt", kDemo, source["source_id"], "--yes"});
    }
  }
  Call("OperateRelay", {{"op", kStopRelay}, {"source", "f2"}});
  // One that was made anew has no errors, locks, structures and validators.
  Call("OperateTask", {{"op", kDeleteTask}, {"name", kTask}});
  Call("StartTask", {{"task", TaskYaml(kTask, "f1")}});
  REQUIRE(Eventually(
      [&] {
        const json document = Document();
        return document["tasks"].contains(kTask) && document["bounds"].size() == 3 &&
               site_.Json({"task", "show", kDemo, kTask})["task"]["stage"] == "TASK_STAGE_RUNNING";
      },
      seconds(20)));
}

void MendedDemo::ResetAndCopy() {
  Reset();
  // After a change by dmgr a copy is taken soon.
  site_.MustCtl({"task", "pause", kDemo, kTask, "--yes"});
  site_.MustCtl({"task", "resume", kDemo, kTask});
  AwaitCopy(site_, /*sources=*/3, /*subtasks=*/1);
}

std::vector<std::string> MendedDemo::Moving(bool away) {
  if (spare_ == nullptr) spare_ = std::make_unique<Spare>(site_, kSpareHost);
  const std::string& home = site_.Address(Site::Hosts()[2]);
  const std::string pair = away ? home + "=" + spare_->address() : spare_->address() + "=" + home;
  return {"cluster", "rebuild", kDemo, "--force", "--replace", pair, "--yes"};
}

void MendedDemo::Bring(bool away) {
  const std::vector<std::string> moving = Moving(away);
  const std::string& home = site_.Address(Site::Hosts()[2]);
  const json instances = site_.Status()["instances"];
  const bool is_away = std::ranges::none_of(
      instances, [&](const json& instance) { return instance["host"] == home; });
  if (is_away != away) {
    ResetAndCopy();
    site_.MustCtl(moving);
  }
  ResetAndCopy();
}

void MendedDemo::GoHome() {
  if (spare_ != nullptr) Bring(/*away=*/false);
}

std::map<std::string, int> MendedDemo::Counts() const {
  std::map<std::string, int> counts;
  const json done = Document()["done"];
  for (const auto& [what, count] : done.items()) counts["done " + what] = count.get<int>();
  counts["operations"] = CountOf(site_, "operation");
  counts["revisions"] = CountOf(site_, "migration_revision");
  return counts;
}

State MendedDemo::Now(const std::map<std::string, int>& since, bool with_hosts) {
  State state;
  if (with_hosts) {
    auto hosts = Site::Hosts();
    if (spare_ != nullptr) hosts.push_back("h" + std::to_string(kSpareHost));
    state = ReadState(site_, hosts);
  }
  json document = Document();
  for (auto& task : document["tasks"]) {
    for (auto& subtask : task["subtasks"]) {
      for (const char* field : kFleeting) subtask.erase(field);
    }
  }
  for (const char* part : {"sources", "source_configs", "tasks", "relay", "locks"}) {
    state[fmt::format("{} of DM", part)] = document[part].dump();
  }
  for (const char* query : kRecords) state[query] = Rows(site_, query);
  const json sources = site_.Json({"source", "list", kDemo})["sources"];
  for (const auto& source : sources) {
    state["source " + source["source_id"].get<std::string>()] = fmt::format(
        "foreign {}, missing {}", source.value("foreign", false), source.value("missing", false));
  }
  const json tasks = site_.Json({"task", "list", kDemo})["tasks"];
  for (const auto& task : tasks) {
    state["task " + task["task_name"].get<std::string>()] =
        fmt::format("foreign {}", task.value("foreign", false));
  }
  for (const auto& [what, count] : Counts()) {
    if (with_hosts && what.starts_with("done ")) continue;
    const auto before = since.find(what);
    const int times = count - (before == since.end() ? 0 : before->second);
    if (times != 0) state[what] = std::to_string(times);
  }
  return state;
}

namespace {

using Words = std::vector<std::string>;

// The operations, each with what it begins with.
class Mendings {
 public:
  explicit Mendings(MendedDemo* demo) : demo_(demo) {}

  std::vector<Mending> All() const {
    std::vector<Mending> all;
    for (auto& some : {OfErrors(), OfTables(), OfValidation(), OfSources(), OfWholes()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

 private:
  using Args = std::function<Words()>;

  static Args Typed(Words words) {
    words.emplace_back("--yes");
    return [words = std::move(words)] { return words; };
  }

  static Args OfTask(Words words, const Words& more) {
    words.insert(words.end(), {kDemo, kTask});
    words.insert(words.end(), more.begin(), more.end());
    return Typed(std::move(words));
  }

  std::function<void()> After(const std::function<void()>& more) const {
    return [demo = demo_, more] {
      demo->Reset();
      more();
    };
  }

  std::vector<Mending> OfErrors() const {
    const auto fails = After([demo = demo_] {
      demo->Tell("fail", {{"task", kTask}, {"sources", {"f1"}}, {"kind", "ddl"}});
    });
    const auto told = After([demo = demo_] {
      demo->Call("HandleError", {{"op", 4},
                                 {"task", kTask},
                                 {"sources", {"f1"}},
                                 {"binlog_pos", "bin.000009:4"},
                                 {"sqls", {"ALTER TABLE t ADD y INT"}}});
    });
    const auto locked = After([demo = demo_] {
      demo->Tell("lock", {{"task", kTask},
                          {"owner", "f1"},
                          {"ddls", {"ALTER TABLE `db`.`t` ADD COLUMN `w` INT"}},
                          {"synced", {"f1-`db`.`t`"}}});
    });
    const Words ahead = {"--source", "f1", "--binlog-pos", "bin.000009:4"};
    Words injected = ahead;
    injected.insert(injected.end(), {"--sql", "ALTER TABLE t ADD y INT"});
    return {{"errors-skip", fails, OfTask({"task", "errors", "skip"}, {"--source", "f1"})},
            {"errors-replace", fails,
             OfTask({"task", "errors", "replace"}, {"--sql", "ALTER TABLE t ADD x INT"})},
            {"errors-inject", After([] {}), OfTask({"task", "errors", "inject"}, injected)},
            {"errors-revert", told, OfTask({"task", "errors", "revert"}, ahead)},
            {"unlock", locked,
             Typed({"task", "locks", "unlock", kDemo, fmt::format("{}-`db`.`t`", kTask)})}};
  }

  std::vector<Mending> OfTables() const {
    const auto pause = [demo = demo_] {
      demo->Call("OperateTask", {{"op", kPauseTask}, {"name", kTask}});
    };
    const auto changed = After([demo = demo_, pause] {
      pause();
      demo->Call("OperateSchema", {{"op", 2},
                                   {"task", kTask},
                                   {"database", "db"},
                                   {"table", "t"},
                                   {"schema", "CREATE TABLE t (id INT)"}});
    });
    const std::string file =
        demo_->site().WriteFile("mended.sql", "CREATE TABLE t (id INT, new_one INT)");
    return {{"table-set", After(pause), OfTask({"task", "table", "set"}, {"db", "t", file})},
            {"table-remove", changed, OfTask({"task", "table", "remove"}, {"db", "t"})}};
  }

  std::vector<Mending> OfValidation() const {
    const auto runs = After([demo = demo_] {
      demo->Call("StartValidation", {{"task_name", kTask}, {"mode_value", "full"}});
      demo->Tell("validation-error", {{"task", kTask}, {"source", "f1"}});
    });
    const auto typed = [](const char* what, const Words& more) {
      return OfTask({"task", "validation", what}, more);
    };
    return {{"validation-start", After([] {}), typed("start", {"--mode", "fast"})},
            {"validation-update", runs, typed("update", {"--cutover-binlog-pos", "bin.000002:4"})},
            {"validation-ignore", runs, typed("ignore", {"--id", "1"})},
            {"validation-resolve", runs, typed("resolve", {"--id", "1"})},
            {"validation-clear", runs, typed("clear", {"--all"})},
            {"validation-stop", runs, typed("stop", {})}};
  }

  std::vector<Mending> OfSources() const {
    const auto relayed = After([demo = demo_] {
      demo->Call("OperateRelay", {{"op", 1}, {"source", "f2"}});
    });
    const auto their_source = After([demo = demo_] {
      demo->site().MustCtl({"source", "delete", kDemo, "f3", "--yes"});
      demo->Call("OperateSource", {{"op", 1}, {"config", {demo->SourceYaml("f3", 3308)}}});
    });
    const auto their_task = After([demo = demo_] {
      demo->Call("StartTask", {{"task", demo->TaskYaml(kTheirs, "f3")}});
    });
    return {{"relay-on", After([] {}), Typed({"source", "relay", kDemo, "f2", "on"})},
            {"relay-off", relayed, Typed({"source", "relay", kDemo, "f2", "off"})},
            {"purge-relay", relayed, Typed({"source", "purge-relay", kDemo, "f2", "bin.000002"})},
            {"source-adopt", their_source, Typed({"source", "adopt", kDemo, "f3"}), 0},
            {"task-adopt", their_task, Typed({"task", "adopt", kDemo, kTheirs}), 0}};
  }

  // Of what gives the dm-masters all that they keep.
  std::vector<Mending> OfWholes() const {
    const std::string key = demo_->site().WriteFile("mended.key", "correct horse battery staple\n");
    const std::string backup = demo_->site().WriteFile("mended.backup", "");
    const auto backed_up = After([demo = demo_, key, backup] {
      demo->site().MustCtl({"cluster", "backup", kDemo, backup, "--passphrase-file", key});
    });
    const auto copied = [demo = demo_] { demo->ResetAndCopy(); };
    const Args away = [demo = demo_] { return demo->Moving(/*away=*/true); };
    const Args home = [demo = demo_] { return demo->Moving(/*away=*/false); };
    return {{"restore", backed_up,
             Typed({"cluster", "restore", kDemo, backup, "--force", "--passphrase-file", key}), 0,
             /*founds_anew=*/true, /*is_sent_once=*/true},
            {"rebuild", copied, Typed({"cluster", "rebuild", kDemo, "--force"}), 0, true},
            {"replace", [demo = demo_] { demo->Bring(/*away=*/false); }, away, 0, true},
            {"replace-back", [demo = demo_] { demo->Bring(/*away=*/true); }, home, 0, true}};
  }

  MendedDemo* const demo_;
};

}  // namespace

std::vector<Mending> MendingsOf(MendedDemo* demo, const std::vector<std::string>& names) {
  std::vector<Mending> mendings = Mendings(demo).All();
  const std::set<std::string> wanted(names.begin(), names.end());
  if (!wanted.empty()) {
    std::erase_if(mendings, [&](const Mending& one) { return !wanted.contains(one.name); });
  }
  return mendings;
}

}  // namespace dmgr::testing
