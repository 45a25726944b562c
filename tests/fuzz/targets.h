// What the fuzzer calls with bytes of its own making, one function a kind of input. Each hands them
// to the room that reads such input, and throws when an answer is not what the room promises. What
// they hold of their own they make once: the fuzzer calls them a thousand times a second.
#ifndef DMGR_TESTS_FUZZ_TARGETS_H_
#define DMGR_TESTS_FUZZ_TARGETS_H_

#include <string>
#include <string_view>

namespace dmgr::fuzz {

void FuzzBackup(std::string_view input);
void FuzzCommandLine(std::string_view input);
void FuzzDiagnosis(std::string_view input);
void FuzzDmAnswers(std::string_view input);
void FuzzDmTexts(std::string_view input);
void FuzzDmgrdToml(std::string_view input);
void FuzzErrors(std::string_view input);
void FuzzFar(std::string_view input);
void FuzzFrames(std::string_view input);
void FuzzJson(std::string_view input);
void FuzzMigrations(std::string_view input);
void FuzzMonitoring(std::string_view input);
void FuzzNear(std::string_view input);
void FuzzPackage(std::string_view input);
void FuzzPages(std::string_view input);
void FuzzPatch(std::string_view input);
void FuzzRender(std::string_view input);
void FuzzRequests(std::string_view input);
void FuzzResponses(std::string_view input);
void FuzzTemplates(std::string_view input);
void FuzzText(std::string_view input);
void FuzzToml(std::string_view input);
void FuzzTopology(std::string_view input);

// Throws with these words unless it holds.
void Must(bool holds, std::string_view words);

// Whether it is UTF-8 that no terminal obeys, but for the control characters of `allowed`.
bool IsPlainText(std::string_view text, std::string_view allowed = "");

// Takes a number from the front of the input; 0 at its end.
unsigned TakeByte(std::string_view* input);
// Takes what comes before the first `end`, and that; all when there is none.
std::string TakeUntil(std::string_view* input, char end);

}  // namespace dmgr::fuzz

#endif  // DMGR_TESTS_FUZZ_TARGETS_H_
