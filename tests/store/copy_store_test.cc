// Copies of what dm-masters keep: who looks, and which are kept.
#include "server/store/copy_store.h"

#include <catch2/catch.hpp>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"
#include "tests/store/samples.h"
#include "tests/support/postgres.h"

namespace dmgr::store {
namespace {

struct Copies {
  Copies() {
    InsertBasics(*db);
    const auto cluster = SampleCluster("c1", 8261);
    uuid = cluster.cluster.uuid;
    REQUIRE_OK(Do([&](Transaction& tx) { return InsertCluster(tx, cluster, {{"h1", "id-h1"}}); }));
  }
  absl::Status Do(const std::function<absl::Status(Transaction&)>& work) {
    return db->Transact(work);
  }
  std::int64_t Keep(const std::string& content, int sources = 1, absl::Time taken = absl::Now()) {
    std::int64_t id = 0;
    REQUIRE_OK(Do([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(id, KeepCopy(tx, {.cluster_uuid = uuid,
                                         .content_hash = content,
                                         .etcd_cluster_id = "1",
                                         .source_count = sources,
                                         .sealed_copy = "sealed " + content,
                                         .take_time = taken}));
      return absl::OkStatus();
    }));
    return id;
  }
  std::vector<std::string> All() {
    std::vector<std::string> contents;
    REQUIRE_OK(Do([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const auto copies, ListCopies(tx, uuid));
      for (const auto& copy : copies) contents.push_back(copy.content_hash);
      return absl::OkStatus();
    }));
    return contents;
  }
  // All are older by so much.
  void Age(const std::string& interval) {
    test::Sql(db.dsn(), "UPDATE cluster_copy SET take_time = take_time - interval '" + interval +
                            "', confirm_time = confirm_time - interval '" + interval + "'");
  }

  test::TestDatabase db;
  std::string uuid;
};

TEST_CASE("an equal copy is confirmed, another one is kept, newest first", "[store][copies]") {
  Copies copies;
  copies.Keep("a");
  copies.Keep("a");
  copies.Keep("b");
  copies.Keep("a");
  CHECK(copies.All() == std::vector<std::string>{"a", "b", "a"});
  REQUIRE_OK(copies.Do([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto list, ListCopies(tx, copies.uuid));
    CHECK(list[0].sealed_copy.empty());
    ASSIGN_OR_RETURN(const auto copy, GetCopy(tx, copies.uuid, list[1].copy_id));
    CHECK(copy.sealed_copy == "sealed b");
    CHECK(copy.take_time <= copy.confirm_time);
    CHECK(Reason(GetCopy(tx, copies.uuid, list[0].copy_id + 1).status()) == "COPY_NOT_FOUND");
    return absl::OkStatus();
  }));
}

TEST_CASE("whoever keeps a copy is told its number, whichever is the newest", "[store][copies]") {
  Copies copies;
  const auto first = copies.Keep("a");
  CHECK(copies.Keep("a") == first);
  // A number that a restore has reserved, and more.
  const auto later = first + 100;
  REQUIRE_OK(copies.Do([&](Transaction& tx) {
    return InsertCopy(tx, {.copy_id = later,
                           .cluster_uuid = copies.uuid,
                           .content_hash = "b",
                           .etcd_cluster_id = "0",
                           .sealed_copy = "sealed b"});
  }));
  const auto own = copies.Keep("a");
  CHECK(own != first);
  CHECK(own < later);
  REQUIRE_OK(copies.Do([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto copy, GetCopy(tx, copies.uuid, own));
    CHECK(copy.content_hash == "a");
    return absl::OkStatus();
  }));
}

TEST_CASE("a copy that came from elsewhere is the newest until it is dropped", "[store][copies]") {
  Copies copies;
  copies.Keep("a");
  std::int64_t id = 0;
  REQUIRE_OK(copies.Do([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(id, ReserveCopy(tx));
    return InsertCopy(tx, {.copy_id = id,
                           .cluster_uuid = copies.uuid,
                           .content_hash = "b",
                           .etcd_cluster_id = "0",
                           .source_count = 2,
                           .sealed_copy = "sealed b"});
  }));
  CHECK(copies.All() == std::vector<std::string>{"b", "a"});
  REQUIRE_OK(copies.Do([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto copy, GetCopy(tx, copies.uuid, id));
    CHECK(copy.source_count == 2);
    RETURN_IF_ERROR(DropCopy(tx, copies.uuid, id));
    return DropCopy(tx, copies.uuid, id);
  }));
  CHECK(copies.All() == std::vector<std::string>{"a"});
  copies.Keep("c");
  CHECK(copies.All() == std::vector<std::string>{"c", "a"});
}

