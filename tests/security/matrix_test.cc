// Every method by every kind of caller, for a cluster that is theirs and one that is not: what is
// answered follows from the method's declaration alone.
#include <google/protobuf/dynamic_message.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/str_replace.h"
#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/check_service.pb.h"
#include "dmgr/v1/host_key_service.pb.h"
#include "dmgr/v1/instance_service.pb.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "dmgr/v1/repair_service.pb.h"
#include "dmgr/v1/server_service.pb.h"
#include "dmgr/v1/token_service.pb.h"
#include "server/auth/tokens.h"
#include "tests/rpc/calls.h"
#include "tests/support/api_methods.h"

namespace dmgr::testing {
namespace {

using Code = grpc::StatusCode;
using google::protobuf::MethodDescriptor;
using Owned = std::unique_ptr<google::protobuf::Message>;

constexpr char kMine[] = "matrix-mine";
constexpr char kOther[] = "matrix-other";
constexpr char kNone[] = "matrix-none";

const v1::Access& AccessOf(const MethodDescriptor& method) {
  return method.options().GetExtension(v1::access);
}

std::string PathOf(const MethodDescriptor& method) {
  return method.service()->full_name() + "/" + method.name();
}

void SetText(google::protobuf::Message* message, const std::string& path, const std::string& text) {
  const auto dot = path.find('.');
  const auto* field = message->GetDescriptor()->FindFieldByName(path.substr(0, dot));
  REQUIRE(field != nullptr);
  const auto* reflection = message->GetReflection();
  if (dot == std::string::npos) {
    reflection->SetString(message, field, text);
  } else {
    SetText(reflection->MutableMessage(message, field), path.substr(dot + 1), text);
  }
}

// A request about this cluster, or this operation of it, that changes nothing where it can say so.
std::string RequestFor(const MethodDescriptor& method, const std::string& cluster,
                       const std::string& operation_id) {
  const auto* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type());
  const Owned request(prototype->New());
  for (const auto& path : AccessOf(method).cluster_fields()) {
    SetText(request.get(), path, cluster);
  }
  if (!AccessOf(method).operation_field().empty()) {
    SetText(request.get(), AccessOf(method).operation_field(), operation_id);
  }
  const auto* validate = method.input_type()->FindFieldByName("validate_only");
  if (validate != nullptr) request->GetReflection()->SetBool(request.get(), validate, true);
  return request->SerializeAsString();
}

// Who calls. A right is a role for kMine, and one for everything else.
struct Right {
  v1::Role mine = v1::ROLE_UNSPECIFIED;
  v1::Role everywhere = v1::ROLE_UNSPECIFIED;
};
struct Kind {
  std::string name;
  Right user{};
  std::optional<Right> token{};

