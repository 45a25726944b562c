// dmgr.v1.TokenService.
#ifndef DMGR_SERVER_RPC_TOKEN_SERVICE_H_
#define DMGR_SERVER_RPC_TOKEN_SERVICE_H_

#include "dmgr/v1/token_service.grpc.pb.h"
#include "server/accounts/tokens.h"
#include "server/rpc/guard.h"
#include "server/store/database.h"

namespace dmgr::rpc {

class TokenServiceImpl final : public v1::TokenService::Service {
 public:
  TokenServiceImpl(Guard* guard, store::Database* database, accounts::Tokens* tokens)
      : guard_(guard), database_(database), tokens_(tokens) {}

  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override;
  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override;
  grpc::Status DeleteToken(grpc::ServerContext* context, const v1::DeleteTokenRequest* request,
                           v1::DeleteTokenResponse* response) override;

 private:
  Guard* guard_;
  store::Database* database_;
  accounts::Tokens* tokens_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TOKEN_SERVICE_H_
