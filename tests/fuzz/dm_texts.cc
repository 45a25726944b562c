// What DM says in words: refusals, and the rows of its precheck.
#include "common/error.h"
#include "server/dm/check_result.h"
#include "server/dm/dm_error.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

constexpr std::size_t kLongest = 20'000;

void CheckDmWords(const std::string& text) {
  Must(text.size() < kLongest, "words are longer than they may be");
  Must(IsPlainText(text, "\n\t"), "words are no plain text");
}

void CheckDmError(std::string_view text) {
  const dm::DmError error = dm::ParseDmError(text);
  for (const std::string* part : {&error.error_class, &error.scope, &error.level, &error.message,
                                  &error.raw_cause, &error.workaround}) {
    CheckDmWords(*part);
    Must(part->find('\n') == std::string::npos, "a part has several lines");
  }
  CheckDmWords(dm::WordsOf(error));
  const absl::Status status = dm::StatusOfDm("create source s1", error);
  Must(!status.ok() && !Reason(status).empty(), "a refusal without a reason");
  CheckDmWords(std::string(Message(status)));
  const absl::Status several = dm::StatusOfDm(
      "start task t1", std::vector<dm::SourceError>{{"s1", "w1", error}, {"s2", "", error}});
  Must(!several.ok() && !Reason(several).empty(), "refusals without a reason");
}

void CheckRows(std::string_view text) {
  const auto result = dm::ParseCheckResult(text);
  if (!result.has_value()) return;
  CheckDmWords(result->sentence);
  for (const dm::CheckRow& row : result->rows) {
    for (const std::string* part : {&row.name, &row.description, &row.instruction, &row.extra}) {
      CheckDmWords(*part);
    }
    for (const auto& problem : row.problems) CheckDmWords(problem.short_error);
  }
}

}  // namespace

void FuzzDmTexts(std::string_view input) {
  CheckDmError(input);
  CheckRows(input);
}

}  // namespace dmgr::fuzz
