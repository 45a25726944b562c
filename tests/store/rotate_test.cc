// The master key is changed: cut off anywhere, nothing is lost.
#include "server/secrets/rotate.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "common/error.h"
#include "common/files.h"
#include "server/secrets/audit_chain.h"
#include "server/secrets/key_watch.h"
#include "tests/store/sealed_world.h"
#include "tests/support/eventually.h"

namespace dmgr::secrets {
namespace {

constexpr int kSealed = SealedWorld::kMachines + 1 + 5 + SealedWorld::kRevisions + 1 + 1 + 2;
constexpr int kBatch = 3;

absl::StatusOr<Rotation> Rotate(SealedWorld& world,
                                const std::function<void(const std::string&)>& committed = {}) {
  return RotateMasterKey(&*world.db, world.Key("old"), world.Key("new"), SealedWorld::Contexts(),
                         {.batch = kBatch, .committed = committed});
}

TEST_CASE("all that is sealed is sealed with the other key, and the first one opens nothing") {
  SealedWorld world;
  const auto present = world.Key("old");
  const auto next = world.Key("new");
  CHECK(world.Openable({&present}) == kSealed);
  const auto rotation = Rotate(world);
  REQUIRE_OK(rotation.status());
  CHECK(rotation->resealed == kSealed);
  CHECK(rotation->unreadable.empty());
  CHECK(world.Openable({&next}) == kSealed);
  CHECK(world.Sql("SELECT key_id || coalesce(next_key_id, '') FROM seal_key") == next.Id());
  CHECK(Reason(world.Start("old").status()) == "KEY_MISMATCH");
  REQUIRE_OK(world.Start("new").status());

  INFO("again, it does nothing");
  const auto again = Rotate(world);
  REQUIRE_OK(again.status());
  CHECK(again->was_done);
  CHECK(world.Sql("SELECT count(*) FROM former_key") == "1");
}

TEST_CASE("the audit log holds together over changes of the key, and an old key writes no more") {
  SealedWorld world;
  REQUIRE_OK(Rotate(world).status());
  const auto old = world.Key("old");
  auto next = world.Start("new");
  REQUIRE_OK(next.status());
  CHECK(world.Sql("SELECT user_name || ' ' || method FROM audit_log ORDER BY audit_id DESC "
                  "LIMIT 1") == "dmgrd dmgrd --rotate-master-key");
  world.Audit(*next, "after");
  CHECK(world.AuditProblems(*next) == 0);
  REQUIRE_OK(
      RotateMasterKey(&*world.db, *next, world.Key("newer"), SealedWorld::Contexts()).status());
  const auto newer = world.Start("newer");
  REQUIRE_OK(newer.status());
  world.Audit(*newer, "after that");
  CHECK(world.AuditProblems(*newer) == 0);
  INFO("a call that came before is known again");
  CHECK(newer->IsFingerprint("call", old.Fingerprint("call")));
  CHECK(newer->IsFingerprint("call", next->Fingerprint("call")));
  CHECK_FALSE(newer->IsFingerprint("another", old.Fingerprint("call")));
  world.Audit(old, "forged");
  CHECK(world.AuditProblems(*newer) == 1);
}

// In a process of its own, which dies after that commit; false when it came to its end before.
bool KilledAfter(SealedWorld& world, int commits) {
  world.Key("new");
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Connections are not shared with the parent.
    auto database = store::Database::Open({.dsn = world.db.dsn(), .pool_size = 1});
    if (!database.ok()) _exit(2);
    auto present = auth::SecretBox::Load(world.dir / "old");
    auto next = auth::SecretBox::Load(world.dir / "new");
    if (!present.ok() || !next.ok()) _exit(3);
    int left = commits;
    const auto done = RotateMasterKey(database->get(), *present, *next, SealedWorld::Contexts(),
                                      {.batch = kBatch, .committed = [&](const std::string&) {
                                         if (--left == 0) raise(SIGKILL);
                                       }});
    _exit(done.ok() ? 0 : 4);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return true;
  REQUIRE(WEXITSTATUS(status) == 0);
  return false;
}

TEST_CASE("killed after any of its commits, every value opens, and it goes on to the end") {
  int commits = 1;
  for (bool killed = true; killed; ++commits) {
    INFO("after commit " << commits);
    SealedWorld world;
    const auto present = world.Key("old");
    const auto next = world.Key("new");
    killed = KilledAfter(world, commits);
    // By one key only, and one that the record names.
    CHECK(world.Openable({&present, &next}) == kSealed);
    const std::string recorded =
        world.Sql("SELECT key_id || ' ' || coalesce(next_key_id, '') FROM seal_key");
    const bool is_done = recorded == next.Id() + " ";
    CHECK((is_done || recorded == present.Id() + " " + next.Id()));
    for (const std::string key : {"old", "new"}) {
      const auto started = world.Start(key);
      if (!is_done) CHECK(Reason(started.status()) == "KEY_ROTATION_UNFINISHED");
      if (is_done) CHECK(started.ok() == (key == "new"));
    }
    REQUIRE_OK(Rotate(world).status());
    CHECK(world.Openable({&next}) == kSealed);
    const auto started = world.Start("new");
    REQUIRE_OK(started.status());
    CHECK(world.AuditProblems(*started) == 0);
    CHECK(world.Sql("SELECT count(*) FROM former_key") == "1");
  }
  CHECK(commits > 10);
}

TEST_CASE("a change is not gone on with by other keys, and not begun by a wrong one") {
  SealedWorld world;
  const auto old = world.Key("old");
  const auto wrong = world.Key("wrong");
  const auto contexts = SealedWorld::Contexts();
  CHECK(Reason(RotateMasterKey(&*world.db, wrong, world.Key("new"), contexts).status()) ==
        "KEY_MISMATCH");
  REQUIRE(KilledAfter(world, 3));
  CHECK(Reason(RotateMasterKey(&*world.db, old, wrong, contexts).status()) == "KEY_MISMATCH");
  CHECK(Reason(RotateMasterKey(&*world.db, wrong, world.Key("new"), contexts).status()) ==
        "KEY_MISMATCH");
  REQUIRE_OK(Rotate(world).status());
}

TEST_CASE("what no key opens is left as it is, and named") {
  SealedWorld world;
  world.Sql(
      "UPDATE machine SET sealed_credential = '\\x01' || sealed_credential WHERE machine_id "
      "= 'm3'");
  const std::string before =
      world.Sql("SELECT sealed_credential FROM machine WHERE machine_id = 'm3'");
  const auto rotation = Rotate(world);
  REQUIRE_OK(rotation.status());
  CHECK(rotation->unreadable == std::vector<std::string>{"machine.sealed_credential of m3"});
  CHECK(rotation->resealed == kSealed - 1);
  CHECK(world.Sql("SELECT sealed_credential FROM machine WHERE machine_id = 'm3'") == before);
}

TEST_CASE("a dmgrd that serves keeps its key, and one that was out of sight sees another") {
  SealedWorld world;
  {
    auto watch = KeyWatch::Start(&*world.db, world.db.dsn());
    REQUIRE_OK(watch.status());
    const absl::Status refused = Rotate(world).status();
    CHECK(Reason(refused) == "KEY_IN_USE");
    CHECK(Metadata(refused, "remedy").find("stop every dmgrd") != std::string::npos);
    REQUIRE_OK((*watch)->Check());
  }
  REQUIRE_OK(Rotate(world).status());
  auto late = KeyWatch::Start(&*world.db, world.db.dsn());
  REQUIRE_OK(late.status());
  (*late)->Expect(world.Key("old").Id());
  world.Sql("NOTIFY dmgr_seal_key");
  CHECK(testing::Eventually([&] { return Reason((*late)->Check()) == "KEY_MISMATCH"; }));
}

TEST_CASE("who has the former key only writes nothing with it") {
  SealedWorld world;
  const auto old = world.Key("old");
  REQUIRE(KilledAfter(world, 2));
  const auto write = [&](const auth::SecretBox& box) {
    return world.db->Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(auto machine, store::GetMachine(tx, "m1"));
      machine.sealed_credential = box.Seal("x", "at m1.example");
      return store::UpdateMachine(tx, machine);
    });
  };
  for (const bool done : {false, true}) {
    INFO("done: " << done);
    if (done) REQUIRE_OK(Rotate(world).status());
    const absl::Status refused = write(old);
    CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(Message(refused).find("another master key") != std::string::npos);
    REQUIRE_OK(write(world.Key("new")));
  }
}

