#include "server/rpc/auth_service.h"

#include "common/error.h"

namespace dmgr::rpc {

grpc::Status AuthServiceImpl::Login(grpc::ServerContext* context, const v1::LoginRequest* request,
                                    v1::LoginResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit* audit) -> absl::Status {
    audit->user_name = request->user_name();
    audit->target = request->user_name();
    ASSIGN_OR_RETURN(*response, sessions_->LogIn(*request));
    return absl::OkStatus();
  });
}

grpc::Status AuthServiceImpl::Logout(grpc::ServerContext* context, const v1::LogoutRequest* request,
                                     v1::LogoutResponse*) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit* audit) {
    audit->target = session.user.name();
    return sessions_->LogOut(session);
  });
}

grpc::Status AuthServiceImpl::RefreshToken(grpc::ServerContext* context,
                                           const v1::RefreshTokenRequest* request,
                                           v1::RefreshTokenResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit* audit) -> absl::Status {
    audit->target = session.user.name();
    ASSIGN_OR_RETURN(*response->mutable_session(), sessions_->Refresh(session));
    return absl::OkStatus();
  });
}

grpc::Status AuthServiceImpl::WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                                     v1::WhoAmIResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) {
    *response->mutable_user() = session.user;
    response->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(session.expire_time));
    if (session.api_token.has_value()) *response->mutable_token() = *session.api_token;
    if (session.certificate.has_value()) {
      response->set_certificate_serial(session.certificate->serial);
    }
    return absl::OkStatus();
  });
}

grpc::Status AuthServiceImpl::ChangePassword(grpc::ServerContext* context,
                                             const v1::ChangePasswordRequest* request,
                                             v1::ChangePasswordResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session& session, Audit* audit, const store::Finish& finish) {
                             audit->target = session.user.name();
                             return sessions_->ChangePassword(session, *request, finish);
                           });
}

}  // namespace dmgr::rpc
