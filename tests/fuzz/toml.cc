// The configuration of dm-master and dm-worker: a user's file, a package's, and the two together.
#include "client/topology/topology.h"
#include "common/error.h"
#include "server/render/toml_config.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {

void FuzzToml(std::string_view input) {
  const auto component =
      TakeByte(&input) % 2 == 0 ? topology::Component::kDmMaster : topology::Component::kDmWorker;
  const std::string base = TakeUntil(&input, '\0');
  const auto config = client::ParseToml(std::string(input), "f.toml");
  for (const char* version : {"v2.0.1", "v7.5.2", "v9.9.9"}) {
    const auto merged =
        render::MergeToml("conf/x.toml", base, config.ok() ? *config : google::protobuf::Struct(),
                          component, version);
    if (!merged.ok()) continue;
    Must(render::TomlProblem("merged", *merged).empty(), "the merged file is no TOML");
    const auto again = render::MergeToml("conf/x.toml", *merged, {}, component, version);
    Must(again.ok() && *again == *merged, "the merged file changes when it is merged again");
  }
}

}  // namespace dmgr::fuzz
