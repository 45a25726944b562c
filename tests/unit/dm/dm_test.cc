#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/dm/client.h"
#include "server/dm/http.h"
#include "tests/unit/dm/fake_http.h"

namespace dmgr::dm {
namespace {

const std::string kGetMembers = "GET /apis/v1alpha1/members";

// As a leader of DM v7.5 writes it.
std::string MembersJson(const std::string& leader_addr) {
  return fmt::format(R"({{
  "result": true,
  "msg": "",
  "members": [
    {{
      "leader": {{
        "msg": "",
        "name": "m1",
        "addr": "{}"
      }}
    }},
    {{
      "master": {{
        "msg": "",
        "masters": [
          {{
            "name": "m1",
            "memberID": "17523412345678901234",
            "alive": true,
            "peerURLs": [
              "http://10.0.0.1:8291"
            ],
            "clientURLs": [
              "http://10.0.0.1:8261"
            ]
          }},
          {{
            "name": "",
            "memberID": "2",
            "alive": false,
            "peerURLs": [
              "http://10.0.0.2:8291"
            ],
            "clientURLs": [
            ]
          }}
        ]
      }}
    }},
    {{
      "worker": {{
        "msg": "",
        "workers": [
          {{
            "name": "w1",
            "addr": "10.0.0.1:8262",
            "stage": "bound",
            "source": "src-1"
          }},
          {{
            "name": "w2",
            "addr": "10.0.0.2:8262",
            "stage": "offline",
            "source": ""
          }}
        ]
      }}
    }}
  ]
}})",
                     leader_addr);
}

const std::string kUnhealthy = R"({"result":false,"msg":"etcdserver: unhealthy cluster"})";
const std::string kNoQuorum = R"({"result":false,"msg":"context deadline exceeded"})";
const std::string kNotLeader =
    R"({"code":2,"message":"[code=38043:class=dm-master:scope=internal:level=high], Message: )"
    R"(master is not leader, and can't forward request to leader","details":[]})";

TEST_CASE("the member list is read whole") {
  FakeServer server;
  server.On(kGetMembers, {200, MembersJson("10.0.0.1:8261"), "", false, false});
  Client client({server.address()});
  const auto members = client.GetMembers(In(5));
  REQUIRE(members.ok());
  CHECK(members->leader_name == "m1");
  CHECK(members->leader_addr == "10.0.0.1:8261");
  REQUIRE(members->masters.size() == 2);
  CHECK(members->masters[0].member_id == "17523412345678901234");
  CHECK(members->masters[0].alive);
  CHECK(members->masters[0].peer_urls == std::vector<std::string>{"http://10.0.0.1:8291"});
  CHECK(members->masters[0].client_urls == std::vector<std::string>{"http://10.0.0.1:8261"});
  REQUIRE(members->FindMaster("") != nullptr);
  CHECK_FALSE(members->FindMaster("")->alive);
  REQUIRE(members->FindWorker("w1") != nullptr);
  CHECK(members->FindWorker("w1")->addr == "10.0.0.1:8262");
  CHECK(members->FindWorker("w1")->stage == "bound");
  CHECK(members->FindWorker("w1")->source == "src-1");
  CHECK(members->FindWorker("w2")->source.empty());
  CHECK(members->FindWorker("w3") == nullptr);
}

TEST_CASE("no leader is an answer") {
  FakeServer server;
  server.On(kGetMembers, {200,
                          R"({"result":true,"msg":"","members":[
                             {"leader":{"msg":"election: no leader","name":"","addr":""}},
                             {"master":{"msg":"","masters":[{"name":"m1","memberID":1}]}},
                             {"worker":{"msg":"","workers":null}}]})",
                          "", false, false});
  const auto members = Client({server.address()}).GetMembers(In(5));
  REQUIRE(members.ok());
  CHECK(members->leader_name.empty());
  CHECK(members->masters.at(0).member_id == "1");
  CHECK(members->workers.empty());
}

