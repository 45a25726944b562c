#include "server/dm/master_answers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "server/dm/dm_error.h"
#include "server/dm/text.h"

namespace dmgr::dm {
namespace {

constexpr std::size_t kShownFindings = 3;
constexpr std::size_t kMaxName = 128;

// What was learned of a call that was sent twice; see master_client.h.
absl::Status MarkRepeated(const absl::Status& status, bool repeated) {
  if (!repeated || status.ok()) return status;
  Error error(status.code(), Reason(status),
              "{} (an earlier dm-master was asked too, and did not answer)", Message(status));
  for (const char* key :
       {"dm_code", "dm_class", "dm_message", "dm_cause", "dm_workaround", "sources", "remedy"}) {
    const std::string value = Metadata(status, key);
    if (!value.empty()) error.With(key, value);
  }
  return error.With("repeated", "true");
}

}  // namespace

std::string NameIn(const std::string& yaml, std::string_view key) {
  const std::string line = fmt::format("\n{}:", key);
  const std::string text = "\n" + yaml;
  const std::size_t at = text.find(line);
  if (at == std::string::npos) return {};
  std::string_view name = std::string_view(text).substr(at + line.size());
  name = name.substr(0, name.find_first_of("\n#"));
  name.remove_prefix(std::min(name.find_first_not_of(" \t\"'"), name.size()));
  return " " + CleanLine(name.substr(0, name.find_last_not_of(" \t\r\"'") + 1), kMaxName);
}

absl::Status Send(Masters& masters, const UnaryCall& call, const Within& within, bool* repeated) {
  bool sent_twice = false;
  const absl::Status status = masters.Call(call, within, &sent_twice);
  const bool changes = call.kind != CallKind::kRead;
  if (repeated != nullptr) *repeated = sent_twice && changes;
  if (status.ok() || !Reason(status).empty()) return status;
  // Some refusals come as errors of the call.
  return RefusalOf(call.what, WithoutPasswordsOf(call.yaml, std::string(Message(status))),
                   sent_twice && changes);
}

absl::Status RefusalOf(std::string_view what, const std::string& msg, bool repeated) {
  return MarkRepeated(StatusOfDm(what, ParseDmError(msg)), repeated);
}

absl::StatusOr<SourceAnswers> ReadSources(
    std::string_view what, bool result, const std::string& msg,
    google::protobuf::RepeatedPtrField<pb::CommonWorkerResponse>* sources, bool repeated) {
  std::vector<SourceError> errors;
  SourceAnswers answers;
  for (pb::CommonWorkerResponse& source : *sources) {
    if (!source.result()) {
      errors.push_back({source.source(), source.worker(), ParseDmError(source.msg())});
      continue;
    }
    answers.push_back({std::move(*source.mutable_source()), std::move(*source.mutable_worker()),
                       std::move(*source.mutable_msg())});
  }
  if (result && errors.empty()) return answers;
  if (errors.empty()) return RefusalOf(what, msg, repeated);
  const std::string whole = msg.empty() ? "" : ": " + WordsOf(ParseDmError(msg));
  return MarkRepeated(StatusOfDm(std::string(what) + whole, errors), repeated);
}

std::optional<absl::Status> FailedCheck(std::string_view what, const std::string& text) {
  const auto check = ParseCheckResult(text);
  if (!check.has_value() || text.find("detail:") == std::string::npos) return std::nullopt;
  std::vector<std::string> findings;
  std::string instruction;
  std::size_t hidden = 0;
  for (const CheckRow& row : check->rows) {
    if (row.state != CheckState::kFail) continue;
    if (instruction.empty()) instruction = row.instruction;
    if (findings.size() == kShownFindings) {
      ++hidden;
      continue;
    }
    findings.push_back(row.problems.empty()
                           ? row.name
                           : fmt::format("{}: {}", row.name, row.problems.front().short_error));
  }
  if (hidden > 0) findings.push_back(fmt::format("and {} more", hidden));
  return Error(absl::StatusCode::kFailedPrecondition, "DM_PRECHECK_FAILED",
               "{}: DM's precheck did not pass, {} of {} failed: {}", what, check->failed,
               check->total, fmt::join(findings, "; "))
      .Remedy(instruction.empty() ? "check the task, and mend what the check finds" : instruction);
}

absl::Status UnreadableCheck(std::string_view what) {
  return Error(absl::StatusCode::kUnavailable, "DM_UNREADABLE",
               "{}: what DM answered is no result of a check", what);
}

}  // namespace dmgr::dm
