// What two calls with one request_id must have in common.
#ifndef DMGR_SERVER_AUTH_FINGERPRINT_H_
#define DMGR_SERVER_AUTH_FINGERPRINT_H_

#include <google/protobuf/message.h>

#include <string>

#include "server/auth/secret_box.h"

namespace dmgr::auth {

// Of the request's type and all that it is set to but its request_id, in whatever order its maps
// were filled. Keyed, since a request may hold a secret that can be guessed.
std::string FingerprintOf(const SecretBox& secrets, const google::protobuf::Message& request);
// Whether it is the request's, also by a master key that was changed since.
bool IsFingerprintOf(const SecretBox& secrets, const google::protobuf::Message& request,
                     const std::string& fingerprint);

}  // namespace dmgr::auth

#endif  // DMGR_SERVER_AUTH_FINGERPRINT_H_
