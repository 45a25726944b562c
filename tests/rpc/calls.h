// Calls by their request alone, as whatever user.
#ifndef DMGR_TESTS_RPC_CALLS_H_
#define DMGR_TESTS_RPC_CALLS_H_

#include <string>

#include "common/grpc_status.h"
#include "server/auth/roles.h"
#include "tests/rpc/fixture.h"

namespace dmgr::testing {

// The call that takes this request, with the token of a session. Of a stream: the last answer.
template <typename Response, typename Request>
absl::StatusOr<Response> CallAs(const std::string& token, const Request& request) {
  const auto rule = auth::RuleOf(*Request::descriptor());
  REQUIRE_OK(rule.status());
  const RawAnswer answer = RawCall(Daemon().address(), rule->method, request.SerializeAsString(),
                                   token.empty() ? "" : "Bearer " + token);
  if (!answer.status.ok()) return FromGrpcStatus(answer.status);
  Response response;
  REQUIRE(!answer.messages.empty());
  REQUIRE(response.ParseFromString(answer.messages.back()));
  return response;
}

// The same as the admin; it must succeed.
template <typename Response, typename Request>
Response Must(const Request& request) {
  auto response = CallAs<Response>(Daemon().Token(), request);
  REQUIRE_OK(response.status());
  return *response;
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_RPC_CALLS_H_
