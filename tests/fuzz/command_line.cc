// What somebody types, or a script puts together.
#include <vector>

#include "client/app.h"
#include "client/completion.h"
#include "common/error.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {

void FuzzCommandLine(std::string_view input) {
  std::vector<std::string> words;
  while (!input.empty() && words.size() < 64) words.push_back(TakeUntil(&input, '\n'));
  client::Application application;
  const absl::Status parsed = application.Parse(words);
  Must(parsed.ok() || absl::IsCancelled(parsed) || Reason(parsed) == "BAD_USAGE",
       "a command line is refused for another reason");
  client::Application other;
  client::Completions(other.root(), words, [](client::Things, const std::string&) {
    return std::vector<std::string>{"c1"};
  });
}

}  // namespace dmgr::fuzz