TEST_CASE("old copies go, but for the last of each day, and the last that is not empty",
          "[store][copies]") {
  Copies copies;
  copies.Keep("full");
  copies.Age("40 days");
  for (int day = 0; day < 3; ++day) {
    for (int i = 0; i < 12; ++i) copies.Keep("empty " + std::to_string(day * 12 + i), 0);
    copies.Age("2 days");
  }
  copies.Keep("last", 0);
  const auto kept = copies.All();
  CHECK(kept.front() == "last");
  // The ten newest, the last of the two days before theirs, and the one with sources.
  CHECK(kept.size() == 13);
  CHECK(kept[10] == "empty 23");
  CHECK(kept[11] == "empty 11");
  CHECK(kept.back() == "full");
}

TEST_CASE("a copy is of the moment when it was asked for, whenever it is kept", "[store][copies]") {
  Copies copies;
  absl::Time asked;
  REQUIRE_OK(copies.Do([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(asked, ReadClock(tx));
    return absl::OkStatus();
  }));
  copies.Keep("a", 1, asked);
  copies.Keep("a", 1, asked - absl::Seconds(5));
  std::vector<CopyRecord> all;
  const auto list = [&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(all, ListCopies(tx, copies.uuid));
    return absl::OkStatus();
  };
  REQUIRE_OK(copies.Do(list));
  REQUIRE(all.size() == 1);
  CHECK(all[0].take_time == asked);
  CHECK(all[0].confirm_time == asked);
  copies.Keep("a", 1, asked + absl::Seconds(5));
  REQUIRE_OK(copies.Do(list));
  REQUIRE(all.size() == 1);
  CHECK(all[0].take_time == asked);
  CHECK(all[0].confirm_time == asked + absl::Seconds(5));
}

TEST_CASE("of several that look one does, at clusters that are up", "[store][copies]") {
  Copies copies;
  const auto claim = [&](absl::Duration period) {
    std::vector<std::string> names;
    REQUIRE_OK(copies.Do([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(names, ClaimCopyLooks(tx, period));
      return absl::OkStatus();
    }));
    return names;
  };
  REQUIRE_OK(copies.Do(
      [](Transaction& tx) { return SetClusterState(tx, "c1", v1::CLUSTER_STATE_OFFLINE); }));
  CHECK(claim(absl::ZeroDuration()).empty());
  REQUIRE_OK(
      copies.Do([](Transaction& tx) { return SetClusterState(tx, "c1", v1::CLUSTER_STATE_UP); }));
  CHECK(claim(absl::Hours(1)) == std::vector<std::string>{"c1"});
  CHECK(claim(absl::Hours(1)).empty());
  // Another one that has seen the same is late.
  CHECK(claim(absl::ZeroDuration()).empty());
  test::Sql(copies.db.dsn(),
            "UPDATE cluster_copy_look SET look_time = look_time - interval '1 min'");
  CHECK(claim(absl::Hours(1)).empty());
  CHECK(claim(absl::Seconds(1)) == std::vector<std::string>{"c1"});
  test::Sql(copies.db.dsn(),
            "UPDATE cluster_copy_look SET look_time = look_time - interval '1 min'");
  auto operation = SampleOperation("c1");
  operation.operation.set_cluster_uuid(copies.uuid);
  REQUIRE_OK(copies.Do(
      [&](Transaction& tx) { return InsertOperation(tx, operation, /*supersede=*/false); }));
  CHECK(claim(absl::Hours(1)).empty());
  test::Sql(copies.db.dsn(),
            "UPDATE operation SET state = 'SUCCEEDED', holds_cluster = false,"
            " end_time = clock_timestamp()");
  CHECK(claim(absl::Hours(1)) == std::vector<std::string>{"c1"});
}

}  // namespace
}  // namespace dmgr::store
