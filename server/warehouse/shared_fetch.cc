#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "common/enum_words.h"
#include "common/error.h"
#include "common/files.h"
#include "common/package/archs.h"
#include "common/package/sha256.h"
#include "server/objects/object_store.h"
#include "server/package/package.h"
#include "server/package/patch.h"
#include "server/store/package_store.h"
#include "server/warehouse/patch_upload.h"
#include "server/warehouse/shared.h"
#include "server/warehouse/uploads.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::warehouse {
namespace {

// The name of the file that tells of which file a package's folder was made.
constexpr char kMark[] = "sha256";

constexpr std::chrono::milliseconds kFetchLook(200);

using Alive = objects::ObjectStore::Alive;

// What tells a fetch of `what` to go on.
Alive AliveUntil(const Resources& resources, const std::string& what, const Cancelled& cancelled) {
  return [&resources, what, cancelled]() -> absl::Status {
    const bool is_ending = resources.ending != nullptr && *resources.ending;
    if (!(cancelled ? cancelled() : is_ending)) return absl::OkStatus();
    return Error(absl::StatusCode::kCancelled, "CANCELLED",
                 "{}: cancelled while it was fetched from the shared warehouse", what)
        .Remedy("do it again");
  };
}

// One fetch at a time: what another step waits for is there then.
absl::StatusOr<std::unique_lock<std::timed_mutex>> BeginFetch(const Alive& alive) {
  static std::timed_mutex mutex;
  std::unique_lock<std::timed_mutex> lock(mutex, std::defer_lock);
  while (!lock.try_lock_for(kFetchLook)) RETURN_IF_ERROR(alive());
  return lock;
}

// A folder for one fetch, which goes with it.
class FetchDir {
 public:
  FetchDir(const Resources& resources, const std::string& sha256)
      : dir_(fmt::format("{}/fetched/{}", resources.warehouse_dir, sha256)) {
    std::error_code error;
    // What a killed dmgrd left.
    std::filesystem::remove_all(dir_, error);
    std::filesystem::create_directories(dir_, error);
  }
  ~FetchDir() {
    std::error_code error;
    std::filesystem::remove_all(dir_, error);
  }
  FetchDir(const FetchDir&) = delete;
  FetchDir& operator=(const FetchDir&) = delete;
  std::string File(const std::string& name) const { return dir_ + "/" + name; }

 private:
  const std::string dir_;
};

absl::Status GetChecked(const Resources& resources, const std::string& sha256,
                        const std::string& path, const Alive& alive) {
  RETURN_IF_ERROR(resources.shared->Get(sha256, path, alive));
  ASSIGN_OR_RETURN(const std::string actual, package::Sha256OfFile(path));
  if (actual == sha256) return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "SHARED_OBJECT_DIFFERS",
               "the shared warehouse {} has under the name {} a file with the sha256 {}",
               resources.shared->Name(), sha256, actual)
      .With("sha256", sha256)
      .Remedy("remove that file there, and upload the package or patch again");
}

absl::Status CheckBuilt(const v1::PackageComponent& recorded, const v1::PackageComponent& made,
                        const std::string& what) {
  if (recorded.release_hash() == made.release_hash() &&
      recorded.archive_hash() == made.archive_hash()) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "SHARED_BUILD_DIFFERS",
               "{}: this dmgrd packs its {} otherwise than the one that has received it", what,
               ToWord(recorded.component()))
      .Remedy("let all replicas run the same dmgrd on the same Debian; then resume");
}

// Packages from before folders were marked are known by their releases. A removal that was cut
// short may have left the mark.
bool IsPackageHere(const Resources& resources, const v1::Package& package) {
  const auto mark = ReadFile(PackageDir(resources, package.version()) + "/" + kMark);
  if (mark.ok() && *mark != package.sha256()) return false;
  std::error_code error;
  return std::filesystem::exists(PackageTree(resources, package.version()), error) &&
         std::all_of(package.components().begin(), package.components().end(),
                     [&](const v1::PackageComponent& component) {
                       std::error_code gone;
                       return std::filesystem::exists(
                           ReleaseArchive(resources, package.version(), component.release_hash()),
                           gone);
                     });
}

// A package that was removed since, and perhaps uploaded anew, is not put in place.
absl::Status CheckStillSame(const Resources& resources, const v1::Package& package) {
  ASSIGN_OR_RETURN(const v1::Package now, LoadPackage(resources, package.version()));
  if (now.sha256() == package.sha256()) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "UPLOAD_IN_PROGRESS",
               "package {} was uploaded anew, as another file, while it was fetched",
               package.version())
      .With("version", package.version())
      .Remedy("do it again");
}

