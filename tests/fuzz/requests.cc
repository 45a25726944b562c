// Bytes that callers send as the request of any method.
#include <google/protobuf/message.h>

#include <filesystem>
#include <memory>

#include "common/error.h"
#include "common/messages.h"
#include "server/auth/fingerprint.h"
#include "server/rpc/field_limits.h"
#include "tests/fuzz/method.h"
#include "tests/fuzz/targets.h"
#include "tests/support/temp_dir.h"

namespace dmgr::fuzz {
namespace {

using AnyMessage = google::protobuf::Message;

const auth::SecretBox& Secrets() {
  static const auto* const kSecrets = [] {
    const test::TempDir dir;
    auto opened = auth::SecretBox::Open(dir / "master.key");
    Must(opened.ok(), "no master key");
    return new auth::SecretBox(std::move(*opened));
  }();
  return *kSecrets;
}

}  // namespace

void FuzzRequests(std::string_view input) {
  const auto* type = TakeMethod(&input)->input_type();
  auto* const factory = google::protobuf::MessageFactory::generated_factory();
  const std::unique_ptr<AnyMessage> request(factory->GetPrototype(type)->New());
  if (!request->ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  if (const absl::Status lengths = rpc::CheckLengths(*request); !lengths.ok()) {
    Must(!Reason(lengths).empty(), "an error without a reason");
    return;
  }
  const std::string bytes = CanonicalBytes(*request);
  const std::unique_ptr<AnyMessage> same(request->New());
  Must(same->ParseFromString(bytes) && CanonicalBytes(*same) == bytes, "the bytes change");
  Must(auth::FingerprintOf(Secrets(), *request) == auth::FingerprintOf(Secrets(), *same),
       "the fingerprint changes");
  Redact(request.get());
  const std::string redacted = CanonicalBytes(*request);
  Redact(request.get());
  Must(CanonicalBytes(*request) == redacted, "something was left of a secret");
}

}  // namespace dmgr::fuzz
