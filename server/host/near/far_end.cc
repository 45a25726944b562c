#include "server/host/near/far_end.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/host/near/failure.h"
#include "server/host/near/far_end_impl.h"
#include "server/ssh/remote_text.h"

namespace dmgr::host {
namespace {

using Clock = std::chrono::steady_clock;

// The far end ends itself after 30 s of silence.
constexpr absl::Duration kPingAfter = absl::Seconds(5);
// For input that is not taken, since the host's disk may be slow.
constexpr absl::Duration kStall = absl::Minutes(2);
constexpr absl::Duration kCancelPoll = absl::Milliseconds(100);
// For the far end to give up a request that is not wanted any more.
constexpr absl::Duration kGrace = absl::Seconds(2);
// How often it is asked what was passed on of a stream; and how much is told at a time.
constexpr absl::Duration kPassedOnPoll = absl::Milliseconds(20);
constexpr std::uint64_t kAcknowledgeAfter = kStreamWindow / 8;
constexpr int kMaxNotes = 1000;
constexpr std::size_t kMaxNote = 4096;

// Whether callers may read the answer without a further look at its shape.
bool Fits(const hv1::ToHost& request, const hv1::FromHost& answer) {
  switch (request.body_case()) {
    case hv1::ToHost::kBegin:
      return answer.has_begin();
    case hv1::ToHost::kGetFacts:
      return answer.facts().free_bytes_size() == request.get_facts().paths_size();
    case hv1::ToHost::kInspect:
      return answer.inspect().paths_size() == request.inspect().paths_size();
    case hv1::ToHost::kQueryUnits:
      return answer.unit_states().units_size() == request.query_units().units_size();
    case hv1::ToHost::kReceiveRelease:
    case hv1::ToHost::kStoreFile:
      return answer.has_receive_release();
    case hv1::ToHost::kRunProgram:
      return answer.has_program_ended();
    case hv1::ToHost::kBatch: {
      const auto& requests = request.batch().requests();
      const auto& replies = answer.batch().replies();
      return std::equal(requests.begin(), requests.end(), replies.begin(), replies.end(), Fits);
    }
    default:
      return true;
  }
}

}  // namespace

absl::Time FarEnd::Impl::NextLook(const CallOptions& options) const {
  // The host may wait for its pieces to be passed on, which no message tells.
  const bool behind = taker != nullptr && streamed > acknowledged;
  const absl::Duration soon =
      behind ? kPassedOnPoll : (options.cancelled ? kCancelPoll : kPingAfter);
  return std::min(options.deadline, SteadyNow() + std::min(soon, options.silence));
}

absl::Status FarEnd::Impl::Break(const std::string& cause) {
  broken = FarEndLost(host, cause);
  return broken;
}

absl::Status FarEnd::Impl::EndWanted(const CallOptions& options) const {
  if (options.cancelled && options.cancelled()) {
    return Error(absl::StatusCode::kCancelled, "HOST_CANCELLED", "{}: cancelled", host)
        .With("host", host);
  }
  if (SteadyNow() >= options.deadline) {
    return Error(absl::StatusCode::kDeadlineExceeded, "HOST_DEADLINE", "{}: not done in time", host)
        .With("host", host)
        .Remedy("see why the host is slow, then resume");
  }
  return absl::OkStatus();
}

absl::Status FarEnd::Impl::WriteFrame(std::string_view left, const CallOptions& options) {
  auto taken = Clock::now();
  absl::Time give_up = absl::InfiniteFuture();
  absl::Status end;
  while (!left.empty()) {
    // A frame that was begun must be ended for the stream to stay of use.
    if (end.ok() && !(end = EndWanted(options)).ok()) give_up = SteadyNow() + kGrace;
    if (SteadyNow() >= give_up) {
      broken = FarEndLost(host, "it takes no input");
      return end;
    }
    auto written = link->Write(left, std::min(give_up, SteadyNow() + kCancelPoll));
    if (written.ok()) {
      taken = Clock::now();
      left.remove_prefix(std::min(*written, left.size()));
    } else if (Clock::now() - taken > absl::ToChronoNanoseconds(kStall)) {
      return Break(fmt::format("it took no input for {} s", absl::ToInt64Seconds(kStall)));
    } else if (!absl::IsDeadlineExceeded(written.status())) {
      return Break(std::string(Message(written.status())));
    }
  }
  last_sent = SteadyNow();
  return absl::OkStatus();
}

absl::Status FarEnd::Impl::Send(const hv1::ToHost& message, const CallOptions& options) {
  if (!EncodeFrame(message, &frame)) {
    return Error(absl::StatusCode::kInternal, "REQUEST_TOO_BIG",
                 "{}: a request of {} bytes is more than a far end takes", host,
                 message.ByteSizeLong())
        .With("host", host)
        .Remedy("this is a fault of dmgr: please report it");
  }
  return WriteFrame(frame, options);
}

absl::StatusOr<bool> FarEnd::Impl::Fill(absl::Time until) {
  char buffer[64U << 10];
  auto got = link->Read(buffer, sizeof(buffer), until);
  if (absl::IsDeadlineExceeded(got.status())) return false;
  if (!got.ok()) return Break(std::string(Message(got.status())));
  if (*got == 0) return Break(link->Diagnosis());
  last_heard = Clock::now();
  reader.Append({buffer, *got});
  return true;
}

absl::StatusOr<std::optional<hv1::FromHost>> FarEnd::Impl::Poll(const CallOptions& options,
                                                                absl::Time until) {
  for (bool looked = false;;) {
    auto next = reader.Next();
    if (!next.ok()) return Break("it sent " + std::string(Message(next.status())));
    if (!next->has_value()) {
      if (looked && SteadyNow() >= until) return std::nullopt;
      ASSIGN_OR_RETURN(const bool got, Fill(until));
      if (!got) return std::nullopt;
      looked = true;
      continue;
    }
    hv1::FromHost& message = **next;
    if (message.has_pong()) continue;
    if (message.id() != id) {
      return Break(fmt::format("it answered request {}, not {}", message.id(), id));
    }
    switch (message.body_case()) {
      case hv1::FromHost::kProgress:
        if (options.on_progress) options.on_progress(message.progress().bytes_done());
        break;
      case hv1::FromHost::kNote:
        if (options.on_note && ++notes <= kMaxNotes) {
          options.on_note(ssh::RemoteText(message.note().text(), kMaxNote));
        }
        break;
      case hv1::FromHost::kPiece:
      case hv1::FromHost::kFileStart: {
        ASSIGN_OR_RETURN(const bool much, TakeStreamed(std::move(message)));
        if (much) return std::nullopt;
        break;
      }
      case hv1::FromHost::BODY_NOT_SET:
        return Break("it sent an empty answer");
      default:
        return std::move(*next);
    }
  }
}

absl::StatusOr<bool> FarEnd::Impl::TakeStreamed(hv1::FromHost message) {
  if (taker == nullptr) return Break("it streams what was not asked for");
  // What counts for nothing could come without end.
  const bool counts =
      message.has_piece() ? !message.piece().data().empty() : !std::exchange(file_started, true);
  if (!counts) return Break("it streams nothing");
  streamed += message.piece().data().size();
  if (streamed > acknowledged + kStreamWindow) return Break("it sends more than it may");
  const bool much = streamed - acknowledged >= kAcknowledgeAfter && message.has_piece();
  taker->take(std::move(message));
  return much;
}

absl::Status FarEnd::Impl::Acknowledge(const CallOptions& options) {
  if (taker == nullptr) return absl::OkStatus();
  const std::uint64_t passed_on = taker->passed_on();
  const bool all = passed_on == streamed && passed_on > acknowledged;
  if (!all && passed_on < acknowledged + kAcknowledgeAfter) return absl::OkStatus();
  acknowledged = passed_on;
  hv1::ToHost message;
  message.set_id(id);
  message.mutable_taken()->set_bytes(passed_on);
  return Send(message, options);
}

absl::Status FarEnd::Impl::PingIfQuiet() {
  if (SteadyNow() - last_sent < kPingAfter) return absl::OkStatus();
  hv1::ToHost ping;
  ping.mutable_ping();
  return Send(ping, {.deadline = SteadyNow() + kPingAfter});
}

absl::StatusOr<hv1::FromHost> FarEnd::Impl::EndEarly(const absl::Status& why,
                                                     const CallOptions& options) {
  CallOptions last = options;
  last.cancelled = nullptr;
  last.deadline = SteadyNow() + kGrace;
  hv1::ToHost cancel;
  cancel.set_id(id);
  cancel.mutable_cancel();
  if (!Send(cancel, last).ok()) return why;
  auto answer = Poll(last, last.deadline);
  // What of a stream is on its way comes first.
  while (answer.ok() && !answer->has_value() && taker != nullptr && SteadyNow() < last.deadline) {
    answer = Poll(last, last.deadline);
  }
  if (!answer.ok()) return why;
  if (!answer->has_value()) {
    broken = FarEndLost(host, "it did not give up a request in time");
    return why;
  }
  // It was done just before.
  if (!(*answer)->has_failure()) return **std::move(answer);
  const auto& failure = (*answer)->failure();
  const bool obeyed = failure.kind() == hv1::Failure::KIND_CANCELLED;
  return obeyed || absl::IsCancelled(why) ? why : FailureStatus(host, failure);
}

absl::StatusOr<hv1::FromHost> FarEnd::Impl::Await(const CallOptions& options) {
  last_heard = Clock::now();
  while (true) {
    if (absl::Status end = EndWanted(options); !end.ok()) return EndEarly(end, options);
    RETURN_IF_ERROR(PingIfQuiet());
    RETURN_IF_ERROR(Acknowledge(options));
    ASSIGN_OR_RETURN(auto answer, Poll(options, NextLook(options)));
    if (!answer.has_value()) {
      if (Clock::now() - last_heard <= absl::ToChronoNanoseconds(options.silence)) continue;
      return Break(fmt::format("it has said nothing for {} s, not even to pings",
                               absl::ToInt64Seconds(options.silence)));
    }
    if (answer->has_failure()) return FailureStatus(host, answer->failure());
    return *std::move(answer);
  }
}

absl::StatusOr<hv1::FromHost> FarEnd::Impl::Call(hv1::ToHost request, const CallOptions& options) {
  RETURN_IF_ERROR(broken);
  // Nothing is begun that is not wanted any more.
  RETURN_IF_ERROR(EndWanted(options));
  request.set_id(++id);
  notes = 0;
  RETURN_IF_ERROR(Send(request, options));
  ASSIGN_OR_RETURN(hv1::FromHost answer, Await(options));
  if (!Fits(request, answer)) return Break("its answer is not one to what was asked");
  return answer;
}

absl::StatusOr<std::unique_ptr<FarEnd>> FarEnd::Impl::Start(std::unique_ptr<Link> link,
                                                            const std::string& host,
                                                            const std::string& rest,
                                                            const hv1::Begin& begin,
                                                            absl::Time deadline) {
  auto impl = std::make_unique<Impl>();
  impl->link = std::move(link);
  impl->host = host;
  impl->reader.Append(rest);
  hv1::ToHost request;
  *request.mutable_begin() = begin;
  const bool waits = begin.mode() == hv1::Begin::MODE_CHANGE;
  CallOptions options;
  options.deadline = waits ? deadline + kFencing : deadline;
  ASSIGN_OR_RETURN(auto reply, impl->Call(std::move(request), options));
  if (!reply.has_begin()) return FarEndLost(host, "it did not answer to its first request");
  impl->begin_reply = std::move(*reply.mutable_begin());
  return std::unique_ptr<FarEnd>(new FarEnd(std::move(impl)));
}

FarEnd::FarEnd(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FarEnd::~FarEnd() = default;

absl::StatusOr<std::unique_ptr<FarEnd>> FarEnd::StartOverLink(std::unique_ptr<Link> link,
                                                              const std::string& host_name,
                                                              const hv1::Begin& begin,
                                                              absl::Time deadline) {
  MarkerFinder hello(kHello);
  char buffer[4096];
  while (true) {
    auto got = link->Read(buffer, sizeof(buffer), deadline);
    if (!got.ok()) return FarEndLost(host_name, std::string(Message(got.status())));
    if (*got == 0) return FarEndLost(host_name, link->Diagnosis());
    if (hello.Feed({buffer, *got})) break;
    if (hello.gave_up()) return FarEndLost(host_name, "it says something else");
  }
  return Impl::Start(std::move(link), host_name, hello.rest(), begin, deadline);
}

const hv1::BeginReply& FarEnd::begin_reply() const { return impl_->begin_reply; }

absl::StatusOr<hv1::FromHost> FarEnd::Call(hv1::ToHost request, const CallOptions& options) {
  return impl_->Call(std::move(request), options);
}

absl::StatusOr<hv1::FromHost> FarEnd::Stream(hv1::ToHost request, const CallOptions& options,
                                             const StreamTaker& taker) {
  impl_->taker = &taker;
  impl_->streamed = 0;
  impl_->acknowledged = 0;
  impl_->file_started = false;
  auto answer = impl_->Call(std::move(request), options);
  impl_->taker = nullptr;
  return answer;
}

absl::Status FarEnd::KeepAlive() {
  RETURN_IF_ERROR(impl_->broken);
  RETURN_IF_ERROR(impl_->PingIfQuiet());
  // An end of the connection shows only when it is read from. Nothing is under way, so any answer
  // is one too many.
  ASSIGN_OR_RETURN(auto answer, impl_->Poll({}, absl::InfinitePast()));
  if (!answer.has_value()) return absl::OkStatus();
  return impl_->broken = FarEndLost(impl_->host, "it answered unasked");
}

}  // namespace dmgr::host
