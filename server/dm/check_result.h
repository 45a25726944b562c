// DM's precheck of a task as rows. Pure; nothing in a text may throw.
#ifndef DMGR_SERVER_DM_CHECK_RESULT_H_
#define DMGR_SERVER_DM_CHECK_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dmgr::dm {

enum class CheckState { kPass, kWarn, kFail };

struct CheckProblem {
  // "warn" or "fail".
  std::string severity;
  std::string short_error;
};

// What was looked at, and how it is. Texts may have several lines, no other control characters and
// no passwords.
struct CheckRow {
  std::int64_t id = 0;
  std::string name;
  std::string description;
  CheckState state = CheckState::kPass;
  std::vector<CheckProblem> problems;
  // What to do about it.
  std::string instruction;
  std::string extra;
};

struct CheckResult {
  // "pre-check is passed. ", or why it is not.
  std::string sentence;
  // Those that passed are not among them: DM only counts these.
  std::vector<CheckRow> rows;
  bool passed = true;
  std::int64_t total = 0;
  std::int64_t successful = 0;
  std::int64_t failed = 0;
  std::int64_t warning = 0;
};

// The text of an answer to CheckTask and StartTask: a sentence, then "detail:" and JSON. A sentence
// alone means that there is nothing to tell. nullopt when what follows "detail:" is no check.
std::optional<CheckResult> ParseCheckResult(std::string_view text);

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_CHECK_RESULT_H_
