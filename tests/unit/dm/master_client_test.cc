#include "server/dm/master_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "common/error.h"
#include "common/steady_time.h"
#include "tests/unit/dm/fake_masters.h"

namespace dmgr::dm {
namespace {

const std::string kExists =
    "[code=46007:class=scheduler:scope=internal:level=medium], Message: source config with ID s1 "
    "already exists, Workaround: Please use another source ID.";

Within For(absl::Duration duration, Cancelled cancelled = {}) {
  return {SteadyNow() + duration, std::move(cancelled)};
}
Within Soon() { return For(absl::Seconds(20)); }

// Calls each of them once.
void CallAll(MasterClient& client) {
  CHECK(client.CreateSource("source-id: s1\n", "w1", Soon()).ok());
  CHECK(client.UpdateSource("source-id: s1\n", Soon()).ok());
  CHECK(client.StopSource("s1", Soon()).ok());
  CHECK(client.ListSources(Soon()).ok());
  CHECK(client.TransferSource("s1", "w2", Soon()).ok());
  CHECK(client.StartRelay("s1", {"w2"}, Soon()).ok());
  CHECK(client.StopRelay("s1", {}, Soon()).ok());
  CHECK(client.PurgeRelay({}, Soon()).ok());
  CHECK(client.CheckTask({}, Soon()).ok());
  CHECK(client.StartTask({}, Soon()).ok());
  CHECK(client.PauseTask("t1", {"s1"}, Soon()).ok());
  CHECK(client.ResumeTask("t1", {}, Soon()).ok());
  CHECK(client.DeleteTask("t1", {}, Soon()).ok());
  CHECK(client.QueryStatus("t1", {"s1"}, Soon()).ok());
  CHECK(client.GetSubTaskConfigs("t1", Soon()).ok());
  CHECK(client.GetConfig(pb::CFG_TYPE_SOURCE, "s1", Soon()).ok());
  CHECK(client.ListLocks("t1", {}, Soon()).ok());
  CHECK(client.UnlockLock({}, Soon()).ok());
  CHECK(client.OperateSchema({}, Soon()).ok());
  CHECK(client.HandleError({}, Soon()).ok());
  CHECK(client.StartValidation({}, Soon()).ok());
  CHECK(client.StopValidation({}, Soon()).ok());
  CHECK(client.UpdateValidation({}, Soon()).ok());
  CHECK(client.GetValidationStatus({}, Soon()).ok());
  CHECK(client.GetValidationErrors({}, Soon()).ok());
  CHECK(client.OperateValidationError({}, Soon()).ok());
}

TEST_CASE("every call reaches its method with what it was given") {
  FakeMasters master;
  MasterClient client({master.Address()});
  CallAll(client);
  CHECK(master.Calls() ==
        std::vector<std::string>{
            R"(OperateSource op: SOURCE_OP_START config: "source-id: s1\n" worker_name: "w1")",
            R"(OperateSource op: SOURCE_OP_UPDATE config: "source-id: s1\n")",
            R"(OperateSource op: SOURCE_OP_STOP source_id: "s1")",
            R"(OperateSource op: SOURCE_OP_SHOW)",
            R"(TransferSource source: "s1" worker: "w2")",
            R"(OperateRelay op: RELAY_OP_START source: "s1" worker: "w2")",
            R"(OperateRelay op: RELAY_OP_STOP source: "s1")",
            R"(PurgeWorkerRelay )",
            R"(CheckTask )",
            R"(StartTask )",
            R"(OperateTask op: TASK_OP_PAUSE name: "t1" sources: "s1")",
            R"(OperateTask op: TASK_OP_RESUME name: "t1")",
            R"(OperateTask op: TASK_OP_DELETE name: "t1")",
            R"(QueryStatus name: "t1" sources: "s1")",
            R"(GetSubTaskCfg name: "t1")",
            R"(GetCfg type: CFG_TYPE_SOURCE name: "s1")",
            R"(ShowDDLLocks task: "t1")",
            "UnlockDDLLock ",
            "OperateSchema ",
            "HandleError ",
            "StartValidation ",
            "StopValidation ",
            "UpdateValidation ",
            "GetValidationStatus ",
            "GetValidationError ",
            "OperateValidationError ",
        });
}

TEST_CASE("answers of dm-masters come whole") {
  FakeMasters master("[::1]");
  master.On("OperateSource", Says<pb::OperateSourceResponse>([](auto& response) {
              response.set_result(true);
              auto* source = response.add_sources();
              source->set_result(true);
              source->set_source("s1");
              source->set_worker("w3");
            }));
  master.On("QueryStatus", Says<pb::QueryStatusListResponse>([](auto& response) {
              response.set_result(true);
              auto* source = response.add_sources();
              source->set_msg("no worker");
              source->mutable_source_status()->set_source("s2");
              auto* error = response.add_sources()->add_sub_task_status()->mutable_result();
              // A row's bytes.
              error->add_errors()->set_message("INSERT '\xff\xfe'");
            }));
  MasterClient client({master.Address()});
  const auto created = client.CreateSource("source-id: s1\n", "", Soon());
  REQUIRE(created.ok());
  CHECK(created->source == "s1");
  CHECK(created->worker == "w3");
  const auto status = client.QueryStatus("", {}, Soon());
  REQUIRE(status.ok());
  REQUIRE(status->sources_size() == 2);
  CHECK_FALSE(status->sources(0).result());
  CHECK(status->sources(1).sub_task_status(0).result().errors(0).message() == "INSERT '\xff\xfe'");
}

TEST_CASE("the leader is asked first, then who answered last") {
  FakeMasters one;
  FakeMasters two;
  FakeMasters three;
  MasterClient client({one.Address(), two.Address(), three.Address()});
  client.SetLeader(two.Address());
  REQUIRE(client.ListSources(Soon()).ok());
  CHECK(two.Calls().size() == 1);
  client.SetLeader("");
  REQUIRE(client.ListSources(Soon()).ok());
  CHECK(two.Calls().size() == 2);
  client.SetLeader(three.Address());
  REQUIRE(client.ListSources(Soon()).ok());
  CHECK(three.Calls().size() == 1);
  CHECK(one.Calls().empty());
}

TEST_CASE("a dm-master that is down or hangs costs its share of the time") {
  FakeMasters hanging;
  hanging.Hang();
  FakeMasters alive;
  std::string gone;
  {
    FakeMasters going;
    gone = going.Address();
  }
  MasterClient client({gone, hanging.Address(), alive.Address()});
  const absl::Time began = SteadyNow();
  REQUIRE(client.ListSources(For(absl::Seconds(2))).ok());
  // That of the one that hangs, which is a third.
  CHECK(SteadyNow() - began >= absl::Milliseconds(600));
  CHECK(hanging.Calls().size() == 1);
  // Who answered is asked first now.
  REQUIRE(client.ListSources(For(absl::Seconds(2))).ok());
  CHECK(hanging.Calls().size() == 1);
  CHECK(alive.Calls().size() == 2);
}

TEST_CASE("a host that is silent takes nothing of the time of the others") {
  // As a dead host: what connects to it gets no answer, and no refusal.
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  REQUIRE(listen(silent, 8) == 0);
  REQUIRE(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  FakeMasters alive;
  alive.Hang();
  MasterClient client({fmt::format("127.0.0.1:{}", ntohs(address.sin_port)), alive.Address()});
  const absl::Status status = client.ListSources(For(absl::Seconds(4))).status();
  close(silent);
  CHECK(alive.Calls().size() == 1);
  CHECK(Metadata(status, "tried").starts_with(alive.Address() + ","));
}

TEST_CASE("an address that came back is connected at once") {
  FakeMasters other;
  MasterClient client({"127.0.0.1:1", other.Address()});
  REQUIRE(client.ListSources(Soon()).ok());
  // Its failure is no reason to wait.
  client.SetLeader("127.0.0.1:1");
  const absl::Time began = SteadyNow();
  for (int i = 0; i < 3; ++i) REQUIRE(client.ListSources(Soon()).ok());
  CHECK(SteadyNow() - began < absl::Seconds(1));
}

TEST_CASE("when no dm-master answers each is told of, in time") {
  FakeMasters hanging;
  hanging.Hang();
  MasterClient client({hanging.Address(), "127.0.0.1:1"});
  const absl::Time began = SteadyNow();
  const absl::Status status = client.ListSources(For(absl::Seconds(1))).status();
  CHECK(SteadyNow() - began < absl::Milliseconds(1400));
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "DM_UNAVAILABLE");
  INFO(Message(status));
  CHECK(Message(status).find(hanging.Address() + ": no answer within 0.5 s") !=
        std::string_view::npos);
  CHECK(Message(status).find("127.0.0.1:1: ") != std::string_view::npos);
  CHECK(Message(status).find("refused") != std::string_view::npos);
  CHECK(Metadata(status, "tried") == hanging.Address() + ",127.0.0.1:1");
}

TEST_CASE("addresses that are none are refused") {
  for (const char* address : {"", "host", "host:", ":1", "a/b:1", "h:0", "h:70000", "dns:x:1"}) {
    MasterClient client({address});
    CHECK(Reason(client.ListSources(Soon()).status()) == "BAD_ADDRESS");
  }
  CHECK(Reason(MasterClient({}).ListSources(Soon()).status()) == "DM_UNAVAILABLE");
}

TEST_CASE("a call that is no longer wanted ends at once") {
  FakeMasters hanging;
  hanging.Hang();
  std::atomic<bool> cancelled = false;
  absl::Time since;
  std::thread canceller([&] {
    while (hanging.Calls().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    since = SteadyNow();
    cancelled = true;
  });
  MasterClient client({hanging.Address(), hanging.Address()});
  const absl::Status status =
      client.StartTask({}, For(absl::Seconds(30), [&] { return cancelled.load(); })).status();
  canceller.join();
  CHECK(SteadyNow() - since < absl::Milliseconds(200));
  CHECK(absl::IsCancelled(status));
  CHECK(Reason(status) == "CANCELLED");
  CHECK(hanging.Calls().size() == 1);
  CHECK(
      absl::IsCancelled(client.ListSources(For(absl::Seconds(30), [] { return true; })).status()));
}

TEST_CASE("what takes minutes may take all the time there is") {
  FakeMasters slow;
  slow.On("StartTask", [](const auto&, auto* response) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1200));
    dynamic_cast<pb::StartTaskResponse*>(response)->set_result(true);
    return grpc::Status::OK;
  });
  FakeMasters other;
  MasterClient client({slow.Address(), other.Address()});
  CHECK(client.StartTask({}, For(absl::Seconds(2))).ok());
  CHECK(other.Calls().empty());
}

