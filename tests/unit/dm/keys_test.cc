#include "server/dm/keys.h"

#include <catch2/catch.hpp>

#include "common/error.h"
#include "common/steady_time.h"
#include "tests/unit/dm/fake_masters.h"

namespace dmgr::dm {
namespace {

KeysCopy CopyOf(const std::vector<std::pair<std::string, std::string>>& keys) {
  KeysCopy copy;
  for (const auto& [key, value] : keys) {
    Key* added = copy.add_keys();
    added->set_key(key);
    added->set_value(value);
  }
  return copy;
}

Within Briefly() { return {SteadyNow() + absl::Seconds(20), {}}; }

TEST_CASE("names in keys are hex, a part for each") {
  const std::string key = KeyOf(keys::kSubTask, {"s1", "a/b"});
  CHECK(key == "/dm-master/upstream/subtask/7331/612f62");
  CHECK(NamesIn(key, keys::kSubTask) == std::vector<std::string>{"s1", "a/b"});
  CHECK(KeyOf(keys::kSource, {"mysql1"}) == "/dm-master/v2/upstream/config/6d7973716c31");
  CHECK_FALSE(NamesIn(key, keys::kSource).has_value());
  CHECK_FALSE(NamesIn(std::string(keys::kSource), keys::kSource).has_value());
  CHECK_FALSE(NamesIn(std::string(keys::kSource) + "zz", keys::kSource).has_value());
  CHECK_FALSE(NamesIn(std::string(keys::kSource) + "731", keys::kSource).has_value());
}

TEST_CASE("a copy's hash is of its keys and values alone") {
  KeysCopy one = CopyOf({{"a", "1"}, {"b", "2"}});
  KeysCopy two = one;
  two.set_revision(7);
  two.set_etcd_cluster_id(9);
  CHECK(ContentHash(one) == ContentHash(two));
  CHECK(ContentHash(one).size() == 64);
  CHECK(ContentHash(one) != ContentHash(CopyOf({{"a", "1"}, {"b", "3"}})));
  // What runs together is not the same.
  CHECK(ContentHash(CopyOf({{"ab", "c"}})) != ContentHash(CopyOf({{"a", "bc"}})));
  CHECK(ContentHash(CopyOf({{"a", ""}, {"b", ""}})) != ContentHash(CopyOf({{"a", "b"}})));
}

TEST_CASE("two copies are compared key by key") {
  const KeysCopy before = CopyOf({{"a", "1"}, {"b", "2"}, {"d", "4"}});
  const KeysCopy after = CopyOf({{"b", "3"}, {"c", "0"}, {"d", "4"}, {"e", "5"}});
  const KeysDifference difference = Compare(before, after);
  CHECK(difference.only_before == std::vector<std::string>{"a"});
  CHECK(difference.only_after == std::vector<std::string>{"c", "e"});
  CHECK(difference.changed == std::vector<std::string>{"b"});
  CHECK_FALSE(difference.empty());
  CHECK(Compare(before, before).empty());
  CHECK(Compare({}, before).only_after.size() == 3);
  CHECK(Compare(before, {}).only_before.size() == 3);
}

// One key a page, below the prefix of sources only; revision 0 is `revision`.
FakeAnswer PagesOfSources(std::int64_t revision, std::uint64_t cluster_id) {
  return [revision, cluster_id](const auto& message, auto* answer) {
    const auto& request = dynamic_cast<const etcdserverpb::RangeRequest&>(message);
    auto* response = dynamic_cast<etcdserverpb::RangeResponse*>(answer);
    response->mutable_header()->set_revision(revision + 5);
    response->mutable_header()->set_cluster_id(cluster_id);
    if (request.revision() == 0) response->mutable_header()->set_revision(revision);
    for (const char* name : {"s1", "s2", "s3"}) {
      const std::string key = KeyOf(keys::kSource, {name});
      if (key < request.key() || key >= request.range_end()) continue;
      auto* kv = response->add_kvs();
      kv->set_key(key);
      kv->set_value(name);
      kv->set_lease(std::string(name) == "s2" ? 77 : 0);
      response->set_more(std::string(name) != "s3");
      break;
    }
    return grpc::Status::OK;
  };
}

TEST_CASE("a copy is of the revision of its first answer, by pages, without leases") {
  FakeMasters etcd;
  etcd.On("Range", PagesOfSources(40, 3));
  const auto copy = KeyStore({etcd.Address()}).Copy(Briefly());
  REQUIRE(copy.ok());
  CHECK(copy->revision() == 40);
  CHECK(copy->etcd_cluster_id() == 3);
  REQUIRE(copy->keys_size() == 2);
  CHECK(copy->keys(0).value() == "s1");
  CHECK(copy->keys(1).value() == "s3");
  const std::vector<std::string> calls = etcd.Calls();
  CHECK(calls.front().find("revision") == std::string::npos);
  for (std::size_t i = 1; i < calls.size(); ++i) {
    CHECK(calls[i].find("revision: 40") != std::string::npos);
    CHECK(calls[i].find("limit: 1000") != std::string::npos);
  }
}

TEST_CASE("a copy begins anew when its revision was compacted, and not for ever") {
  FakeMasters etcd;
  const auto whole = PagesOfSources(40, 3);
  std::atomic<int> compacted = 1;
  etcd.On("Range", [&](const auto& request, auto* answer) {
    const bool later = dynamic_cast<const etcdserverpb::RangeRequest&>(request).revision() != 0;
    if (later && compacted-- > 0) {
      return grpc::Status(grpc::StatusCode::OUT_OF_RANGE,
                          "etcdserver: mvcc: required revision has been compacted");
    }
    return whole(request, answer);
  });
  KeyStore store({etcd.Address()});
  CHECK(store.Copy(Briefly()).ok());
  compacted = 1000;
  const absl::Status status = store.Copy(Briefly()).status();
  CHECK(Reason(status) == "DM_KEYS_REFUSED");
  CHECK(Message(status).find("has been compacted") != std::string_view::npos);
}

TEST_CASE("keys of two clusters never become one copy") {
  FakeMasters etcd;
  std::atomic<std::uint64_t> cluster = 1;
  etcd.On("Range", [&](const auto& request, auto* answer) {
    return PagesOfSources(40, cluster++)(request, answer);
  });
  const absl::Status status = KeyStore({etcd.Address()}).Copy(Briefly()).status();
  CHECK(Reason(status) == "DM_KEYS_REFUSED");
  CHECK(Message(status).find("two clusters") != std::string_view::npos);
}

TEST_CASE("only keys that copies have are put back, at most 128 at a time") {
  FakeMasters etcd;
  KeysCopy copy;
  for (int i = 0; i < 300; ++i) {
    Key* key = copy.add_keys();
    key->set_key(KeyOf(keys::kSource, {"s" + std::to_string(i)}));
    key->set_value("v");
  }
  KeyStore store({etcd.Address()});
  REQUIRE(store.PutBack(copy, Briefly()).ok());
  CHECK(etcd.Calls().size() == 3);
  copy.add_keys()->set_key("/dm-master/leader/1");
  const absl::Status status = store.PutBack(copy, Briefly());
  CHECK(Reason(status) == "DM_KEY_NOT_COPIED");
  CHECK(etcd.Calls().size() == 3);
  CHECK(store.PutBack({}, Briefly()).ok());
}

TEST_CASE("what etcd refuses says from which key on, and no value") {
  FakeMasters etcd;
  etcd.On("Txn", [](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: request is too large");
  });
  const KeysCopy copy = CopyOf({{KeyOf(keys::kSource, {"s1"}), "s3cret"}});
  const absl::Status status = KeyStore({etcd.Address()}).PutBack(copy, Briefly());
  CHECK(Reason(status) == "DM_KEYS_REFUSED");
  INFO(Message(status));
  CHECK(Message(status).find(KeyOf(keys::kSource, {"s1"})) != std::string_view::npos);
  CHECK(Message(status).find("request is too large") != std::string_view::npos);
  CHECK(status.ToString().find("s3cret") == std::string::npos);
}

}  // namespace
}  // namespace dmgr::dm
