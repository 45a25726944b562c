// Run scripts for programs that lie where TiUP has them.
#include "server/render/tiup_shape.h"

#include <catch2/catch.hpp>

namespace dmgr::render {
namespace {

TEST_CASE("a program that stands alone is named where TiUP has it, and nothing else is") {
  const auto shaped = [](std::string_view text) {
    return InTiupShape(text, "dm-master", "dm-master");
  };
  CHECK(shaped("exec bin/dm-master \\\n  --name") == "exec bin/dm-master/dm-master \\\n  --name");
  CHECK(shaped("{{/numa_node}}bin/dm-master") == "{{/numa_node}}bin/dm-master/dm-master");
  CHECK(shaped("\"{{deploy_dir}}/bin/dm-master\" && bin/dm-master -V") ==
        "\"{{deploy_dir}}/bin/dm-master/dm-master\" && bin/dm-master/dm-master -V");
  for (const std::string_view other :
       {"bin/dm-master-8261/x", "sbin/dm-master", "bin/dm-master/dm-master", "bin/dm-worker", ""}) {
    CHECK(shaped(other) == other);
  }
}

}  // namespace
}  // namespace dmgr::render