absl::Status FetchPackage(const Resources& resources, const v1::Package& package,
                          const Alive& alive) {
  spdlog::info("package {} is fetched from the shared warehouse", package.version());
  const FetchDir dir(resources, package.sha256());
  const std::string file = dir.File("file");
  const std::string made_dir = dir.File("package");
  RETURN_IF_ERROR(GetChecked(resources, package.sha256(), file, alive));
  ASSIGN_OR_RETURN(const auto receiver, package::Receiver::Create(made_dir, package.version()));
  RETURN_IF_ERROR(ReadChunks(file, 0, kFileChunk, [&](std::string_view data) -> absl::Status {
    RETURN_IF_ERROR(alive());
    return receiver->Append(data);
  }));
  ASSIGN_OR_RETURN(const v1::Package made,
                   receiver->Finish(package.size_bytes(), package.sha256(), CheckPackageTree));
  const v1::PackageComponent none;
  for (const auto& recorded : package.components()) {
    const auto same = std::find_if(
        made.components().begin(), made.components().end(), [&](const auto& component) {
          return component.component() == recorded.component() &&
                 package::ArchOfPart(made, component) == package::ArchOfPart(package, recorded);
        });
    RETURN_IF_ERROR(CheckBuilt(recorded, same == made.components().end() ? none : *same,
                               "package " + package.version()));
  }
  RETURN_IF_ERROR(MarkPackage(made_dir, package.sha256()));
  const std::string target = PackageDir(resources, package.version());
  const std::lock_guard<std::mutex> lock(PackageDirs());
  RETURN_IF_ERROR(CheckStillSame(resources, package));
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(target).parent_path(), error);
  // Made of the file that had this version before.
  std::filesystem::remove_all(target, error);
  std::filesystem::rename(made_dir, target, error);
  return error ? WarehouseDiskError(target) : absl::OkStatus();
}

absl::Status FetchPatch(const Resources& resources, const v1::Patch& patch, const Alive& alive) {
  spdlog::info("{} is fetched from the shared warehouse", Describe(patch));
  const FetchDir dir(resources, patch.sha256());
  const std::string file = dir.File("file");
  const std::string work_dir = dir.File("patch");
  RETURN_IF_ERROR(GetChecked(resources, patch.sha256(), file, alive));
  std::error_code error;
  std::filesystem::create_directories(work_dir, error);
  ASSIGN_OR_RETURN(
      const v1::Patch made,
      package::MakePatch(file, patch.file_name(), ToWord(patch.release().component()), work_dir));
  RETURN_IF_ERROR(CheckBuilt(patch.release(), made.release(), Describe(patch)));
  const std::string target = PatchArchive(resources, patch.patch_id());
  std::filesystem::create_directories(std::filesystem::path(target).parent_path(), error);
  std::filesystem::rename(fmt::format("{}/{}.tar.zst", work_dir, made.patch_id()), target, error);
  return error ? WarehouseDiskError(target) : absl::OkStatus();
}

}  // namespace

std::string PackageDir(const Resources& resources, const std::string& version) {
  return fmt::format("{}/packages/{}", resources.warehouse_dir, version);
}

std::mutex& PackageDirs() {
  static std::mutex mutex;
  return mutex;
}

absl::Status MarkPackage(const std::string& dir, const std::string& sha256) {
  return WriteFileAtomically(dir + "/" + kMark, sha256, 0644);
}

absl::Status HavePackage(const Resources& resources, const std::string& version,
                         const Cancelled& cancelled) {
  if (resources.shared == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::Package package, LoadPackage(resources, version));
  if (IsPackageHere(resources, package)) return absl::OkStatus();
  const Alive alive = AliveUntil(resources, "package " + version, cancelled);
  ASSIGN_OR_RETURN(const auto lock, BeginFetch(alive));
  if (IsPackageHere(resources, package)) return absl::OkStatus();
  const absl::Status fetched = FetchPackage(resources, package, alive);
  return fetched.ok() ? fetched : Annotate(fetched, package.file_name());
}

absl::Status HavePatch(const Resources& resources, const std::string& patch_id,
                       const Cancelled& cancelled) {
  if (resources.shared == nullptr) return absl::OkStatus();
  const std::string archive = PatchArchive(resources, patch_id);
  std::error_code error;
  if (std::filesystem::exists(archive, error)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::Patch patch, LoadPatch(resources, patch_id));
  const Alive alive = AliveUntil(resources, Describe(patch), cancelled);
  ASSIGN_OR_RETURN(const auto lock, BeginFetch(alive));
  if (std::filesystem::exists(archive, error)) return absl::OkStatus();
  const absl::Status fetched = FetchPatch(resources, patch, alive);
  return fetched.ok() ? fetched : Annotate(fetched, patch.file_name());
}

}  // namespace dmgr::warehouse