  std::string user_name() const { return "matrix-" + name; }
};

template <typename Owner>
void Give(const Right& right, Owner* owner) {
  owner->set_role(right.everywhere);
  if (right.mine != v1::ROLE_UNSPECIFIED) *owner->add_grants() = GrantOf(right.mine, kMine);
}

std::vector<Kind> Kinds() {
  constexpr auto kNobody = v1::ROLE_UNSPECIFIED;
  constexpr auto kViewer = v1::ROLE_VIEWER;
  constexpr auto kOperator = v1::ROLE_OPERATOR;
  constexpr auto kAdmin = v1::ROLE_ADMIN;
  return {
      {.name = "viewer", .user = {kNobody, kViewer}},
      {.name = "operator", .user = {kNobody, kOperator}},
      {.name = "admin", .user = {kNobody, kAdmin}},
      {.name = "viewer-of", .user = {kViewer, kNobody}},
      {.name = "operator-of", .user = {kOperator, kNobody}},
      {.name = "admin-of", .user = {kAdmin, kNobody}},
      {.name = "operator-of-and-viewer", .user = {kOperator, kViewer}},
      // A token that may as much, less, or other things than its user.
      {.name = "token-admin", .user = {kNobody, kAdmin}, .token = Right{kNobody, kAdmin}},
      {.name = "token-viewer", .user = {kNobody, kAdmin}, .token = Right{kNobody, kViewer}},
      {.name = "token-operator-of", .user = {kNobody, kAdmin}, .token = Right{kOperator, kNobody}},
      {.name = "token-of-demoted", .user = {kViewer, kNobody}, .token = Right{kNobody, kAdmin}},
  };
}

v1::Role RoleIn(const Right& right, bool mine) {
  return mine ? std::max(right.mine, right.everywhere) : right.everywhere;
}
v1::Role WithoutCluster(const Right& right) {
  return right.mine != v1::ROLE_UNSPECIFIED ? std::max(right.everywhere, v1::ROLE_VIEWER)
                                            : right.everywhere;
}

enum class Answer { kAllowed, kTooLow, kHidden, kNeedsSession };

Answer Expected(const MethodDescriptor& method, const Kind& kind, bool mine) {
  const v1::Access& access = AccessOf(method);
  const Right all = {v1::ROLE_ADMIN, v1::ROLE_ADMIN};
  const Right token = kind.token.value_or(all);
  const auto least = [&](const std::function<v1::Role(const Right&)>& role) {
    return std::min(role(kind.user), role(token));
  };
  if (access.session_only() && kind.token.has_value()) return Answer::kNeedsSession;
  if (access.filtered()) return Answer::kAllowed;
  if (access.cluster_fields_size() == 0 && access.operation_field().empty()) {
    return least(WithoutCluster) >= access.role() ? Answer::kAllowed : Answer::kTooLow;
  }
  const v1::Role highest = least([](const Right& r) { return std::max(r.mine, r.everywhere); });
  if (highest < access.role()) return Answer::kTooLow;
  const v1::Role role = least([&](const Right& r) { return RoleIn(r, mine); });
  if (role == v1::ROLE_UNSPECIFIED) return Answer::kHidden;
  return role >= access.role() ? Answer::kAllowed : Answer::kTooLow;
}

std::string ReasonIn(const grpc::Status& status) {
  return status.error_details().empty() ? "" : DetailOf<google::rpc::ErrorInfo>(status).reason();
}

void CheckAnswer(const RawAnswer& answer, Answer expected) {
  const Code code = answer.status.error_code();
  const std::string reason =
      answer.status.ok() || code == Code::DEADLINE_EXCEEDED ? "" : ReasonIn(answer.status);
  INFO(answer.status.error_message());
  switch (expected) {
    case Answer::kAllowed:
      CHECK(code != Code::PERMISSION_DENIED);
      // The sample's package is in the record only.
      if (code == Code::INTERNAL) CHECK(reason == "PACKAGE_UNREADABLE");
      CHECK(code != Code::UNKNOWN);
      CHECK(code != Code::UNIMPLEMENTED);
      if (code == Code::UNAUTHENTICATED) CHECK(reason == "LOGIN_REFUSED");
      CHECK(reason != "CLUSTER_NOT_FOUND");
      CHECK(reason != "OPERATION_NOT_FOUND");
      break;
    case Answer::kTooLow:
      CHECK(code == Code::PERMISSION_DENIED);
      CHECK(reason == "ROLE_TOO_LOW");
      break;
    case Answer::kHidden:
      CHECK(code == Code::NOT_FOUND);
      CHECK(answer.messages.empty());
      break;
    case Answer::kNeedsSession:
      CHECK(code == Code::PERMISSION_DENIED);
      CHECK(reason == "SESSION_NEEDED");
      break;
  }
}

RawAnswer Ask(const MethodDescriptor& method, const std::string& token, const std::string& cluster,
              const std::string& operation_id, bool endless) {
  return RawCall(Daemon().address(), PathOf(method), RequestFor(method, cluster, operation_id),
                 "Bearer " + token, "", std::chrono::seconds(endless ? 1 : 30));
}

// Clusters, an operation of each that has ended, and users and tokens of every kind.
struct World {
  World() {
    for (const char* cluster : {kMine, kOther}) {
      SilentHost host;
      AddCluster(cluster, host);
      const std::string id = BeginStop(cluster).operation_id();
      host.Close();
      AwaitEnd(id);
      operations[cluster] = id;
    }
    operations[kNone] = "11111111-2222-4333-8444-555555555555";
    for (const Kind& kind : Kinds()) {
      v1::User user;
      user.set_name(kind.user_name());
      Give(kind.user, &user);
      AddUser(user);
      if (!kind.token.has_value()) continue;
      v1::Token token;
      token.set_user_name(kind.user_name());
      token.set_name("t");
      Give(*kind.token, &token);
      tokens[kind.name] = NewApiToken(token);
    }
  }
  // Some calls end their session.
  std::string TokenOf(const Kind& kind) {
    return kind.token.has_value() ? tokens.at(kind.name) : NewSessionOf(kind.user_name());
  }
  std::map<std::string, std::string> operations;
  std::map<std::string, std::string> tokens;
};

// It goes on until its caller leaves.
bool IsEndless(const MethodDescriptor& method) {
  return method.name() == "WatchOperations" || method.name() == "WatchTasks";
}

World& TheWorld() {
  static World world;
  return world;
}

TEST_CASE("every method answers every caller as its declaration says, by cluster",
          "[rpc][access][matrix]") {
  World& world = TheWorld();
  int calls = 0;
  for (const Kind& kind : Kinds()) {
    for (const MethodDescriptor* method : ApiMethods()) {
      if (AccessOf(*method).without_session()) continue;
      for (const std::string cluster : {kMine, kOther}) {
        const Answer expected = Expected(*method, kind, cluster == kMine);
        INFO(PathOf(*method) << " by " << kind.name << " of " << cluster);
        const bool endless = IsEndless(*method);
        if (endless && cluster == kOther) continue;
        const auto answer =
            Ask(*method, world.TokenOf(kind), cluster, world.operations.at(cluster), endless);
        CheckAnswer(answer, expected);
        ++calls;
        if (expected != Answer::kHidden) continue;
        // As what does not exist at all, but for its name.
        const auto none =
            Ask(*method, world.TokenOf(kind), kNone, world.operations.at(kNone), endless);
        CHECK(none.status.error_code() == answer.status.error_code());
        CHECK(ReasonIn(none.status) == ReasonIn(answer.status));
        const std::string asked =
            AccessOf(*method).operation_field().empty() ? cluster : world.operations.at(cluster);
        const std::string other =
            AccessOf(*method).operation_field().empty() ? kNone : world.operations.at(kNone);
        CHECK(absl::StrReplaceAll(ToAbsl(none.status.error_message()), {{other, asked}}) ==
              answer.status.error_message());
      }
    }
  }
  CHECK(calls > 1000);
}

TEST_CASE("whoever has a role for one cluster reads nothing of another one",
          "[rpc][access][matrix]") {
  World& world = TheWorld();
  const auto about_other = [&](const std::string& text) {
    return text.find(kOther) != std::string::npos ||
           text.find(world.operations.at(kOther)) != std::string::npos;
  };
  for (const Kind& kind : Kinds()) {
    if (Expected(*v1::Cluster::descriptor()->file()->service(0)->FindMethodByName("GetCluster"),
                 kind, false) != Answer::kHidden) {
      continue;
    }
    for (const MethodDescriptor* method : ApiMethods()) {
      if (AccessOf(*method).without_session()) continue;
      INFO(PathOf(*method) << " by " << kind.name);
      const auto answer =
          Ask(*method, world.TokenOf(kind), kMine, world.operations.at(kMine), IsEndless(*method));
      CHECK_FALSE(about_other(answer.status.error_message()));
      CHECK_FALSE(about_other(answer.status.error_details()));
      for (const auto& message : answer.messages) {
        // Machines are seen by all, and the other's is named after it.
        if (method->service()->name() == "MachineService") continue;
        CHECK_FALSE(about_other(message));
      }
    }
  }
}

TEST_CASE("no token that is none, was revoked, has expired or is another's opens any method",
          "[rpc][access][matrix]") {
  AddUser("matrix-tokens", v1::ROLE_ADMIN);
  v1::Token token;
  token.set_user_name("matrix-tokens");
  token.set_role(v1::ROLE_ADMIN);
  const auto make = [&](const std::string& name, int seconds = 3600) {
    token.set_name(name);
    return NewApiToken(token, seconds);
  };
  const std::string live = make("live");
  const std::string revoked = make("revoked");
  v1::DeleteTokenRequest revoke;
  revoke.set_user_name("matrix-tokens");
  revoke.set_token_name("revoked");
  Must<v1::DeleteTokenResponse>(revoke);
  const std::string session = NewSessionOf("matrix-tokens");
  REQUIRE_OK(CallAs<v1::LogoutResponse>(session, v1::LogoutRequest()).status());
  // Its user is gone.
  AddUser("matrix-gone", v1::ROLE_ADMIN);
  token.set_user_name("matrix-gone");
  const std::string orphan = make("orphan");
  v1::DeleteUserRequest remove;
  remove.set_user_name("matrix-gone");
  Must<v1::DeleteUserResponse>(remove);
  token.set_user_name("matrix-tokens");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {revoked, "TOKEN_UNKNOWN"},
      {make("expired", -1), "TOKEN_EXPIRED"},
      {session, "TOKEN_UNKNOWN"},
      {NewSessionOf("matrix-tokens", -1), "TOKEN_EXPIRED"},
      {orphan, "TOKEN_UNKNOWN"},
      {live.substr(0, live.size() - 1), "TOKEN_UNKNOWN"},
      {auth::HashToken(live), "TOKEN_UNKNOWN"},
      {auth::NewApiToken(), "TOKEN_UNKNOWN"},
      {auth::NewSessionToken(), "TOKEN_UNKNOWN"},
      {auth::NewToken(), "TOKEN_UNKNOWN"}};
  for (const MethodDescriptor* method : ApiMethods()) {
    if (AccessOf(*method).without_session()) continue;
    for (const auto& [shown, reason] : cases) {
      INFO(PathOf(*method) << ": " << reason);
      const auto answer = RawCall(Daemon().address(), PathOf(*method), "", "Bearer " + shown);
      CHECK(answer.status.error_code() == Code::UNAUTHENTICATED);
      CHECK(answer.messages.empty());
      CHECK(ReasonIn(answer.status) == reason);
    }
  }
  CHECK(CallAs<v1::WhoAmIResponse>(live, v1::WhoAmIRequest()).ok());
}

}  // namespace
}  // namespace dmgr::testing
