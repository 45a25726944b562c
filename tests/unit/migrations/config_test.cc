// Configurations of DM as people write them: what is taken, and what is made of it.
#include "server/migrations/config.h"

#include <catch2/catch.hpp>

#include "common/error.h"

namespace dmgr::migrations {
namespace {

constexpr char kSource[] = R"(# The shop.
source-id: s1   # as DM calls it
enable-relay: true
from:
  host: db1.example.com
  port: 3306
  user: repl
  password: "a # \"b\""
  security:
    ssl-ca-bytes:
    - 45
    - 66
    ssl-key-bytes: [1, 2,
      3]
    ssl-cert: /etc/cert.pem
purge: {interval: 3600}
)";

constexpr char kTask[] = R"(name: shop
task-mode: all
target: prod # one of ours
mysql-instances:
  - source-id: s1
    block-allow-list: shop
  - {source-id: s2}
block-allow-list:
  shop: {do-dbs: ["shop"]}
)";

absl::Status Source(const std::string& yaml) { return ReadSource(yaml).status(); }
absl::Status Task(const std::string& yaml) { return ReadTask(yaml).status(); }

std::string With(std::string text, const std::string& what, const std::string& other) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), other);
}

// Of a text that is refused: all of it that is told.
std::string Told(const absl::Status& status) {
  CHECK(Reason(status) == "CONFIG_INVALID");
  std::string told;
  const auto violations = FieldViolations(status);
  for (const auto& one : violations.field_violations()) {
    CHECK(one.field() == "config_yaml");
    told += one.description() + "\n";
  }
  return told;
}

TEST_CASE("a source and a task are read") {
  const auto source = ReadSource(kSource);
  REQUIRE(source.ok());
  CHECK(source->source_id == "s1");
  CHECK(source->host == "db1.example.com");
  CHECK(source->port == 3306);
  CHECK(source->user == "repl");
  CHECK(source->enables_relay);
  const auto task = ReadTask(kTask);
  INFO(task.status().ToString());
  REQUIRE(task.ok());
  CHECK(task->name == "shop");
  CHECK(task->mode == "all");
  CHECK(task->sources == std::vector<std::string>{"s1", "s2"});
  CHECK(task->target_name == "prod");
}

TEST_CASE("every mistake is told with its line, and the word that was meant") {
  const std::string told =
      Told(Source("source-id: s1\nenable-gtdi: true\nfrom:\n  host: h\n  port: x\n"));
  CHECK(told ==
        "line 2: DM has no key \"enable-gtdi\"; is it enable-gtid?\n"
        "line 5: from.port must be a number from 1 to 65535\n"
        "line 4: from.user is missing\n");
  CHECK(Told(Source("source-id: s 1\nfrom: {host: h, port: 1, user: u}\n")) ==
        "line 1: source-id must be one word of at most 64 bytes, without /\n");
  CHECK(Told(Source("source-id: [s1]\nfrom: [1]\n")) ==
        "line 1: source-id must be a text on one line\n"
        "line 2: from must be there, with host, port and user\n");
}

TEST_CASE("mistakes in a task") {
  CHECK(Told(Task("{}")) == "line 1: it must be keys and values, each on a line of its own\n");
  CHECK(Told(Task("name: t\ntask-mode: some\n")) ==
        "line 2: task-mode must be full, incremental or all\n"
        "line 1: mysql-instances must name one source at least\n"
        "line 1: there must be either a target-database or a target, the name of one\n");
  CHECK(Told(Task(With(kTask, "s2", "s1"))) == "line 7: source s1 is named twice\n");
  CHECK(Told(Task(std::string(kTask) + "target-database: {host: h, port: 1, user: u}\n")) ==
        "line 3: there must be either a target-database or a target, the name of one\n");
  CHECK(Told(Task(With(kTask, "target: prod", "target-database: {host: h, user: u}"))) ==
        "line 3: target-database.port is missing\n");
  CHECK(Told(Task(With(kTask, "target: prod", "target: p/q"))) ==
        "line 3: target is no name of a target\n");
}