TEST_CASE("a refusal is an error with DM's words") {
  FakeMasters master;
  master.On("OperateSource",
            Says<pb::OperateSourceResponse>([](auto& response) { response.set_msg(kExists); }));
  MasterClient client({master.Address()});
  const absl::Status status =
      client.CreateSource("from: {}\nsource-id: \"s1\" # ours\n", "", Soon()).status();
  CHECK(absl::IsAlreadyExists(status));
  CHECK(Reason(status) == "DM_SOURCE_EXISTS");
  CHECK(Message(status) ==
        "create source s1: source config with ID s1 already exists (DM's code 46007)");
  CHECK(Metadata(status, "dm_workaround") == "Please use another source ID.");
  CHECK(Metadata(status, "repeated").empty());
}

TEST_CASE("a call that is true as a whole fails with its sources") {
  FakeMasters master;
  master.On("HandleError", Says<pb::HandleErrorResponse>([](auto& response) {
              response.set_result(true);
              for (const char* source : {"s1", "s2"}) {
                auto* answer = response.add_sources();
                answer->set_source(source);
                answer->set_worker("w1");
                answer->set_result(std::string(source) == "s1");
                answer->set_msg("only support to handle ddl error currently");
              }
            }));
  MasterClient client({master.Address()});
  pb::HandleErrorRequest request;
  request.set_op(pb::ERROR_OP_SKIP);
  request.set_task("t1");
  const absl::Status status = client.HandleError(request, Soon()).status();
  CHECK(Reason(status) == "DM_REFUSED");
  CHECK(
      Message(status) ==
      "handle the errors of task t1: source s2 on w1: only support to handle ddl error currently");
  CHECK(Metadata(status, "sources") == "s2");
}

