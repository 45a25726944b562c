// A far end that says whatever it likes.
#include <algorithm>
#include <cstring>
#include <memory>

#include "common/error.h"
#include "server/host/near/far_end.h"
#include "server/host/near/frames.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

namespace hv1 = host::hv1;

std::string FrameOf(const std::string& bytes) {
  std::string frame;
  for (int shift = 0; shift < 32; shift += 8) {
    frame += static_cast<char>(bytes.size() >> shift & 0xFF);
  }
  return frame + bytes;
}

// Says this, and ends.
class SayingLink final : public host::Link {
 public:
  explicit SayingLink(std::string text) : text_(std::move(text)) {}

  absl::StatusOr<std::size_t> Write(std::string_view data, absl::Time) override {
    return data.size();
  }
  absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size, absl::Time) override {
    const std::size_t count = std::min(size, text_.size() - at_);
    std::memcpy(buffer, text_.data() + at_, count);
    at_ += count;
    return count;
  }
  std::string Diagnosis() override { return "it has ended"; }

 private:
  const std::string text_;
  std::size_t at_ = 0;
};

hv1::ToHost RequestOf(unsigned kind) {
  hv1::ToHost request;
  switch (kind % 8) {
    case 0:
      request.mutable_get_facts()->add_paths("/a");
      break;
    case 1:
      request.mutable_inspect()->add_paths("/a");
      break;
    case 2:
      request.mutable_query_units()->add_units("a.service");
      break;
    case 3:
      request.mutable_run_program()->add_arguments("a");
      break;
    case 4:
      request.mutable_batch()->add_requests()->mutable_get_facts()->add_paths("/a");
      request.mutable_batch()->add_requests()->mutable_query_units();
      break;
    case 5:
      request.mutable_fetch_file();
      break;
    case 6:
      request.mutable_survey();
      break;
    default:
      request.mutable_remove_paths();
  }
  return request;
}

}  // namespace

void FuzzNear(std::string_view input) {
  const unsigned kind = TakeByte(&input);
  // As it comes, or as the one message that is waited for.
  std::string said(input);
  if (kind >= 128) {
    hv1::FromHost message;
    if (!message.ParseFromString(said)) return;
    message.set_id(2);
    said = FrameOf(message.SerializeAsString());
  }
  hv1::FromHost begun;
  begun.set_id(1);
  begun.mutable_begin()->set_arch("x86_64");
  auto link =
      std::make_unique<SayingLink>(host::kHello + FrameOf(begun.SerializeAsString()) + said);
  hv1::Begin begin;
  begin.set_mode(hv1::Begin::MODE_READ);
  auto far_end = host::FarEnd::StartOverLink(std::move(link), "h1", begin, absl::InfiniteFuture());
  Must(far_end.ok(), "a far end that began is not taken for one");
  std::uint64_t passed_on = 0;
  host::CallOptions options;
  options.on_note = [](const std::string& text) {
    Must(text.size() <= 4096, "a note is longer than it may be");
  };
  const host::StreamTaker taker = {
      .take = [&](const hv1::FromHost& message) { passed_on += message.piece().data().size(); },
      .passed_on = [&] { return passed_on; }};
  const hv1::ToHost request = RequestOf(kind);
  const auto answer = kind % 2 == 0 ? (*far_end)->Call(request, options)
                                    : (*far_end)->Stream(request, options, taker);
  if (!answer.ok()) {
    Must(!Reason(answer.status()).empty(), "an error without a reason");
    Must(Reason(answer.status()) != "FAR_END_LOST" || !(*far_end)->Call(request, options).ok(),
         "a far end that is lost answers");
    return;
  }
  Must(answer->body_case() != hv1::FromHost::BODY_NOT_SET, "an answer that says nothing");
  if (request.has_get_facts()) {
    Must(answer->facts().free_bytes_size() == 1, "an answer of another shape");
  }
  (void)(*far_end)->KeepAlive();
}

}  // namespace dmgr::fuzz