TEST_CASE("what YAML can do beyond keys and values is refused") {
  const auto refused = [](const std::string& text) {
    INFO(text.substr(0, 80));
    return Told(Source(text));
  };
  CHECK(refused("a: &x 1\nb: *x\n").find("anchors and aliases") != std::string::npos);
  CHECK(refused("a: &x 1\n").find("anchors and aliases") != std::string::npos);
  CHECK(refused("a: !!binary aGVsbG8=\n").find("tags are not taken") != std::string::npos);
  CHECK(refused("a: 1\nb: 2\na: 3\n") == "line 3: a key is given twice\n");
  CHECK(refused("? [a]\n: 1\n").find("a key is no word") != std::string::npos);
  CHECK(refused("a: 1\n---\nb: 1\n").find("one document") != std::string::npos);
  CHECK(refused("a: [1").find("it is no YAML") != std::string::npos);
  CHECK(refused("\tx").find("line 1: ") == 0);
  CHECK(refused("").find("keys and values") != std::string::npos);
  CHECK(refused("- a\n").find("keys and values") != std::string::npos);
  CHECK(refused("\xEF\xBB\xBFsource-id: s1\n").find("byte order mark") != std::string::npos);
  CHECK(refused("a: \xff\n").find("not UTF-8") != std::string::npos);
  CHECK(refused(std::string("a: b\0c", 6)).find("control") != std::string::npos);
  CHECK(refused("a: " + std::string(1 << 20, 'x')).find("longer than 1 MiB") != std::string::npos);
  CHECK(refused("a: " + std::string(30, '[') + std::string(30, ']')).find("too deep") !=
        std::string::npos);
  CHECK_FALSE(Source("a: " + std::string(100'000, '[')).ok());
  CHECK_FALSE(Source("a: " + std::string(100'000, '{')).ok());
  CHECK_FALSE(Source(std::string(100'000, '-')).ok());
}

TEST_CASE("secrets are hidden where they stand, all else stays as it was written") {
  CHECK(HideSecrets(kSource) == R"(# The shop.
source-id: s1   # as DM calls it
enable-relay: true
from:
  host: db1.example.com
  port: 3306
  user: repl
  password: "******"
  security:
    ssl-ca-bytes: "******"
    ssl-key-bytes: "******"
    ssl-cert: /etc/cert.pem
purge: {interval: 3600}
)");
  CHECK(HideSecrets(kTask) == kTask);
  CHECK(HideSecrets("a: [1").empty());
}

TEST_CASE("a password in any way of writing it") {
  const auto hidden = [](const std::string& written, const std::string& after = "") {
    INFO(written);
    const std::string head = "source-id: s\nfrom: {host: h, port: 1, user: u, password: ";
    REQUIRE(Source(head + written + after + "}\n").ok());
    CHECK(HideSecrets(head + written + after + "}\n") == head + "\"******\"" + after + "}\n");
    const std::string block = "source-id: s\nfrom:\n  host: h\n  port: 1\n  user: u\n  password: ";
    REQUIRE(Source(block + written + "  # it\nfilters: []\n").ok());
    CHECK(HideSecrets(block + written + "  # it\nfilters: []\n") ==
          block + "\"******\"  # it\nfilters: []\n");
    CHECK(FillHidden(HideSecrets(block + written + "\r\n"), block + written + "\r\n").ok());
  };
  hidden("secret");
  hidden("a#b c");
  hidden("'it''s'", ", x: 1");
  hidden(R"("a \"quoted\" one \\")");
  hidden("'a # b'");
  hidden("12345");
  hidden("\xC3\xA4\xC3\xB6\xE2\x82\xAC");
  hidden("true");
}

TEST_CASE("a password whose end cannot be told is refused") {
  const std::string head = "source-id: s\nfrom:\n  host: h\n  port: 1\n  user: u\n  password: ";
  for (const auto* written : {"|\n    secret\n", ">-\n    secret\n", "sec\n    ret\n",
                              "\"sec\n    ret\"\n", "{a: b}\n", "[a, b]\n", "[1, 999]\n"}) {
    INFO(written);
    CHECK(Told(Source(head + written)).find("password must be written on one line") !=
          std::string::npos);
    CHECK(HideSecrets(head + written).empty());
  }
}

TEST_CASE("a hidden secret is the one that there was, of the same database") {
  const auto filled = FillHidden(HideSecrets(kSource), kSource);
  REQUIRE(filled.ok());
  CHECK(HideSecrets(*filled) == HideSecrets(kSource));
  CHECK(filled->find(R"(password: "a # \"b\"")") != std::string::npos);
  CHECK(filled->find("ssl-ca-bytes: [45, 66]\n") != std::string::npos);
  CHECK(filled->find("ssl-key-bytes: [1, 2, 3]\n") != std::string::npos);
  CHECK(ReadSource(*filled).ok());

  const std::string shown = HideSecrets(kSource);
  CHECK(Reason(FillHidden(shown, "").status()) == "HIDDEN_SECRET");
  CHECK(Reason(FillHidden(shown, shown).status()) == "HIDDEN_SECRET");
  CHECK(FillHidden(kSource, "").value() == kSource);
  const auto elsewhere = FillHidden(With(shown, "db1.example.com", "evil.example.com"), kSource);
  CHECK(Reason(elsewhere.status()) == "HIDDEN_SECRET");
  CHECK(Reason(FillHidden(With(shown, "3306", "3307"), kSource).status()) == "HIDDEN_SECRET");
  INFO("the rest may be another one");
  CHECK(FillHidden(With(shown, "# The shop.\n", ""), kSource).ok());
}

TEST_CASE("a target takes the place of its name") {
  v1::Target target;
  target.set_host("tidb.example.com");
  target.set_port(4000);
  target.set_user_name("root");
  target.set_password("it's \"so\" \\ #1\n");
  const auto put = PutTarget(kTask, target);
  REQUIRE(put.ok());
  CHECK(*put == With(kTask, "target: prod", R"(target-database:
  host: "tidb.example.com"
  port: 4000
  user: "root"
  password: "it's \"so\" \\ #1\x0a")"));
  REQUIRE(ReadTask(*put).ok());
  CHECK(HideSecrets(*put).find("it's") == std::string::npos);

  target.set_ca_certificate("AB");
  target.set_client_certificate("C");
  target.set_client_key("\xff");
  const auto secure = PutTarget(kTask, target);
  REQUIRE(secure.ok());
  CHECK(secure->find("  security:\n    ssl-ca-bytes: [65, 66]\n    ssl-cert-bytes: [67]\n"
                     "    ssl-key-bytes: [255] # one of ours\n") != std::string::npos);
  REQUIRE(ReadTask(*secure).ok());
  CHECK(HideSecrets(*secure).find("255") == std::string::npos);
}

TEST_CASE("what dm-masters keep of a source becomes its configuration") {
  const auto yaml = SourceOfKey(
      "enable-relay = true\nsource-id = \"s1\"\nfilters = []\n\n[from]\nhost = \"db1\"\nport = "
      "3306\n"
      "user = \"repl\"\npassword = \"a \\\"b\\\" # c\"\n[from.security]\nssl-ca-bytes = [45, 66]\n"
      "\n[[filters]]\nschema-pattern = \"*\"\n");
  CHECK(Reason(yaml.status()) == "MIGRATION_UNREADABLE");
  const auto good = SourceOfKey(
      "enable-relay = true\nenable-gtid = true\nsource-id = \"s1\"\n\n[from]\nhost = \"db1\"\n"
      "port = 3306\nuser = \"repl\"\npassword = \"a \\\"b\\\" # c\"\n[from.security]\n"
      "ssl-ca-bytes = [45, 66]\n\n[[filters]]\nschema-pattern = \"*\"\n\n[tracer]\n");
  INFO(good.status().ToString());
  REQUIRE(good.ok());
  const auto read = ReadSource(*good);
  INFO(*good);
  REQUIRE(read.ok());
  CHECK(read->source_id == "s1");
  CHECK(read->enables_relay);
  const auto login = ReadSourceLogin(*good);
  REQUIRE(login.ok());
  CHECK(login->host == "db1");
  CHECK(login->port == 3306);
  CHECK(login->user == "repl");
  CHECK(login->password == "a \"b\" # c");
  CHECK(login->ca == "-B");
  CHECK(login->enables_gtid);
  CHECK_FALSE(login->names_files);
  CHECK(HideSecrets(*good).find("# c") == std::string::npos);
  INFO("what is wrong is told without what stands there");
  const auto bad = SourceOfKey("password = \"s3cret\nx");
  CHECK(Reason(bad.status()) == "MIGRATION_UNREADABLE");
  CHECK(bad.status().ToString().find("s3cret") == std::string::npos);
}

TEST_CASE("a task that DM shows gets the password that dm-masters keep with a subtask") {
  const std::string masked =
      "name: shop\ntask-mode: all\ntarget-database:\n  host: t\n  port: 4000\n  user: r\n"
      "  password: '******'\nmysql-instances:\n- source-id: s1\n";
  const auto task = TaskOfKey(
      masked,
      "name = \"shop\"\n[to]\nhost = \"t\"\nport = 4000\nuser = \"r\"\npassword = \"p'5\"\n");
  INFO(task.status().ToString());
  REQUIRE(task.ok());
  CHECK(*task == With(masked, "'******'", "\"p'5\""));
  INFO("never that of another database");
  const auto other = TaskOfKey(masked, "[to]\nhost = \"u\"\nport = 4000\npassword = \"p\"\n");
  CHECK(Reason(other.status()) == "HIDDEN_SECRET");
  CHECK(Reason(TaskOfKey(masked, "[to]\n").status()) == "HIDDEN_SECRET");
}

}  // namespace
}  // namespace dmgr::migrations