TEST_CASE("a change that an earlier dm-master may have done says so") {
  FakeMasters hanging;
  hanging.Hang();
  FakeMasters other;
  other.On("OperateTask", Says<pb::OperateTaskResponse>([](auto& response) {
             response.set_msg("task t1 has no source or not exist");
           }));
  MasterClient client({hanging.Address(), other.Address()});
  const absl::Status status = client.DeleteTask("t1", {}, For(absl::Seconds(1))).status();
  CHECK(Reason(status) == "DM_TASK_MISSING");
  CHECK(Metadata(status, "repeated") == "true");
  CHECK_FALSE(Metadata(status, "remedy").empty());
}

TEST_CASE("errors of a call are read as DM's too") {
  FakeMasters master;
  master.On("GetCfg", [](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::UNKNOWN, "[code=46008:class=scheduler], Message: no s9");
  });
  master.On("GetValidationStatus", [](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown method");
  });
  MasterClient client({master.Address()});
  CHECK(Reason(client.GetConfig(pb::CFG_TYPE_SOURCE, "s9", Soon()).status()) ==
        "DM_SOURCE_MISSING");
  const absl::Status unknown = client.GetValidationStatus({}, Soon()).status();
  CHECK(Reason(unknown) == "DM_CALL_UNKNOWN");
  CHECK(absl::IsFailedPrecondition(unknown));
}

