// dmgrd.toml.
#include "server/config.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

namespace dmgr {
namespace {

using Problems = std::vector<std::string>;

Problems ProblemsOf(const std::string& text, const std::string& mode = "") {
  Problems problems;
  ParseConfig(text, "dmgrd.toml", mode, &problems);
  return problems;
}

Config Parse(const std::string& text, const std::string& mode = "") {
  Problems problems;
  Config config = ParseConfig(text, "dmgrd.toml", mode, &problems);
  CHECK(problems == Problems{});
  return config;
}

void CheckEqual(const Config& a, const Config& b) {
  CHECK(a.listen == b.listen);
  CHECK(a.tls_cert == b.tls_cert);
  CHECK(a.tls_key == b.tls_key);
  CHECK(a.tls_client_ca == b.tls_client_ca);
  CHECK(a.debug_mode == b.debug_mode);
  CHECK(a.shutdown_grace == b.shutdown_grace);
  CHECK(a.metrics_address == b.metrics_address);
  CHECK(a.page_address == b.page_address);
  CHECK(a.data_dir == b.data_dir);
  CHECK(a.cluster_path == b.cluster_path);
  CHECK(a.cluster_roots == b.cluster_roots);
  CHECK(a.warehouse_dir == b.warehouse_dir);
  CHECK(a.master_key == b.master_key);
  CHECK(a.far_end_dir == b.far_end_dir);
  CHECK(a.shared_warehouse == b.shared_warehouse);
  CHECK(a.s3_endpoint == b.s3_endpoint);
  CHECK(a.s3_region == b.s3_region);
  CHECK(a.s3_key_file == b.s3_key_file);
  CHECK(a.dsn == b.dsn);
  CHECK(a.pool_size == b.pool_size);
  CHECK(a.log_level == b.log_level);
  CHECK(a.log_json == b.log_json);
  CHECK(a.log_file == b.log_file);
  CHECK(a.sessions.idle == b.sessions.idle);
  CHECK(a.sessions.lifetime == b.sessions.lifetime);
  CHECK(a.sessions.per_user == b.sessions.per_user);
  CHECK(a.longest_token == b.longest_token);
  CHECK(a.lease == b.lease);
  CHECK(a.max_operations == b.max_operations);
  CHECK(a.max_steps == b.max_steps);
}

std::string DocumentedConfig() {
  std::ifstream in(DMGR_SOURCE_DIR "/deploy/dmgrd.toml");
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("an empty file means the defaults") {
  const Config config = Parse("");
  CHECK(config.listen == "127.0.0.1:9527");
  CHECK(config.debug_mode);
  CHECK(config.cluster_path == config.data_dir);
  CHECK(config.warehouse_dir == config.data_dir + "/warehouse");
  CHECK(config.master_key.empty());
  CHECK(config.DefaultKeyFile() == config.data_dir + "/master.key");
  CHECK(config.dsn.empty());
}

TEST_CASE("the documented file shows the defaults") {
  const std::string text = DocumentedConfig();
  REQUIRE(text.size() > 1000);
  CheckEqual(Parse(text), Parse(""));
}

struct Key {
  std::string section, line;
  std::function<bool(const Config&)> taken;
};

std::vector<Key> AllKeys() {
  return {
      {"server", R"(listen = "127.0.0.1:1")", [](auto& c) { return c.listen == "127.0.0.1:1"; }},
      {"server", "socket = \"/s\"", [](auto& c) { return c.socket == "/s"; }},
      {"server", "tls_cert = \"/c\"\ntls_key = \"/k\"",
       [](auto& c) { return c.tls_cert == "/c" && c.tls_key == "/k"; }},
      {"server", "tls_client_ca = \"/ca\"\ntls_cert = \"/c\"\ntls_key = \"/k\"",
       [](auto& c) { return c.tls_client_ca == "/ca"; }},
      {"server", "tls_key = \"/k\"\ntls_cert = \"/c\"",
       [](auto& c) { return c.tls_cert == "/c" && c.tls_key == "/k"; }},
      {"server", R"(mode = "release")", [](auto& c) { return !c.debug_mode; }},
      {"server", "shutdown_grace_seconds = 7",
       [](auto& c) { return c.shutdown_grace == absl::Seconds(7); }},
      {"server", R"(metrics_address = "127.0.0.1:9528")",
       [](auto& c) { return c.metrics_address == "127.0.0.1:9528"; }},
      {"server", R"(page_address = "127.0.0.1:9529")",
       [](auto& c) { return c.page_address == "127.0.0.1:9529"; }},
      {"paths", R"(data_dir = "/d")",
       [](auto& c) {
         return c.data_dir == "/d" && c.cluster_path == "/d" && c.warehouse_dir == "/d/warehouse" &&
                c.DefaultKeyFile() == "/d/master.key";
       }},
      {"paths", R"(cluster_path = "/c")", [](auto& c) { return c.cluster_path == "/c"; }},
      {"paths", R"(cluster_roots = ["/a", "/b"])",
       [](auto& c) {
         return c.cluster_roots == std::vector<std::string>{"/a", "/b", c.cluster_path};
       }},
      {"paths", R"(warehouse_dir = "/w")", [](auto& c) { return c.warehouse_dir == "/w"; }},
      {"paths", R"(master_key = "/k")", [](auto& c) { return c.master_key == "/k"; }},
      {"paths", R"(far_end_dir = "/f")", [](auto& c) { return c.far_end_dir == "/f"; }},
      {"warehouse", R"(shared = "file:///mnt/dmgr")",
       [](auto& c) { return c.shared_warehouse == "file:///mnt/dmgr"; }},
      {"warehouse", R"(s3_endpoint = "https://s3.example.com")",
       [](auto& c) { return c.s3_endpoint == "https://s3.example.com"; }},
      {"warehouse", R"(s3_region = "eu-west-1")",
       [](auto& c) { return c.s3_region == "eu-west-1"; }},
      {"warehouse", R"(s3_key_file = "/k")", [](auto& c) { return c.s3_key_file == "/k"; }},
      {"database", R"(dsn = "host=db")", [](auto& c) { return c.dsn == "host=db"; }},
      {"database", R"(transport = "any")", [](auto& c) { return c.insecure_dsn; }},
      {"database", "pool_size = 5", [](auto& c) { return c.pool_size == 5; }},
      {"log", R"(level = "warn")", [](auto& c) { return c.log_level == "warn"; }},
      {"log", R"(format = "json")", [](auto& c) { return c.log_json; }},
      {"log", R"(file = "/l")", [](auto& c) { return c.log_file == "/l"; }},
      {"auth", "session_idle_seconds = 60",
       [](auto& c) { return c.sessions.idle == absl::Minutes(1); }},
      {"auth", "session_seconds = 3600",
       [](auto& c) { return c.sessions.lifetime == absl::Hours(1); }},
      {"auth", "sessions_per_user = 1", [](auto& c) { return c.sessions.per_user == 1; }},
      {"auth", "token_days = 7", [](auto& c) { return c.longest_token == absl::Hours(7 * 24); }},
      {"engine", "lease_seconds = 5", [](auto& c) { return c.lease == absl::Seconds(5); }},
      {"engine", "max_operations = 1", [](auto& c) { return c.max_operations == 1; }},
      {"engine", "max_steps = 3", [](auto& c) { return c.max_steps == 3; }},
      {"history", "keep_days = 30", [](auto& c) { return c.keep_days == 30; }},
      {"limits", "memory_mib = 100", [](auto& c) { return c.limits.memory_mib == 100; }},
      {"limits", "threads = 20", [](auto& c) { return c.limits.threads == 20; }},
      {"limits", "pool_threads = 5", [](auto& c) { return c.pool_threads == 5; }},
      {"limits", "handshake_seconds = 3",
       [](auto& c) { return c.limits.handshake == absl::Seconds(3); }},
      {"limits", "keepalive_seconds = 7",
       [](auto& c) { return c.limits.keepalive == absl::Seconds(7); }},
      {"limits", "idle_seconds = 11", [](auto& c) { return c.limits.idle == absl::Seconds(11); }},
      {"limits", "streams_per_connection = 9",
       [](auto& c) { return c.limits.streams_per_connection == 9; }},
      {"limits", "metadata_kib = 5", [](auto& c) { return c.limits.metadata_kib == 5; }},
      {"limits", "message_kib = 4096", [](auto& c) { return c.limits.message_kib == 4096; }},
      {"limits", "calls_per_user = 3", [](auto& c) { return c.limits.calls_per_user == 3; }},
      {"limits", "streams_per_user = 3", [](auto& c) { return c.limits.streams_per_user == 3; }},
      {"limits", "uploads_per_user = 3", [](auto& c) { return c.limits.uploads_per_user == 3; }},
      {"limits", "unknown_per_address = 3",
       [](auto& c) { return c.limits.unknown_per_address == 3; }},
      {"limits", "upload_kib = 3", [](auto& c) { return c.limits.upload_kib == 3; }},
      {"limits", "upload_seconds = 3",
       [](auto& c) { return c.limits.upload_period == absl::Seconds(3); }},
      {"limits", "hash_slots = 3", [](auto& c) { return c.limits.hashing.slots == 3; }},
      {"limits", "hash_queue = 3", [](auto& c) { return c.limits.hashing.queue == 3; }},
      {"limits", "hash_wait_seconds = 3",
       [](auto& c) { return c.limits.hashing.wait == absl::Seconds(3); }},
      {"limits", "refusals_seconds = 3",
       [](auto& c) { return c.limits.refusals_period == absl::Seconds(3); }},
  };
}

std::string NameOf(const Key& key) { return key.line.substr(0, key.line.find(' ')); }

TEST_CASE("every key is taken") {
  for (const Key& key : AllKeys()) {
    CAPTURE(key.section, key.line);
    CHECK(key.taken(Parse("[" + key.section + "]\n" + key.line)));
    CHECK_FALSE(key.taken(Parse("")));
  }
}

TEST_CASE("every key is documented, and there is no other") {
  std::size_t documented = 0;
  std::string section;
  std::ifstream in(DMGR_SOURCE_DIR "/deploy/dmgrd.toml");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("[")) section = line.substr(1, line.find(']') - 1);
    if (line.empty() || line[0] == '#' || line[0] == '[') continue;
    ++documented;
    CAPTURE(section, line);
    bool known = false;
    for (const Key& key : AllKeys()) {
      known = known || (key.section == section && line.starts_with(NameOf(key) + " "));
    }
    CHECK(known);
  }
  CHECK(documented == AllKeys().size());
}

TEST_CASE("a value of the wrong type is refused with its line") {
  for (const Key& key : AllKeys()) {
    for (const std::string value : {"[1]", "true", "1.5", "1979-05-27"}) {
      CAPTURE(key.section, key.line, value);
      const Problems problems =
          ProblemsOf("\n[" + key.section + "]\n\n" + NameOf(key) + " = " + value);
      REQUIRE(problems.size() == 1);
      CHECK_THAT(problems[0],
                 Catch::StartsWith("dmgrd.toml:4: [" + key.section + "] " + NameOf(key) + " must"));
    }
  }
}

TEST_CASE("a bad value is refused") {
  struct Row {
    std::string section, line, problem;
  };
  for (const Row& row : std::vector<Row>{
           {"server", R"(mode = "fast")", R"([server] mode must be "debug" or "release")"},
           {"server", R"(mode = "")", "[server] mode must be"},
           {"server", R"(tls_cert = "/c")", "[server] tls_cert must go together with tls_key"},
           {"server", R"(tls_key = "/k")", "[server] tls_key must go together with tls_cert"},
           {"server", "shutdown_grace_seconds = -1", "must be a whole number from 0 to 600"},
           {"server", "shutdown_grace_seconds = 601", "must be a whole number from 0 to 600"},
           {"server", R"(shutdown_grace_seconds = "20")", "must be a whole number"},
           {"server", R"(listen = "")", "[server] listen must be"},
           {"server", R"(listen = "127.0.0.1")", "[server] listen must be"},
           {"server", R"(listen = "127.0.0.1:0")", "[server] listen must be"},
           {"server", R"(listen = "127.0.0.1:65536")", "[server] listen must be"},
           {"server", R"(listen = "127.0.0.1:abc")", "[server] listen must be"},
           {"server", R"(listen = "[::1]:0")", "[server] listen must be"},
           {"server", R"(metrics_address = "9528")", "[server] metrics_address must be"},
           {"server", R"(page_address = "9529")", "[server] page_address must be"},
           {"server", R"(metrics_address = "127.0.0.1:0")", "[server] metrics_address must be"},
           {"paths", R"(data_dir = "relative")", "[paths] data_dir must be an absolute path"},
           {"paths", R"(data_dir = "")", "[paths] data_dir must be an absolute path"},
           {"paths", R"(cluster_roots = "/a")", "[paths] cluster_roots must be a list"},
           {"paths", R"(cluster_roots = ["/a", "b"])", "[paths] cluster_roots must be a list"},
           {"paths", R"(master_key = "./k")", "[paths] master_key must be an absolute path"},
           {"log", R"(file = "dmgrd.log")", "[log] file must be an absolute path"},
           {"log", R"(level = "loud")", "[log] level must be"},
           {"log", R"(level = "")", "[log] level must be"},
           {"log", R"(format = "xml")", R"([log] format must be "json" or "text")"},
           {"database", "pool_size = 3", "must be a whole number from 4 to 200"},
           {"auth", "session_idle_seconds = 0", "must be a whole number from 60"},
           {"engine", "lease_seconds = 4", "must be a whole number from 5 to 300"},
           {"engine", "max_operations = 0", "must be a whole number from 1"},
           {"engine", "max_steps = 9223372036854775807", "must be a whole number from 1"}}) {
    CAPTURE(row.section, row.line);
    const Problems problems = ProblemsOf("[" + row.section + "]\n" + row.line);
    REQUIRE(problems.size() == 1);
    CHECK_THAT(problems[0], Catch::StartsWith("dmgrd.toml:2: "));
    CHECK_THAT(problems[0], Catch::Contains(row.problem));
  }
}

TEST_CASE("what dmgrd may listen on") {
  for (const std::string address : {"[::1]:9527", "localhost:65535", "0.0.0.0:1"}) {
    CHECK(Parse("[server]\nlisten = \"" + address + "\"").listen == address);
  }
}

TEST_CASE("unknown keys and tables are refused by name and line") {
  CHECK(ProblemsOf("[server]\nlisten_on = 1") ==
        Problems{"dmgrd.toml:2: [server] has no key listen_on"});
  CHECK(ProblemsOf("\n[servers]\n") == Problems{"dmgrd.toml:2: there is no [servers]"});
  CHECK(ProblemsOf("listen = \"127.0.0.1:1\"") == Problems{"dmgrd.toml:1: there is no [listen]"});
  CHECK(ProblemsOf("server = 1") == Problems{"dmgrd.toml:1: server must be a table"});
  CHECK(ProblemsOf("[server]\n[server.more]\n").size() == 1);
}

TEST_CASE("a file that is no TOML is refused with its line") {
  for (const std::string line :
       {"listen = ", "listen", "[log", "mode = \"debug\"\nmode = \"debug\"", "mode = debug",
        "mode = \"\xff\""}) {
    CAPTURE(line);
    const Problems problems = ProblemsOf("[server]\n" + line);
    REQUIRE(problems.size() == 1);
    CHECK_THAT(problems[0], Catch::Matches("dmgrd\\.toml:[23]: .+"));
  }
}

TEST_CASE("all problems are told at once") {
  const Problems problems = ProblemsOf(R"([server]
mode = "fast"
listenn = "x"
[database]
pool_size = 0
[log]
level = "loud"
[attic]
)",
                                       "quick");
  const auto has = [&](const std::string& start) {
    for (const auto& problem : problems) {
      if (problem.starts_with(start)) return true;
    }
    return false;
  };
  CHECK(has("dmgrd.toml:2: [server] mode"));
  CHECK(has("dmgrd.toml:3: [server] has no key listenn"));
  CHECK(has("dmgrd.toml:5: [database] pool_size"));
  CHECK(has("dmgrd.toml:7: [log] level"));
  CHECK(has("dmgrd.toml:8: there is no [attic]"));
  CHECK(has("the environment's DMGR_MODE"));
  CHECK(problems.size() == 6);
}

