// Sending a call to dm-masters and reading what DM says in its answer. Private to this room.
#ifndef DMGR_SERVER_DM_MASTER_ANSWERS_H_
#define DMGR_SERVER_DM_MASTER_ANSWERS_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <optional>
#include <string>
#include <string_view>

#include "common/error.h"
#include "server/dm/masters.h"
#include "server/dm/text.h"

namespace dmgr::dm {

// For messages: " NAME" of a plain `key: NAME` on a line of its own; empty where there is none.
std::string NameIn(const std::string& yaml, std::string_view key);

// Masters::Call, of which every error has a reason.
absl::Status Send(Masters& masters, const UnaryCall& call, const Within& within, bool* repeated);

// Of the three parts that answers have; see StatusOfDm.
absl::Status RefusalOf(std::string_view what, const std::string& msg, bool repeated);
absl::StatusOr<SourceAnswers> ReadSources(
    std::string_view what, bool result, const std::string& msg,
    google::protobuf::RepeatedPtrField<pb::CommonWorkerResponse>* sources, bool repeated);

template <typename Response>
absl::StatusOr<SourceAnswers> SourcesOf(std::string_view what, Response& response, bool repeated) {
  return ReadSources(what, response.result(), response.msg(), response.mutable_sources(), repeated);
}

// The answer to a call, unless its result is false.
template <typename Response, typename Request>
absl::StatusOr<Response> Ask(Masters& masters, std::string_view what, const char* method,
                             CallKind kind, const Request& request, const Within& within) {
  Response response;
  bool repeated = false;
  RETURN_IF_ERROR(Send(masters, {what, method, kind, request, &response}, within, &repeated));
  if (!response.result()) return RefusalOf(what, response.msg(), repeated);
  return response;
}

template <typename Response>
void ForgetPasswordsOf(std::string_view yaml, Response* response) {
  response->set_msg(WithoutPasswordsOf(yaml, response->msg()));
  for (pb::CommonWorkerResponse& source : *response->mutable_sources()) {
    source.set_msg(WithoutPasswordsOf(yaml, source.msg()));
  }
}

// The same as Ask, where any source's false is one of the call.
template <typename Response, typename Request>
absl::StatusOr<SourceAnswers> AskSources(Masters& masters, std::string_view what,
                                         const char* method, CallKind kind, const Request& request,
                                         const Within& within, std::string_view yaml = {}) {
  Response response;
  bool repeated = false;
  RETURN_IF_ERROR(Send(masters, {what, method, kind, request, &response, yaml}, within, &repeated));
  ForgetPasswordsOf(yaml, &response);
  return SourcesOf(what, response, repeated);
}

// The error of a check that did not pass; nullopt when the text is no check.
std::optional<absl::Status> FailedCheck(std::string_view what, const std::string& text);

absl::Status UnreadableCheck(std::string_view what);

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_MASTER_ANSWERS_H_