TEST_CASE("passwords of a request come back in no error") {
  FakeMasters master;
  const auto repeats = [](const auto& request, auto*) {
    return grpc::Status(grpc::StatusCode::UNKNOWN, request.ShortDebugString());
  };
  master.On("StartTask", repeats);
  master.On("CheckTask", [](const auto& request, auto* response) {
    dynamic_cast<pb::CheckTaskResponse*>(response)->set_msg(request.ShortDebugString());
    return grpc::Status::OK;
  });
  master.On("OperateSource", [](const auto& request, auto* answer) {
    auto* response = dynamic_cast<pb::OperateSourceResponse*>(answer);
    response->set_msg(request.ShortDebugString());
    response->add_sources()->set_msg(request.ShortDebugString());
    return grpc::Status::OK;
  });
  MasterClient client({master.Address()});
  for (const std::string line :
       {"password: s3cret pass # x", "password: \"s3cret pass\"", "password:   's3cret pass'",
        "from: {password: s3cret pass, x: 1}"}) {
    INFO(line);
    pb::StartTaskRequest start;
    start.set_task("name: t1\n" + line + "\n");
    pb::CheckTaskRequest check;
    check.set_task(start.task());
    for (const absl::Status& status :
         {client.StartTask(start, Soon()).status(), client.CheckTask(check, Soon()).status(),
          client.CreateSource(start.task(), "", Soon()).status(),
          client.UpdateSource(start.task(), Soon())}) {
      CHECK(Message(status).find("name: t1") != std::string_view::npos);
      CHECK(status.ToString().find("s3cret") == std::string::npos);
    }
  }
}

TEST_CASE("a precheck that fails is a result of a check, and a refusal of a start") {
  const std::string text =
      "[code=26005:class=dm-master], Message: check was failed\n detail: "
      R"({"results":[{"name":"dump privilege","state":"fail","instruction":"GRANT it",)"
      R"("errors":[{"severity":"fail","short_error":"lack of SELECT"}]}],)"
      R"("summary":{"passed":false,"total":9,"successful":8,"failed":1,"warning":0}})";
  FakeMasters master;
  master.On("CheckTask",
            Says<pb::CheckTaskResponse>([text](auto& response) { response.set_msg(text); }));
  master.On("StartTask", Says<pb::StartTaskResponse>(
                             [text](auto& response) { response.set_check_result(text); }));
  MasterClient client({master.Address()});
  const auto check = client.CheckTask({}, Soon());
  REQUIRE(check.ok());
  CHECK_FALSE(check->passed);
  CHECK(check->rows.size() == 1);
  pb::StartTaskRequest request;
  request.set_task("name: shop\n");
  const absl::Status status = client.StartTask(request, Soon()).status();
  CHECK(Reason(status) == "DM_PRECHECK_FAILED");
  CHECK(Message(status) ==
        "start task shop: DM's precheck did not pass, 1 of 9 failed: dump privilege: lack of "
        "SELECT");
  CHECK(Metadata(status, "remedy") == "GRANT it");
  // One that could not be made at all.
  master.On("CheckTask", Says<pb::CheckTaskResponse>([](auto& response) {
              response.set_msg("[code=20003:class=config], Message: yaml: line 2");
            }));
  CHECK(Reason(client.CheckTask({}, Soon()).status()) == "DM_CONFIG_INVALID");
}

TEST_CASE("no proxy of the environment is used for DM's calls") {
  const char* before = getenv("http_proxy");
  const std::string kept = before == nullptr ? "" : before;
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  FakeMasters master;
  const std::string port = master.Address().substr(master.Address().find(':'));
  CHECK(MasterClient({master.Address()}).ListSources(Soon()).ok());
  CHECK(MasterClient({"localhost" + port}).ListSources(Soon()).ok());
  if (before == nullptr) {
    unsetenv("http_proxy");
  } else {
    setenv("http_proxy", kept.c_str(), 1);
  }
}

}  // namespace
}  // namespace dmgr::dm
