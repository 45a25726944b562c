#include "server/config.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {

void FuzzDmgrdToml(std::string_view input) {
  std::vector<std::string> problems;
  const Config config = ParseConfig(std::string(input), "dmgrd.toml", "", &problems);
  config.Addresses();
  if (!problems.empty()) return;
  Must(config.pool_size > 0 && config.max_operations > 0 && config.max_steps > 0 &&
           config.pool_threads > 0,
       "a number of nothing is taken");
  Must(config.lease > absl::ZeroDuration() && config.keep_days >= 0, "a time is no time");
}

}  // namespace dmgr::fuzz