std::set<std::string> Lines(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

TEST_CASE("every column that holds something sealed is known, and kept from foreign keys") {
  test::TestDatabase db;
  std::set<std::string> known;
  for (const auto column : store::SealedColumns()) known.insert(store::NameOf(column));
  const auto columns = Lines(test::Sql(
      db.dsn(),
      "SELECT string_agg(table_name || '.' || column_name, E'\\n') FROM information_schema.columns"
      " WHERE table_schema = 'public' AND data_type = 'bytea'"));
  CHECK(columns.size() > 8);
  // Canaries are of a key each; the others are messages without secrets.
  std::set<std::string> others = {
      "seal_key.canary",      "seal_key.next_canary",  "operation.error",     "operation.request",
      "operation_step.error", "operation_event.error", "api_request.response"};
  for (const auto& column : columns) {
    INFO(column);
    CHECK((known.contains(column) || others.contains(column)));
    if (!known.contains(column) || column.starts_with("former_key.")) continue;
    CHECK(test::Sql(db.dsn(),
                    "SELECT count(*) FROM information_schema.triggers WHERE "
                    "event_object_table || '.' || trim(both '''' from substring("
                    "action_statement from '''.*''')) = '" +
                        column + "'") != "0");
  }
}

TEST_CASE("every field of a step's messages that has bytes is known to be sealed") {
  std::set<std::string> fields;
  const std::regex line(R"(message (\w+) \{|\bbytes (\w+) = )");
  // A backup is sealed as a whole, and is no message of a step.
  std::set<std::string> in_a_backup = {"Backup.keys", "BackupRecord.config"};
  int files = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(DMGR_SOURCE_DIR "/proto/dmgr/plan/v1")) {
    const std::string text = ReadFile(file.path()).value();
    ++files;
    std::string message;
    for (std::sregex_iterator found(text.begin(), text.end(), line), end; found != end; ++found) {
      if ((*found)[1].matched) {
        message = (*found)[1];
      } else if (const std::string name = (*found)[2];
                 in_a_backup.erase(fmt::format("{}.{}", message, name)) == 0) {
        fields.insert(name);
      }
    }
  }
  CHECK(files > 5);
  CHECK(in_a_backup.empty());
  const auto& known = store::SealedFields();
  CHECK(fields == std::set<std::string>(known.begin(), known.end()));
}

}  // namespace
}  // namespace dmgr::secrets