TEST_CASE("the environment's mode wins") {
  CHECK_FALSE(Parse("[server]\nmode = \"debug\"", "release").debug_mode);
  CHECK(Parse("[server]\nmode = \"release\"", "debug").debug_mode);
  CHECK(ProblemsOf("", "Debug") ==
        Problems{"the environment's DMGR_MODE must be debug or release"});
}

TEST_CASE("a key is found by its line, also when its value is refused") {
  Problems problems;
  const Config config = ParseConfig("[server]\n\nsocket = \"relative\"\n[log]\nlevel = \"warn\"\n",
                                    "dmgrd.toml", "", &problems);
  CHECK(problems.size() == 1);
  CHECK(config.PlaceOf("dmgrd.toml", "server.socket") == "dmgrd.toml:3: [server] socket");
  CHECK(config.PlaceOf("dmgrd.toml", "log.level") == "dmgrd.toml:5: [log] level");
  CHECK(config.PlaceOf("dmgrd.toml", "log.file") == "dmgrd.toml: [log] file");
  CHECK_FALSE(config.settings.at("server.socket").is_good);
  CHECK(config.settings.at("log.level").is_good);
}

TEST_CASE("what may change at run time is taken, the rest is named") {
  Config running = Parse("[log]\nlevel = \"warn\"\n[engine]\nmax_steps = 8\n");
  const Config next = Parse(
      "[log]\nlevel = \"debug\"\nformat = \"json\"\nfile = \"/x\"\n[limits]\ncalls_per_user = 3\n"
      "[engine]\nmax_steps = 8\n[server]\nshutdown_grace_seconds = 7\n[database]\npool_size = 5\n");
  const std::vector<std::string> taken = {"limits.calls_per_user", "log.format", "log.level",
                                          "server.shutdown_grace_seconds"};
  const std::vector<std::string> left = {"database.pool_size", "log.file"};
  const ConfigChanges changes = TakeChanges(next, &running);
  CHECK(changes.taken == taken);
  CHECK(changes.left == left);
  CHECK(running.log_level == "debug");
  CHECK(running.log_json);
  CHECK(running.log_file.empty());
  CHECK(running.limits.calls_per_user == 3);
  CHECK(running.shutdown_grace == absl::Seconds(7));
  CHECK(running.pool_size == 16);
  // What was left is left again, what was taken is in force.
  const ConfigChanges again = TakeChanges(next, &running);
  CHECK(again.taken.empty());
  CHECK(again.left == left);
}

TEST_CASE("a key that says what holds without it is no change") {
  Config running = Parse("");
  const ConfigChanges changes = TakeChanges(Parse(DocumentedConfig()), &running);
  CHECK(changes.taken.empty());
  CHECK(changes.left.empty());
}

}  // namespace
}  // namespace dmgr
