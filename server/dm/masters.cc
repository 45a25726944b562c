#include "server/dm/masters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "common/address.h"
#include "common/error.h"
#include "common/grpc_status.h"
#include "common/steady_time.h"
#include "server/dm/text.h"

namespace dmgr::dm {
namespace {

using Traits = grpc::SerializationTraits<google::protobuf::Message>;

// How often a waiting call asks whether it is cancelled.
constexpr std::chrono::milliseconds kAskEvery{20};
constexpr std::size_t kMaxAnswerText = 4000;
// What each has to be connected before the next one may be as well, as in RFC 8305.
constexpr absl::Duration kHeadStart = absl::Milliseconds(500);

bool IsCancelled(const Within& within) { return within.cancelled && within.cancelled(); }

absl::Status CancelledStatus(std::string_view what) {
  return Error(absl::StatusCode::kCancelled, "CANCELLED", "{}: cancelled", what);
}

// What gRPC resolves: an address as what it is, so that nobody is asked about it.
absl::StatusOr<std::string> TargetOf(const std::string& address) {
  const std::optional<HostPort> parsed = ParseHostPort(address);
  if (!parsed.has_value() || parsed->port == 0) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_ADDRESS", "\"{}\" is not host:port",
                 CleanLine(address, kMaxAnswerText));
  }
  const std::string joined = JoinHostPort(parsed->host, parsed->port);
  if (!IsIpAddress(parsed->host)) return "dns:///" + joined;
  return (parsed->host.find(':') == std::string::npos ? "ipv4:" : "ipv6:") + joined;
}

grpc::ChannelArguments ArgumentsOf(int max_answer_bytes) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(max_answer_bytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // Of its own, so that a new line is a new connection, which waits for none of an old one's
  // pauses.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const TlsMaterial& tls) {
  if (tls.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = tls.ca;
  options.pem_cert_chain = tls.certificate;
  options.pem_private_key = tls.key;
  return grpc::SslCredentials(options);
}

// Waits until the channel is connected, or has failed to be, or the time is over. False when it is
// over or somebody cancelled.
bool Connect(grpc::Channel& channel, absl::Time until, const Within& within) {
  grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
  while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE) {
    if (IsCancelled(within) || SteadyNow() >= until) return false;
    channel.WaitForStateChange(state, std::chrono::system_clock::now() + kAskEvery);
    state = channel.GetState(true);
  }
  return true;
}

// One call on a channel that is connected, or says why not. CANCELLED when somebody cancelled it.
grpc::Status Exchange(grpc::GenericStub& stub, const UnaryCall& call, absl::Time until,
                      const Within& within) {
  grpc::ByteBuffer request;
  bool own = false;
  grpc::Status status = Traits::Serialize(call.request, &request, &own);
  if (!status.ok()) return status;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMicroseconds(until - SteadyNow()));
  grpc::CompletionQueue queue;
  const auto reader = stub.PrepareUnaryCall(&context, call.method, request, &queue);
  grpc::ByteBuffer answer;
  reader->StartCall();
  reader->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  bool cancelled = false;
  while (queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kAskEvery) ==
         grpc::CompletionQueue::TIMEOUT) {
    if (cancelled || !IsCancelled(within)) continue;
    cancelled = true;
    context.TryCancel();
  }
  if (status.ok()) status = Traits::Deserialize(&answer, call.response);
  return status;
}

bool WorthAnotherMaster(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

// What is left of a status of somebody else: code and a text that may be shown.
absl::Status Cleaned(const grpc::Status& from) {
  const absl::Status status = FromGrpcStatus(from);
  if (status.ok()) return status;
  return {status.code(), ToAbsl(CleanLine(Message(status), kMaxAnswerText))};
}

absl::Status CallUnknown(const UnaryCall& call, const std::string& address) {
  return Error(absl::StatusCode::kFailedPrecondition, "DM_CALL_UNKNOWN",
               "{}: the dm-master at {} does not know {}", call.what, address, call.method)
      .With("address", address)
      .Remedy("upgrade the cluster to a version of DM that has it");
}

}  // namespace

struct Masters::Line {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<grpc::GenericStub> stub;
};

