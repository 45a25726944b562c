#include "tests/migrations/etcd.h"

#include <fmt/format.h>
#include <malloc.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/dm/keys.h"
#include "tests/rpc/certificates.h"
#include "tests/support/files.h"

namespace dmgr::dm {
namespace {

using testing::Etcd;

Within Minute() { return {SteadyNow() + absl::Minutes(1), {}}; }

void Add(KeysCopy* copy, const std::string& key, const std::string& value) {
  Key* added = copy->add_keys();
  added->set_key(key);
  added->set_value(value);
}

// What a DM cluster keeps of so many subtasks, of ten sources.
KeysCopy Subtasks(int count) {
  KeysCopy copy;
  const std::string rules(2200, 'r');
  for (int i = 0; i < count; ++i) {
    const std::vector<std::string> names = {fmt::format("source-{}", i % 10),
                                            fmt::format("task-{:05}", i)};
    Add(&copy, KeyOf(keys::kSubTask, names),
        fmt::format("name = \"{}\"\n[to]\npassword = \"s3cret\"\nrules = \"{}\"\n", names[1],
                    rules));
    Add(&copy, KeyOf(keys::kSubTaskStage, names), R"({"expect":2,"source":"s","task":"t"})");
  }
  for (int i = 0; i < 10; ++i) {
    Add(&copy, KeyOf(keys::kSource, {fmt::format("source-{}", i)}), "user = \"dm\"\n");
  }
  Add(&copy, "/dm-cluster/version", R"({"internal-no":5,"release-version":"v7.5.1"})");
  return copy;
}

// A line of /proc/self/status, in KiB.
long StatusKib(const std::string& name) {
  std::istringstream lines(testing::Contents("/proc/self/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  }
  throw std::runtime_error("no " + name);
}

TEST_CASE("a cluster's keys are copied, and put back into an etcd that knows nothing") {
  Etcd lost;
  KeyStore before({lost.address()});
  REQUIRE(before.PutBack(Subtasks(10'000), Minute()).ok());

  // What was freed counts no more.
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
  const long resident = StatusKib("VmRSS");
  const absl::Time began = SteadyNow();
  const auto copy = before.Copy(Minute());
  const absl::Duration took = SteadyNow() - began;
  const long peak = StatusKib("VmHWM") - resident;
  REQUIRE(copy.ok());
  WARN(fmt::format("10,000 subtasks: {} ms, {} MiB", absl::ToInt64Milliseconds(took), peak / 1024));
  CHECK(took < absl::Seconds(2));
  CHECK(peak < 102'400);
  CHECK(copy->keys_size() == 20'011);
  CHECK(copy->revision() > 0);
  CHECK(std::is_sorted(copy->keys().begin(), copy->keys().end(),
                       [](const Key& a, const Key& b) { return a.key() < b.key(); }));

  KeysCopy kept;
  REQUIRE(kept.ParseFromString(copy->SerializeAsString()));
  Etcd made;
  KeyStore after({made.address()});
  const absl::Time put = SteadyNow();
  REQUIRE(after.PutBack(kept, Minute()).ok());
  WARN(fmt::format("put back: {} ms", absl::ToInt64Milliseconds(SteadyNow() - put)));
  const auto again = after.Copy(Minute());
  REQUIRE(again.ok());
  CHECK(Compare(*copy, *again).empty());
  CHECK(ContentHash(*copy) == ContentHash(*again));
  CHECK(copy->etcd_cluster_id() != 0);
}

TEST_CASE("what processes register anew is no part of a copy") {
  Etcd etcd;
  const auto granted = nlohmann::json::parse(etcd.Post("/v3/lease/grant", R"({"TTL":600})"));
  const long lease = std::stol(granted.at("ID").get<std::string>());
  etcd.Put("/dm-master/leader/1", "m1", lease);
  etcd.Put("/dm-worker/r/7731", "{}");
  etcd.Put("/dm-worker/a/7731", "now", lease);
  etcd.Put("/dm-master/bound-worker/7731", "{}");
  etcd.Put("/dm-master/load-task/74/73", "w1", lease);
  const std::vector<std::string> wanted = {
      "/dm-cluster/version",
      "/dm-master/last-bound-worker/7331",
      "/dm-master/load-task/74/7332",
      "/dm-master/openapi-task-template/74",
      "/dm-master/relay-worker/7731",
      "/dm-master/shardddl-optimism/dropped-columns/74",
      "/dm-master/shardddl-optimism/info/74/73",
      "/dm-master/shardddl-optimism/operation/74/73",
      "/dm-master/shardddl-optimism/source-tables/74/73",
      "/dm-master/shardddl-pessimism/info/74/73",
      "/dm-master/shardddl-pessimism/operation/74/73",
      "/dm-master/stage/subtask/7331/74",
      "/dm-master/stage/validator/7331/74",
      "/dm-master/task-cli-args/74/7331",
      "/dm-master/upstream/subtask/7331/74",
      "/dm-master/v2/stage/relay/7331",
      "/dm-master/v2/upstream/config/7331",
  };
  for (const std::string& key : wanted) etcd.Put(key, "of " + key);
  const auto copy = KeyStore({etcd.address()}).Copy(Minute());
  REQUIRE(copy.ok());
  std::vector<std::string> found;
  for (const Key& key : copy->keys()) {
    found.push_back(key.key());
    CHECK(key.value() == "of " + key.key());
  }
  CHECK(found == wanted);
}

TEST_CASE("a copy is of one moment while DM goes on") {
  Etcd etcd;
  std::atomic<bool> ending = false;
  std::atomic<int> written = 0;
  std::thread writer([&] {
    KeyStore store({etcd.address()});
    while (!ending) {
      // One transaction, in two prefixes that a copy reads one after the other.
      KeysCopy pair;
      const std::string value = std::to_string(written);
      Add(&pair, KeyOf(keys::kSubTaskStage, {"s1", "t1"}), value);
      Add(&pair, KeyOf(keys::kSource, {"s1"}), value);
      if (!store.PutBack(pair, Minute()).ok()) return;
      ++written;
    }
  });
  KeyStore store({etcd.address()});
  std::set<std::string> seen;
  const absl::Time end = SteadyNow() + absl::Seconds(30);
  while (seen.size() < 10 && SteadyNow() < end) {
    const auto copy = store.Copy(Minute());
    if (!copy.ok()) break;
    if (copy->keys().empty()) continue;
    if (copy->keys_size() != 2 || copy->keys(0).value() != copy->keys(1).value()) break;
    seen.insert(copy->keys(0).value());
  }
  ending = true;
  writer.join();
  CHECK(seen.size() == 10);
}

TEST_CASE("large values come in smaller pages, and go back in several transactions") {
  Etcd etcd;
  KeysCopy large;
  for (int i = 0; i < 24; ++i) {
    Add(&large, KeyOf(keys::kSource, {fmt::format("s{:02}", i)}), std::string(1'200'000, 'x'));
  }
  KeyStore store({etcd.address()});
  const absl::Status put = store.PutBack(large, Minute());
  INFO(put.ToString());
  REQUIRE(put.ok());
  const auto copy = store.Copy(Minute());
  INFO(copy.status().ToString());
  REQUIRE(copy.ok());
  CHECK(ContentHash(*copy) == ContentHash(large));
  KeysCopy too_large;
  Add(&too_large, KeyOf(keys::kSource, {"big"}), std::string(1'700'000, 'x'));
  const absl::Status refused = store.PutBack(too_large, Minute());
  CHECK(Reason(refused) == "DM_KEYS_REFUSED");
  CHECK(Message(refused).find("too large") != std::string_view::npos);
}

TEST_CASE("where the cluster has TLS keys are copied with its certificates only") {
  const test::TempDir dir;
  testing::MakeCertificate(dir, "dm", "IP:127.0.0.1");
  testing::MakeSigned(dir, "client", {.authority = "dm", .subject = "/CN=dmgr"});
  testing::MakeAuthority(dir, "other");
  Etcd etcd({dir / "dm.pem", dir / "dm.key", dir / "dm-ca.pem"});
  const TlsMaterial tls = {testing::Contents(dir / "dm-ca.pem"),
                           testing::Contents(dir / "client.pem"),
                           testing::Contents(dir / "client.key")};
  KeyStore store({etcd.address()}, tls);
  REQUIRE(store.PutBack(Subtasks(10), Minute()).ok());
  const auto copy = store.Copy(Minute());
  REQUIRE(copy.ok());
  CHECK(copy->keys_size() == 31);
  const Within soon = {SteadyNow() + absl::Seconds(5), {}};
  CHECK(absl::IsUnavailable(KeyStore({etcd.address()}).Copy(soon).status()));
  CHECK(absl::IsUnavailable(KeyStore({etcd.address()}, {.ca = tls.ca}).Copy(soon).status()));
  TlsMaterial stranger = tls;
  stranger.ca = testing::Contents(dir / "other-ca.pem");
  CHECK(absl::IsUnavailable(KeyStore({etcd.address()}, stranger).Copy(soon).status()));
}

}  // namespace
}  // namespace dmgr::dm
