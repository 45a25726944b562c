#include "server/auth/fingerprint.h"

#include <google/protobuf/descriptor.h>

#include <memory>

#include "common/messages.h"

namespace dmgr::auth {

namespace {

std::string TextOfRequest(const google::protobuf::Message& request) {
  const std::unique_ptr<google::protobuf::Message> bare(request.New());
  bare->CopyFrom(request);
  if (const auto* id = bare->GetDescriptor()->FindFieldByName("request_id")) {
    bare->GetReflection()->ClearField(bare.get(), id);
  }
  return bare->GetTypeName() + '\0' + CanonicalBytes(*bare);
}

}  // namespace

std::string FingerprintOf(const SecretBox& secrets, const google::protobuf::Message& request) {
  const Secret text(TextOfRequest(request));
  return secrets.Fingerprint(text.text());
}

bool IsFingerprintOf(const SecretBox& secrets, const google::protobuf::Message& request,
                     const std::string& fingerprint) {
  const Secret text(TextOfRequest(request));
  return secrets.IsFingerprint(text.text(), fingerprint);
}

}  // namespace dmgr::auth
