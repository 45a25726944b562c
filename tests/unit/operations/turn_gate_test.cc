// Who of the dm-workers gets in beside whom.
#include "server/operations/steps/turn_gate.h"

#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <string>

namespace dmgr::operations {
namespace {

dm::Members Workers(const std::map<std::string, std::string>& stages) {
  dm::Members members;
  for (const auto& [name, stage] : stages) members.workers.push_back({name, "", stage, ""});
  return members;
}

TEST_CASE("all that carry nothing have their turn together when there are no sources") {
  TurnGate gate;
  const dm::Members members = Workers({{"w1", "free"}, {"w2", "free"}, {"w3", "free"}});
  const auto one = gate.TryEnter("w1", members, false);
  const auto two = gate.TryEnter("w2", members, false);
  const auto three = gate.TryEnter("w3", members, false);
  CHECK(one.has_value());
  CHECK(two.has_value());
  CHECK(three.has_value());
}

TEST_CASE("one stays free for the sources, until another one is free again") {
  TurnGate gate;
  const dm::Members members =
      Workers({{"w1", "free"}, {"w2", "free"}, {"w3", "free"}, {"w4", "bound"}});
  auto one = gate.TryEnter("w1", members, true);
  const auto two = gate.TryEnter("w2", members, true);
  REQUIRE(one.has_value());
  REQUIRE(two.has_value());
  // Those inside are still free by a list that is a moment old.
  CHECK_FALSE(gate.TryEnter("w3", members, true).has_value());
  one.reset();
  CHECK(gate.TryEnter("w3", members, true).has_value());
}

TEST_CASE("the only one that is free gets in alone") {
  TurnGate gate;
  const dm::Members members = Workers({{"w1", "free"}, {"w2", "bound"}, {"w3", "offline"}});
  const auto one = gate.TryEnter("w1", members, true);
  CHECK(one.has_value());
  CHECK_FALSE(gate.TryEnter("w3", members, true).has_value());
}

}  // namespace
}  // namespace dmgr::operations
