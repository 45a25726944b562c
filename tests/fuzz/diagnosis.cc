// Logs of processes that do not run.
#include "server/diagnosis/diagnosis.h"

#include <algorithm>

#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

// Bytes that are no UTF-8 stay as they are.
void CheckLine(const std::string& line) {
  Must(!line.empty() && line.size() < 700, "a line is empty, or longer than it may be");
  Must(
      std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
      "a line has a control character");
}

}  // namespace

void FuzzDiagnosis(std::string_view input) {
  diagnosis::Evidence evidence;
  const auto& components = components::kComponents;
  evidence.component = components[TakeByte(&input) % std::size(components)];
  evidence.exit_status = static_cast<int>(TakeByte(&input));
  evidence.logs.push_back({"/log/stdout.log", TakeUntil(&input, '\0')});
  evidence.logs.push_back({"", std::string(input)});
  const auto found = diagnosis::Explain(evidence);
  Must(!found.cause.empty(), "no cause");
  CheckLine(found.cause);
  Must(found.lines.size() <= 9, "more lines than nine");
  for (const std::string& line : found.lines) CheckLine(line);
  diagnosis::Describe({.name = "m1", .machine = "h1", .unit = "u", .problem = "does not start"},
                      found, evidence.exit_status);
}

}  // namespace dmgr::fuzz
