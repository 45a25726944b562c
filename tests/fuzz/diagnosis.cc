// Logs of processes that do not run.
#include "server/diagnosis/diagnosis.h"

#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {

void FuzzDiagnosis(std::string_view input) {
  diagnosis::Evidence evidence;
  const auto& components = components::kComponents;
  evidence.component = components[TakeByte(&input) % std::size(components)];
  evidence.exit_status = static_cast<int>(TakeByte(&input));
  evidence.logs.push_back({"/log/stdout.log", TakeUntil(&input, '\0')});
  evidence.logs.push_back({"", std::string(input)});
  const auto found = diagnosis::Explain(evidence);
  Must(!found.cause.empty(), "no cause");
  Must(found.cause.find('\n') == std::string::npos, "a cause of two lines");
  Must(found.lines.size() <= 9, "more lines than nine");
  diagnosis::Describe({.name = "m1", .machine = "h1", .unit = "u", .problem = "does not start"},
                      found, evidence.exit_status);
}

}  // namespace dmgr::fuzz
