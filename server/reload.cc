#include "server/reload.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "common/error.h"
#include "server/config_file.h"
#include "server/logging.h"

namespace dmgr {
namespace {

void Tell(const ConfigChanges& changes, const Config& config, const std::string& file) {
  if (!changes.taken.empty()) {
    spdlog::info("taken from {}: {}", file, fmt::join(changes.taken, ", "));
  }
  for (const std::string& key : changes.left) {
    spdlog::warn("{} has changed: that takes a restart", config.PlaceOf(file, key));
  }
  if (changes.taken.empty() && changes.left.empty()) {
    spdlog::info("{} was read again: nothing has changed", file.empty() ? "the defaults" : file);
  }
}

}  // namespace

void ReloadConfig(const std::string& file, Config* running, Daemon* daemon) {
  const auto config = LoadConfig(file);
  if (!config.ok()) {
    spdlog::error("the configuration stays as it is: {}", Message(config.status()));
    return;
  }
  const ConfigChanges changes = TakeChanges(*config, running);
  daemon->SetPlaces(running->limits);
  // What is said of it is seen by the louder one of both levels.
  const bool is_quieter = spdlog::level::from_str(running->log_level) > spdlog::get_level();
  if (!is_quieter) ChangeLog(*running);
  Tell(changes, *config, file);
  ChangeLog(*running);
}

}  // namespace dmgr
