// How a call finds its method.
#include "client/connection.h"

#include <google/protobuf/descriptor.h>

#include <catch2/catch.hpp>
#include <set>

#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/user_service.pb.h"
#include "tests/support/api_methods.h"

namespace dmgr::client {
namespace {

TEST_CASE("every method of the API has a request of its own, declared beside it", "[connection]") {
  std::set<const google::protobuf::Descriptor*> requests;
  for (const auto* method : testing::ApiMethods()) {
    INFO(method->full_name());
    CHECK(requests.insert(method->input_type()).second);
    CHECK(method->file()->service_count() == 1);
    CHECK(method->input_type()->file() == method->file());
    CHECK(method->input_type()->name() == method->name() + "Request");
    CHECK(method->output_type()->name() == method->name() + "Response");
  }
  CHECK(requests.size() > 45);
}

TEST_CASE("a call whose answer is another method's sends nothing", "[connection]") {
  Connection connection("127.0.0.1:1", "");
  const auto mixed = connection.Call<v1::GetUserResponse>(v1::WhoAmIRequest());
  CHECK(mixed.status().code() == absl::StatusCode::kInternal);
  const auto none = connection.Call<v1::GetUserResponse>(v1::User());
  CHECK(none.status().code() == absl::StatusCode::kInternal);
}

TEST_CASE("where nobody listens, a call says so and what to do", "[connection]") {
  Connection connection("127.0.0.1:1", "");
  const auto refused = connection.Call<v1::WhoAmIResponse>(v1::WhoAmIRequest());
  CHECK(absl::IsUnavailable(refused.status()));
  CHECK(Reason(refused.status()) == "SERVER_UNREACHABLE");
  CHECK_FALSE(Metadata(refused.status(), "remedy").empty());
}

}  // namespace
}  // namespace dmgr::client
