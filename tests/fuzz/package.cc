// Archives that are uploaded as packages.
#include "server/package/package.h"

#include <filesystem>
#include <memory>

#include "common/error.h"
#include "common/package/sha256.h"
#include "server/render/render.h"
#include "tests/fuzz/archive.h"
#include "tests/fuzz/targets.h"
#include "tests/support/temp_dir.h"

namespace dmgr::fuzz {
namespace {

namespace fs = std::filesystem;

// As server/warehouse does.
std::vector<std::string> CheckTree(const std::string& tree_dir) {
  const auto files = render::LoadPackageFiles(tree_dir);
  if (!files.ok()) return {std::string(Message(files.status()))};
  return render::CheckTemplates(*files);
}

absl::StatusOr<v1::Package> Receive(const std::string& work_dir, std::string_view bytes) {
  ASSIGN_OR_RETURN(const auto receiver, package::Receiver::Create(work_dir, "v7.5.2"));
  RETURN_IF_ERROR(receiver->Append(bytes.substr(0, bytes.size() / 2)));
  RETURN_IF_ERROR(receiver->Append(bytes.substr(bytes.size() / 2)));
  package::Sha256 hash;
  hash.Update(bytes);
  return receiver->Finish(bytes.size(), hash.Hex(), CheckTree);
}

}  // namespace

void FuzzPackage(std::string_view input) {
  const test::TempDir dir;
  const std::string work_dir = dir / "work";
  const auto package = Receive(work_dir, Packed(TakeByte(&input), input));
  if (!package.ok()) {
    Must(!Reason(package.status()).empty(), "an error without a reason");
  } else {
    Must(package->components_size() > 0, "a package of nothing");
  }
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    Must(entry.path() == work_dir, "something was written beside the work directory");
  }
  if (!fs::exists(work_dir + "/tree")) return;
  for (const auto& entry : fs::recursive_directory_iterator(work_dir + "/tree")) {
    Must(entry.is_symlink() || entry.is_directory() || entry.is_regular_file(),
         "a special file was unpacked");
  }
}

}  // namespace dmgr::fuzz