TEST_CASE("answers that are no member list") {
  struct Row {
    int status;
    std::string body;
    std::string text;
    std::string reason;
  };
  const std::string list = R"({"result":true,"msg":"","members":)";
  const Row rows[] = {
      {200, "", "not JSON", "DM_UNREADABLE"},
      {200, "<html>login</html>", "<html>login", "DM_UNREADABLE"},
      {200, "[1,2", "not JSON", "DM_UNREADABLE"},
      {200, "[]", "HTTP status 200", "DM_NO_MEMBER_LIST"},
      {200, "{}", "HTTP status 200", "DM_NO_MEMBER_LIST"},
      {200, "null", "HTTP status 200", "DM_NO_MEMBER_LIST"},
      {200, R"({"result":"yes"})", "type must be boolean", "DM_UNREADABLE"},
      {200, list + "[]}", "not a whole member list", "DM_UNREADABLE"},
      {200, list + "7}", "members is not a list", "DM_UNREADABLE"},
      {200, list + "[7,null,\"x\"]}", "not a whole member list", "DM_UNREADABLE"},
      {200, list + R"([{"master":{"masters":7}}]})", "masters is not a list", "DM_UNREADABLE"},
      {200, list + R"([{"master":{"masters":[{"name":7}]}}]})", "type must be string",
       "DM_UNREADABLE"},
      {200, list + R"([{"master":{"msg":"etcd is slow","masters":[]}},{"worker":{}}]})",
       "cannot list its masters: etcd is slow", "DM_UNREADABLE"},
      {200, std::string(100000, '['), "not JSON", "DM_UNREADABLE"},
      {200, std::string(100000, '[') + std::string(100000, ']'), "HTTP status 200", ""},
      {200, "\xff\xfe{\"a\":1}", "not JSON", "DM_UNREADABLE"},
      {200, kNoQuorum, "context deadline exceeded", "DM_NO_MEMBER_LIST"},
      {500, kNotLeader, "code=38043", "DM_NO_MEMBER_LIST"},
      {501, R"({"code":12,"message":"Not Implemented","details":[]})", "Not Implemented",
       "DM_NO_MEMBER_LIST"},
      {404, "404 page not found\n", "HTTP status 404", "DM_UNREADABLE"},
      {302, "", "HTTP status 302", "DM_UNREADABLE"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status, row.body.substr(0, 100));
    FakeServer server;
    server.On(kGetMembers,
              {row.status, row.body, "Location: /apis/v1alpha1/members\r\n", false, false});
    const auto members = Client({server.address()}).GetMembers(In(5));
    CHECK(members.status().code() == absl::StatusCode::kUnavailable);
    CHECK_THAT(std::string(Message(members.status())),
               Catch::Contains(row.text) && Catch::Contains(server.address()));
    if (!row.reason.empty()) CHECK(Reason(members.status()) == row.reason);
    CHECK(server.Asked().size() == 1);
  }
}

TEST_CASE("each master gets its share of the time") {
  FakeServer first;
  FakeServer second;
  FakeServer third;
  first.On(kGetMembers, {200, "", "", true, false});
  second.On(kGetMembers, {200, "", "", true, false});
  third.On(kGetMembers, {200, MembersJson("elsewhere:1"), "", false, false});
  Client client({first.address(), second.address(), third.address()});
  CHECK(client.GetMembers(In(1.5)).ok());
  // The one that answered is asked first from now on.
  first.Asked();
  CHECK(client.GetMembers(In(5)).ok());
  CHECK(first.Asked().empty());

  third.On(kGetMembers, {200, "", "", true, false});
  const absl::Time start = absl::Now();
  const auto none = client.GetMembers(In(0.9));
  CHECK(absl::Now() - start < absl::Seconds(3));
  CHECK(none.status().code() == absl::StatusCode::kUnavailable);
  CHECK(Reason(none.status()) == "DM_UNAVAILABLE");
  for (const FakeServer* server : {&first, &second, &third}) {
    CHECK_THAT(std::string(Message(none.status())), Catch::Contains(server->address()));
  }
  CHECK_FALSE(Metadata(none.status(), "remedy").empty());
}

