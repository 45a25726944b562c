// cluster template: topology files to begin with.
#include <algorithm>
#include <iterator>

#include "client/commands/command.h"
#include "client/commands/topology_examples.h"

namespace dmgr::client {
namespace {

struct Example {
  const char* name;
  const char* text;
};
constexpr Example kExamples[] = {
    {"minimal", kMinimalTopology}, {"full", kFullTopology}, {"local", kLocalTopology}};

Run DeclareTemplate(const Syntax& syntax) {
  auto name = std::make_shared<std::string>("minimal");
  std::vector<std::string> names;
  for (const auto& example : kExamples) names.emplace_back(example.name);
  syntax.Add("KIND", name.get(), "minimal (three hosts), full (every key) or local (one host)")
      .OneOf(names);
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    const auto* example =
        std::find_if(std::begin(kExamples), std::end(kExamples),
                     [&](const Example& candidate) { return *name == candidate.name; });
    environment.terminal->out() << example->text;
    return kDone;
  };
}

}  // namespace

std::vector<Command> ClusterTemplateCommands() {
  return {{"cluster template", "print a topology file to begin with",
           "dmgrctl cluster template minimal > topology.yaml", DeclareTemplate}};
}

}  // namespace dmgr::client
