// Files that are uploaded as patches.
#include "server/package/patch.h"

#include <filesystem>

#include "common/error.h"
#include "tests/fuzz/archive.h"
#include "tests/fuzz/targets.h"
#include "tests/support/temp_dir.h"

namespace dmgr::fuzz {

void FuzzPatch(std::string_view input) {
  static constexpr const char* kComponents[] = {"", "dm-worker", "prometheus", "grafana"};
  const test::TempDir dir;
  const std::string component = kComponents[TakeByte(&input) % std::size(kComponents)];
  const std::string path = dir.Write("upload/file", Packed(TakeByte(&input), input));
  std::filesystem::create_directory(dir / "work");
  const auto patch = package::MakePatch(path, "dm-worker-hotfix.tar.gz", component, dir / "work");
  if (!patch.ok()) {
    Must(Reason(patch.status()) == "PATCH_INVALID", "a file is refused for another reason");
    return;
  }
  Must(component.empty() || !patch->patch_id().empty(), "a patch without an id");
  Must(std::filesystem::exists(dir / ("work/" + patch->patch_id() + ".tar.zst")), "no archive");
}

}  // namespace dmgr::fuzz
