// The streams of InstanceService: how they end.
#include <atomic>
#include <thread>

#include "server/auth/tokens.h"
#include "tests/rpc/fixture.h"

namespace dmgr::testing {
namespace {

using Instances = v1::InstanceService::Stub;

// Hands over all that comes; returns how it ends.
template <typename Request, typename Response, typename Take>
grpc::Status ReadStream(const std::string& token,
                        std::unique_ptr<grpc::ClientReader<Response>> (Instances::*method)(
                            grpc::ClientContext*, const Request&),
                        const Request& request, Take take) {
  ApiClient client(Daemon().address(), token);
  grpc::ClientContext context;
  client.Prepare(&context, absl::Minutes(2));
  const auto reader = (client.instances().*method)(&context, request);
  Response response;
  while (reader->Read(&response)) take(response);
  return reader->Finish();
}

TEST_CASE("a host that does not answer is a problem of its own, not of the call",
          "[rpc][instances]") {
  AddCluster("dead-logs");
  v1::ReadLogsRequest request;
  request.set_cluster_name("dead-logs");
  std::vector<v1::ReadLogsResponse> all;
  const auto status = ReadStream(NewSession(v1::ROLE_OPERATOR), &Instances::ReadLogs, request,
                                 [&](const auto& response) { all.push_back(response); });
  INFO(status.error_message());
  CHECK(status.ok());
  REQUIRE(all.size() == 2);
  CHECK(all[0].sources().sources_size() == 4);
  CHECK(FromProto(all[1].problem().error()).code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a stream ends with the session of its caller", "[rpc][instances]") {
  const SilentHost host;
  AddCluster("silent-logs", host);
  const std::string token = NewSession(v1::ROLE_OPERATOR);
  v1::ReadLogsRequest request;
  request.set_cluster_name("silent-logs");
  request.set_follow(true);
  grpc::Status status;
  std::atomic<bool> open = false;
  std::thread reader([&] {
    status = ReadStream(token, &Instances::ReadLogs, request,
                        [&](const v1::ReadLogsResponse&) { open = true; });
  });
  CHECK(Eventually([&] { return open.load(); }));
  Sql("DELETE FROM session WHERE token_hash = '" + auth::HashToken(token) + "'");
  const auto began = std::chrono::steady_clock::now();
  reader.join();
  CHECK(status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(15));
}

TEST_CASE("what is executed is in the audit log, without its arguments", "[rpc][instances]") {
  AddCluster("executed");
  v1::ExecRequest request;
  request.set_cluster_name("executed");
  for (const char* word : {"mysql", "-pS3cret"}) request.add_arguments(word);
  const auto status = ReadStream(NewSession(v1::ROLE_ADMIN), &Instances::Exec, request,
                                 [](const v1::ExecResponse&) {});
  INFO(status.error_message());
  CHECK(status.ok());
  const std::string row =
      Sql("SELECT user_name || ' ' || method || ' ' || target FROM audit_log"
          " WHERE target LIKE 'executed%' AND NOT begun");
  CHECK(row == "an-admin dmgr.v1.InstanceService/Exec executed: mysql on h1.example as tidb");
  CHECK(Daemon().Log().find("S3cret") == std::string::npos);
}

}  // namespace
}  // namespace dmgr::testing
