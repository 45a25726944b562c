#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "common/error.h"
#include "server/clusters/leftovers.h"
#include "server/leftovers/leftovers.h"

namespace dmgr::leftovers {

absl::Status Show(store::Transaction& tx, const std::vector<v1::Machine*>& machines) {
  ASSIGN_OR_RETURN(const auto all, store::ListLeftovers(tx));
  for (v1::Machine* machine : machines) {
    for (const auto& leftover : all) {
      if (leftover.machine_id != machine->machine_id()) continue;
      *machine->add_leftovers() = clusters::ToApi(leftover);
    }
  }
  return absl::OkStatus();
}

absl::Status AddItem(const Resources& resources, const std::string& machine_id,
                     v1::CheckMachineResponse* response) {
  ASSIGN_OR_RETURN(const auto all, clusters::LoadLeftoversOn(resources, machine_id));
  if (all.empty()) return absl::OkStatus();
  std::vector<std::string> words;
  for (const auto& leftover : all) words.push_back(clusters::WordsOf(leftover));
  auto* item = response->add_items();
  item->set_name("leftovers");
  item->set_level(v1::CheckItem::LEVEL_WARNING);
  item->set_message(
      fmt::format("{}: left there when it could not be reached, and may run; clean the machine",
                  fmt::join(words, "; ")));
  return absl::OkStatus();
}

}  // namespace dmgr::leftovers
