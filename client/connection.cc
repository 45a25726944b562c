#include "client/connection.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "client/output/prefixed.h"
#include "common/grpc_status.h"
#include "common/socket_address.h"

namespace dmgr::client {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const ConnectionOptions& options) {
  grpc::ChannelArguments arguments;
  // A proxy of the environment is not for a control plane.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A watch finds a restarted dmgrd quickly.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  if (options.ca.empty() || IsSocketAddress(options.address)) {
    return grpc::CreateCustomChannel(options.address, grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  grpc::SslCredentialsOptions trusted;
  trusted.pem_root_certs = options.ca;
  trusted.pem_cert_chain = options.identity.cert;
  trusted.pem_private_key = options.identity.key;
  return grpc::CreateCustomChannel(options.address, grpc::SslCredentials(trusted), arguments);
}

// A channel without credentials: its calls fail before anything is sent.
std::shared_ptr<grpc::Channel> NoChannel() {
  return grpc::CreateCustomChannel("127.0.0.1:1", nullptr, grpc::ChannelArguments());
}

// The method whose request has this type, or null. A request is declared beside its service.
const google::protobuf::MethodDescriptor* MethodOf(const google::protobuf::Descriptor* request) {
  for (int i = 0; i < request->file()->service_count(); ++i) {
    const auto* service = request->file()->service(i);
    for (int k = 0; k < service->method_count(); ++k) {
      if (service->method(k)->input_type() == request) return service->method(k);
    }
  }
  return nullptr;
}

bool Contains(const absl::Status& status, std::string_view text) {
  return Message(status).find(text) != std::string_view::npos;
}

}  // namespace

Connection::Connection(ConnectionOptions options)
    : options_(std::move(options)),
      refused_(CheckSecrecy(options_.address, !options_.ca.empty())),
      channel_(refused_.ok() ? MakeChannel(options_) : NoChannel()) {}

Connection::Connection(absl::Status refused)
    : refused_(std::move(refused)), channel_(NoChannel()) {}

void Connection::Prepare(grpc::ClientContext* context, absl::Duration timeout) const {
  if (!options_.token.empty()) context->AddMetadata("authorization", "Bearer " + options_.token);
  if (timeout != absl::InfiniteDuration()) {
    context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  }
}

bool Connection::Reach() {
  grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
  while (state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING) {
    channel_->WaitForStateChange(state, std::chrono::system_clock::time_point::max());
    state = channel_->GetState(/*try_to_connect=*/true);
  }
  return state == GRPC_CHANNEL_READY;
}

absl::Status Connection::CallInto(const google::protobuf::Message& request,
                                  google::protobuf::Message* response, absl::Duration timeout) {
  const auto* method = MethodOf(request.GetDescriptor());
  if (method == nullptr || method->output_type() != response->GetDescriptor()) {
    return Error(absl::StatusCode::kInternal, "NO_SUCH_METHOD", "no method takes {} and answers {}",
                 request.GetTypeName(), response->GetTypeName());
  }
  using google::protobuf::MessageLite;
  grpc::ClientContext context;
  Prepare(&context, timeout);
  grpc::CompletionQueue queue;
  grpc::TemplatedGenericStub<MessageLite, MessageLite> stub(channel_);
  const std::string path = fmt::format("/{}/{}", method->service()->full_name(), method->name());
  const auto call = stub.PrepareUnaryCall(&context, path, request, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(response, &status, /*tag=*/nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  MakeHarmless(response);
  return Explain(status);
}

absl::Status Connection::Unreachable(const absl::Status& status) const {
  Error error(absl::StatusCode::kUnavailable, "SERVER_UNREACHABLE", "no dmgrd answers at {}",
              options_.address);
  if (Contains(status, "certificate verify failed") || Contains(status, "CERTIFICATE_VERIFY")) {
    error =
        Error(absl::StatusCode::kUnavailable, "SERVER_NOT_TRUSTED",
              "the certificate of {} is not signed by this CA, or has expired", options_.address);
    error.Remedy("pass the CA that signed dmgrd's tls_cert: --ca FILE");
  } else if (Contains(status, "not in peer certificate") || Contains(status, "Hostname")) {
    error = Error(absl::StatusCode::kUnavailable, "SERVER_NOT_TRUSTED",
                  "the certificate of {} is for another name", options_.address);
    error.Remedy("use the name that is in it, or give dmgrd a certificate for this one");
  } else if (!options_.identity.cert.empty()) {
    error.Remedy(
        "is dmgrd running there? One that does is silent to a certificate of a CA that is not in "
        "its [server] tls_client_ca, or that has expired, or whose key is another one: openssl "
        "verify -CAfile CA CERT");
  } else if (!options_.ca.empty()) {
    error.Remedy(
        "is dmgrd running there, and does it have [server] tls_cert? Another one: "
        "--server HOST:PORT --ca FILE");
  } else {
    error.Remedy(
        "start it: dmgrd --config dmgrd.toml; one elsewhere: dmgrctl context add NAME "
        "--server HOST:PORT --ca FILE (for one call: --server, DMGR_SERVER)");
  }
  error.With("address", options_.address);
  return error;
}

absl::Status Connection::Explain(const grpc::Status& status) const {
  if (!refused_.ok()) return refused_;
  const absl::Status explained = FromGrpcStatus(status);
  // With a reason it is dmgrd that speaks; without, nobody answered.
  if (absl::IsUnavailable(explained) && Reason(explained).empty()) return Unreachable(explained);
  // It may be a host, too, that takes a login for none.
  const std::string reason = Reason(explained);
  if (!absl::IsUnauthenticated(explained) || reason == "LOGIN_REFUSED" ||
      reason == "SSH_LOGIN_REFUSED") {
    return explained;
  }
  const bool without = options_.token.empty() && options_.identity.cert.empty();
  return Error(absl::StatusCode::kUnauthenticated, reason, "{}",
               without ? "you are not logged in to " + options_.address
                       : std::string(Message(explained)))
      .With("address", options_.address)
      .Remedy(options_.login +
              (without
                   ? " (the first time with the file that dmgrd named: --first-secret-file FILE)"
                   : ""));
}

}  // namespace dmgr::client