Masters::Masters(std::vector<std::string> addresses, TlsMaterial tls, int max_answer_bytes)
    : addresses_(std::move(addresses)), tls_(std::move(tls)), max_answer_bytes_(max_answer_bytes) {}
Masters::~Masters() = default;

absl::StatusOr<Masters::Line*> Masters::LineTo(const std::string& address) {
  std::unique_ptr<Line>& line = lines_[address];
  if (line == nullptr) {
    ASSIGN_OR_RETURN(const std::string target, TargetOf(address));
    line = std::make_unique<Line>();
    line->channel =
        grpc::CreateCustomChannel(target, CredentialsOf(tls_), ArgumentsOf(max_answer_bytes_));
    line->stub = std::make_unique<grpc::GenericStub>(line->channel);
  }
  return line.get();
}

std::vector<std::string> Masters::TryOrder() const {
  std::vector<std::string> order = addresses_;
  for (const std::string* preferred : {&last_good_, &leader_}) {
    const auto it = std::find(order.begin(), order.end(), *preferred);
    if (it != order.end()) std::rotate(order.begin(), it, it + 1);
  }
  return order;
}

void Masters::PutReachableFirst(std::vector<std::string>* order, const Within& within) {
  for (auto it = order->begin(); order->size() > 1 && it != order->end(); ++it) {
    if (IsCancelled(within)) return;
    const auto line = LineTo(*it);
    if (!line.ok()) continue;
    const absl::Time until = std::min(within.deadline, SteadyNow() + kHeadStart);
    if (!Connect(*(*line)->channel, until, within)) continue;
    if ((*line)->channel->GetState(false) == GRPC_CHANNEL_READY) {
      std::rotate(order->begin(), it, it + 1);
      return;
    }
    lines_.erase(*it);
  }
}

absl::Status Masters::Try(const std::string& address, const UnaryCall& call, const Within& within,
                          absl::Time until, bool* sent) {
  ASSIGN_OR_RETURN(Line * line, LineTo(address));
  const absl::Time began = SteadyNow();
  if (Connect(*line->channel, until, within)) {
    // On a channel that failed the call is not sent, but says why.
    *sent = line->channel->GetState(false) == GRPC_CHANNEL_READY;
    const absl::Time end = call.kind == CallKind::kLong && *sent ? within.deadline : until;
    const absl::Status status = Cleaned(Exchange(*line->stub, call, end, within));
    if (!absl::IsDeadlineExceeded(status) && !absl::IsCancelled(status)) return status;
  }
  if (IsCancelled(within)) return CancelledStatus(call.what);
  return absl::DeadlineExceededError(
      ToAbsl(fmt::format("{} within {:.1f} s", *sent ? "no answer" : "no connection",
                         absl::ToDoubleSeconds(SteadyNow() - began))));
}

absl::Status Masters::Call(const UnaryCall& call, const Within& within, bool* repeated) {
  RETURN_IF_ERROR(tls_.problem);
  std::vector<std::string> order = TryOrder();
  PutReachableFirst(&order, within);
  std::vector<std::string> answers;
  bool sent_before = false;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (IsCancelled(within)) return CancelledStatus(call.what);
    const absl::Duration left = std::max(within.deadline - SteadyNow(), absl::ZeroDuration());
    if (repeated != nullptr) *repeated = sent_before;
    bool sent = false;
    const absl::Duration share = left / static_cast<double>(order.size() - i);
    const absl::Status status = Try(order[i], call, within, SteadyNow() + share, &sent);
    if (status.ok()) last_good_ = order[i];
    if (absl::IsUnimplemented(status)) return CallUnknown(call, order[i]);
    if (!WorthAnotherMaster(status)) return status;
    sent_before = sent_before || sent;
    lines_.erase(order[i]);
    answers.push_back(fmt::format("{}: {}", order[i], Message(status)));
  }
  const bool single = answers.size() == 1;
  return Error(absl::StatusCode::kUnavailable, "DM_UNAVAILABLE", "{}: {}{}", call.what,
               single ? "" : "no dm-master could do it: ",
               answers.empty() ? "there is no address to ask"
                               : fmt::format("{}", fmt::join(answers, "; ")))
      .With("tried", fmt::format("{}", fmt::join(order, ",")))
      .Remedy("see that more than half of the dm-masters run and can be reached, then try again");
}

}  // namespace dmgr::dm
