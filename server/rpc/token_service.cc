#include "server/rpc/token_service.h"

#include <string>
#include <utility>

#include "common/error.h"
#include "server/rpc/pages.h"
#include "server/store/token_store.h"

namespace dmgr::rpc {
namespace {

constexpr char kEverybody[] = "-";

// What the audit log says of a token: "user/name".
std::string TokenPath(const Session& session, const std::string& user, const std::string& name) {
  return (user.empty() ? session.user.name() : user) + "/" + name;
}

// The last one of the page before.
std::pair<std::string, std::string> PlaceOf(const std::string& key) {
  const auto slash = key.find('/');
  if (slash == std::string::npos) return {};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

}  // namespace

grpc::Status TokenServiceImpl::CreateToken(grpc::ServerContext* context,
                                           const v1::CreateTokenRequest* request,
                                           v1::CreateTokenResponse* response) {
  return guard_->RunChange(
      *context, *request, response,
      [&](const Session& session, Audit* audit, const store::Finish& finish) -> absl::Status {
        const auto& token = request->token();
        audit->target = TokenPath(session, token.user_name(), token.name());
        return tokens_->Create(session, *request, finish, response);
      });
}

grpc::Status TokenServiceImpl::ListTokens(grpc::ServerContext* context,
                                          const v1::ListTokensRequest* request,
                                          v1::ListTokensResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string key, PageKey(request->page_token()));
    ASSIGN_OR_RETURN(std::string owner, accounts::OwnerOf(session, request->user_name()));
    if (owner == kEverybody) owner.clear();
    std::vector<v1::Token> tokens;
    RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(tokens, store::ListTokens(tx, owner, PlaceOf(key), size + 1));
      return absl::OkStatus();
    }));
    FillPage(
        tokens, size,
        [&](const v1::Token& token) {
          *response->add_tokens() = token;
          return token.user_name() + "/" + token.name();
        },
        response);
    return absl::OkStatus();
  });
}

grpc::Status TokenServiceImpl::DeleteToken(grpc::ServerContext* context,
                                           const v1::DeleteTokenRequest* request,
                                           v1::DeleteTokenResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session& session, Audit* audit, const store::Finish& finish) {
                             audit->target =
                                 TokenPath(session, request->user_name(), request->token_name());
                             return tokens_->Delete(session, *request, finish);
                           });
}

}  // namespace dmgr::rpc