TEST_CASE("the leader is asked first, and others when it is gone") {
  FakeServer follower;
  FakeServer leader;
  follower.On(kGetMembers, {200, MembersJson(leader.address()), "", false, false});
  leader.On(kGetMembers, {200, MembersJson(leader.address()), "", false, false});
  Client client({follower.address(), leader.address()});
  for (int i = 0; i < 4; ++i) CHECK(client.GetMembers(In(5)).ok());
  CHECK(follower.Asked().size() == 1);
  CHECK(leader.Asked().size() == 3);
  CHECK(leader.connections() == 1);
  leader.Stop();
  CHECK(client.GetMembers(In(5)).ok());
  CHECK(follower.Asked().size() == 1);
  follower.Stop();
  const auto none = client.GetMembers(In(5));
  CHECK_THAT(std::string(Message(none.status())), Catch::Contains(leader.address()) &&
                                                      Catch::Contains(follower.address()) &&
                                                      Catch::Contains("connect"));
  CHECK(Client({}).GetMembers(In(5)).status().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a connection that was closed meanwhile is opened again") {
  FakeServer server;
  server.On(kGetMembers, {200, MembersJson("m:1"), "", false, true});
  Client client({server.address()});
  for (int i = 0; i < 3; ++i) CHECK(client.GetMembers(In(5)).ok());
  CHECK(server.connections() == 3);
}

TEST_CASE("a call can be cancelled") {
  FakeServer server;
  server.On(kGetMembers, {200, "", "", true, false});
  Client client({server.address(), server.address()});
  const absl::Time start = absl::Now();
  int asked = 0;
  const auto members = client.GetMembers(In(60), [&asked] { return ++asked > 1; });
  CHECK(members.status().code() == absl::StatusCode::kCancelled);
  CHECK(absl::Now() - start < absl::Seconds(10));
  CHECK(client.DeleteWorker("w", In(60), [] { return true; }).code() ==
        absl::StatusCode::kCancelled);
}

TEST_CASE("what DM answers to a removal") {
  struct Row {
    int status;
    std::string body;
    absl::StatusCode code;
    std::string reason;
    bool next;  // Another master is asked as well.
  };
  using Code = absl::StatusCode;
  const Row rows[] = {
      {200, R"({"result":true,"msg":""})", Code::kOk, "", false},
      {200,
       R"({"result":false,"msg":"[code=46004:class=scheduler:scope=internal:level=medium], )"
       R"(Message: dm-worker with name w not exists"})",
       Code::kOk, "", false},
      {200,
       R"({"result":false,"msg":"[code=38048:class=dm-master:scope=internal:level=low], Message: )"
       R"(dm-master with name w not exists, Workaround: Please use list-member command to see )"
       R"(masters."})",
       Code::kOk, "", false},
      {200,
       R"({"result":false,"msg":"[code=46005:class=scheduler:scope=internal:level=medium], )"
       R"(Message: dm-worker with name W is still online, Workaround: Please shut it down first."})",
       Code::kFailedPrecondition, "DM_STILL_ONLINE", false},
      {200,
       R"({"result":false,"msg":"etcdserver: re-configuration failed due to not enough started )"
       R"(members"})",
       Code::kFailedPrecondition, "DM_NOT_ENOUGH_MEMBERS", false},
      {200,
       R"({"result":false,"msg":"[code=38049:class=dm-master:scope=internal:level=low], Message: )"
       R"(offline member type foo is invalid, Workaround: Please use master/worker."})",
       Code::kFailedPrecondition, "DM_REFUSED", false},
      {200, kUnhealthy, Code::kUnavailable, "DM_UNHEALTHY", false},
      {200, kNoQuorum, Code::kUnavailable, "DM_NO_QUORUM", false},
      {200, R"({"result":false,"msg":"[code=46001:class=scheduler], Message: not started"})",
       Code::kUnavailable, "DM_BUSY", false},
      {500, kNotLeader, Code::kUnavailable, "DM_NO_LEADER", true},
      {503, R"({"code":14,"message":"transport is closing","details":[]})", Code::kUnavailable,
       "DM_GATEWAY", true},
      {400, R"({"code":3,"message":"type mismatch, parameter: op, error: evict is not valid"})",
       Code::kFailedPrecondition, "DM_REFUSED", false},
      {404, "404 page not found\n", Code::kUnavailable, "DM_UNREADABLE", true},
      {200, "{}", Code::kUnavailable, "DM_UNREADABLE", true},
      {200, R"({"result":false,"msg":7})", Code::kUnavailable, "DM_UNREADABLE", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status, row.body);
    FakeServer first;
    FakeServer second;
    const std::string request = "DELETE /apis/v1alpha1/members/worker/w%2F1";
    for (FakeServer* server : {&first, &second}) {
      server->On(request, {row.status, row.body, "", false, false});
    }
    const absl::Status status =
        Client({first.address(), second.address()}).DeleteWorker("w/1", In(5));
    CHECK(status.code() == row.code);
    CHECK(Reason(status) == row.reason);
    CHECK(first.Asked() == std::vector<std::string>{request});
    CHECK(second.Asked().size() == (row.next ? 1 : 0));
    if (!status.ok()) {
      CHECK_THAT(std::string(Message(status)),
                 Catch::Contains(first.address()) && Catch::Contains("w/1"));
    }
  }
}

