#include "common/components/traits.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>

namespace dmgr::components {
namespace {

// Runs the rest of the test once for each component.
const Traits& Each() {
  const Component component = GENERATE(from_range(std::begin(kComponents), std::end(kComponents)));
  const Traits& traits = TraitsOf(component);
  CHECK(traits.component == component);
  return traits;
}

bool HasProgram(const Traits& traits, std::string_view path) {
  return std::ranges::any_of(traits.programs, [&](const Program& program) {
    return path == "bin/" + std::string(program.name);
  });
}

TEST_CASE("A component is found by its name, and by no other") {
  const Traits& traits = Each();
  CAPTURE(traits.name);
  CHECK(Name(traits.component) == traits.name);
  CHECK(ParseComponent(traits.name) == traits.component);
  CHECK_FALSE(ParseComponent(std::string(traits.name) + "s").has_value());
  CHECK_FALSE(ParseComponent("").has_value());
}

TEST_CASE("What tells components apart differs") {
  std::set<std::string_view> names;
  std::set<std::string_view> sections;
  std::set<std::string_view> lists;
  std::set<std::string_view> programs;
  std::set<int> ports;
  std::size_t all_programs = 0;
  std::size_t all_ports = 0;
  for (const Component component : kComponents) {
    const Traits& traits = TraitsOf(component);
    names.insert(traits.name);
    sections.insert(traits.section);
    lists.insert(traits.scraped_as);
    for (const Program& program : traits.programs) programs.insert(program.name);
    for (const Port& port : traits.ports) ports.insert(port.usual);
    all_programs += traits.programs.size();
    all_ports += traits.ports.size();
  }
  CHECK(names.size() == std::size(kComponents));
  CHECK(sections.size() == std::size(kComponents));
  CHECK(lists.size() == std::size(kComponents));
  CHECK(programs.size() == all_programs);
  // On one host all of them run with the ports that they usually have.
  CHECK(ports.size() == all_ports);
}

TEST_CASE("A wave is not before that of the component before") {
  CHECK(std::ranges::is_sorted(kComponents, {},
                               [](Component component) { return TraitsOf(component).wave; }));
}

TEST_CASE("Only members of DM take turns with it") {
  const Traits& traits = Each();
  CAPTURE(traits.name);
  CHECK((traits.dm_role == DmRole::kNone) == (traits.turns == Turns::kBesideDm));
  CHECK((traits.dm_role == DmRole::kNone) == (traits.wave == Wave::kMonitoring));
  CHECK((traits.dm_role != DmRole::kNone) == traits.dm_version);
}

TEST_CASE("What a record names is in the record") {
  const Traits& traits = Each();
  CAPTURE(traits.name);
  if (!traits.checker.program.empty()) CHECK(HasProgram(traits, traits.checker.program));
  for (const std::string_view tree : traits.own_trees) {
    CHECK(std::ranges::find(traits.trees, tree) != traits.trees.end());
  }
  // Parents are made before what is in them.
  for (auto dir = traits.dirs.begin(); dir != traits.dirs.end(); ++dir) {
    const auto slash = dir->rfind('/');
    if (slash == std::string_view::npos) continue;
    CHECK(std::find(traits.dirs.begin(), dir, dir->substr(0, slash)) != dir);
  }
  for (const Template& one : traits.templates) {
    CAPTURE(one.name);
    const auto slash = one.target.rfind('/');
    REQUIRE(slash != std::string_view::npos);
    const std::string_view dir = one.target.substr(0, slash);
    const bool common = dir == "scripts" || dir == "conf";
    CHECK((common || std::ranges::find(traits.dirs, dir) != traits.dirs.end()));
    CHECK((one.syntax == Syntax::kShell) == (one.mode == 0755));
    CHECK(one.secret == (one.mode == 0600));
  }
}

}  // namespace
}  // namespace dmgr::components