TEST_CASE("a master without a name can be removed") {
  FakeServer server;
  server.On("DELETE /apis/v1alpha1/members/master/",
            {200, R"({"result":true,"msg":""})", "", false, false});
  CHECK(Client({server.address()}).DeleteMaster("", In(5)).ok());
  CHECK(Client({server.address()}).DeleteWorker("", In(5)).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(server.Asked().size() == 1);
}

TEST_CASE("eviction goes to one master only") {
  FakeServer other;
  FakeServer master;
  const std::string evict = "PUT /apis/v1alpha1/leader/1";
  const std::string cancel = "PUT /apis/v1alpha1/leader/2";
  for (const std::string& request : {evict, cancel}) {
    master.On(request, {200, R"({"result":true,"msg":""})", "", false, false});
  }
  Client client({other.address(), master.address()});
  CHECK(client.EvictLeader(master.address(), In(5)).ok());
  CHECK(client.CancelEvict(master.address(), In(5)).ok());
  CHECK(master.Asked() == std::vector<std::string>{evict + " {}", cancel + " {}"});
  CHECK(other.Asked().empty());

  master.On(evict, {200, kUnhealthy, "", false, false});
  const absl::Status refused = client.EvictLeader(master.address(), In(5));
  CHECK(Reason(refused) == "DM_UNHEALTHY");
  CHECK_THAT(std::string(Message(refused)), Catch::Contains(master.address()));
  CHECK(client.EvictLeader("no port", In(5)).code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("status page and start time") {
  FakeServer server;
  server.On("GET /status", {200,
                            "Release Version: v7.5.2\nGit Commit Hash: abc\nGit Branch: HEAD\n"
                            "UTC Build Time: 2024-06-14\nGo Version: go1.21\nFailpoint Build: no\n",
                            "", false, false});
  server.On("GET /metrics", {200,
                             "# TYPE process_start_time_seconds gauge\n"
                             "process_start_time_seconds 1.7e+09\nx 1\n",
                             "", false, false});
  const auto version = ProbeStatus(server.address(), In(5));
  REQUIRE(version.ok());
  CHECK(*version == "v7.5.2");
  const auto time = ProcessStartTime(server.address(), In(5));
  REQUIRE(time.ok());
  CHECK(absl::ToUnixSeconds(*time) == 1700000000);

  for (const char* body : {"", "Release Version:\n", "<html>"}) {
    server.On("GET /status", {200, body, "", false, false});
    const auto bad = ProbeStatus(server.address(), In(5));
    CHECK(bad.status().code() == absl::StatusCode::kUnavailable);
    CHECK_THAT(std::string(Message(bad.status())), Catch::Contains(server.address()));
  }
  for (const char* body : {"", "process_start_time_seconds x\n", "process_start_time_seconds nan\n",
                           "process_start_time_seconds -1\n", "process_start_time_seconds "}) {
    server.On("GET /metrics", {200, body, "", false, false});
    CHECK_FALSE(ProcessStartTime(server.address(), In(5)).ok());
  }
}

}  // namespace
}  // namespace dmgr::dm
