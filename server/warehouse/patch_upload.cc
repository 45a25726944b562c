#include "server/warehouse/patch_upload.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "common/enum_words.h"
#include "common/error.h"
#include "server/package/patch.h"
#include "server/store/patch_store.h"

namespace dmgr::warehouse {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".tar.zst";
constexpr std::size_t kMaxFileName = 255;

std::string PatchDir(const Resources& resources) { return resources.warehouse_dir + "/patches"; }

absl::Status CheckFileName(const std::string& name) {
  const bool bad =
      name.empty() || name.size() > kMaxFileName || name.find('/') != std::string::npos ||
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!bad) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "the name of the patch's file must be 1 to {} characters without a slash",
               kMaxFileName)
      .Field("header.file.file_name", "must be a file name");
}

// Removes the files whose rows are gone.
absl::Status RemoveFreedFiles(const Resources& resources) {
  // Under the lock no upload is between its file and its row.
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockPatches(tx));
    ASSIGN_OR_RETURN(const std::set<std::string> kept, store::ListPatchIds(tx));
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(PatchDir(resources), error)) {
      const std::string name = entry.path().filename();
      if (!name.ends_with(kSuffix)) continue;
      if (kept.contains(name.substr(0, name.size() - kSuffix.size()))) continue;
      fs::remove(entry.path(), error);
    }
    return absl::OkStatus();
  });
}

// A patch that was found counts as new again; nullopt: it was removed meanwhile, and its file goes.
absl::StatusOr<std::optional<v1::Patch>> KeepAgain(const Resources& resources,
                                                   const std::string& patch_id) {
  std::optional<v1::Patch> kept;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    kept.reset();
    RETURN_IF_ERROR(store::LockPatches(tx));
    auto found = store::GetPatch(tx, patch_id);
    if (absl::IsNotFound(found.status())) return absl::OkStatus();
    RETURN_IF_ERROR(found.status());
    kept = *std::move(found);
    return store::InsertPatch(tx, *kept);
  }));
  return kept;
}

}  // namespace

std::string PatchArchive(const Resources& resources, const std::string& patch_id) {
  return fmt::format("{}/{}{}", PatchDir(resources), patch_id, kSuffix);
}

absl::StatusOr<v1::Patch> LoadPatch(const Resources& resources, const std::string& patch_id) {
  v1::Patch patch;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(patch, store::GetPatch(tx, patch_id));
    return absl::OkStatus();
  }));
  return patch;
}

std::string Describe(const v1::Patch& patch) {
  const std::string& version = patch.release().version();
  return "patch " + patch.file_name() + (version.empty() ? "" : " (" + version + ")");
}

absl::Status FreePatches(const Resources& resources, const std::string& ending_operation_id) {
  RETURN_IF_ERROR(resources.database->Transact(
      [&](store::Transaction& tx) { return store::FreePatches(tx, ending_operation_id); }));
  return RemoveFreedFiles(resources);
}

absl::Status DeletePatch(const Resources& resources, const std::string& patch_id,
                         const store::Finish& finish) {
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::DeletePatch(tx, patch_id));
    return finish(tx, v1::DeletePatchResponse());
  }));
  return RemoveFreedFiles(resources);
}

absl::StatusOr<std::unique_ptr<PatchUpload>> PatchUpload::Begin(
    const Resources& resources, Uploads* uploads, const v1::UploadPatchHeader& header) {
  RETURN_IF_ERROR(CheckUploadHeader(header.file()));
  RETURN_IF_ERROR(CheckShareable(resources, header.file()));
  RETURN_IF_ERROR(CheckFileName(header.file().file_name()));
  RETURN_IF_ERROR(FreePatches(resources, ""));
  std::unique_ptr<PatchUpload> upload(new PatchUpload(&resources, ToWord(header.component())));
  if (!upload->component_.empty()) {
    RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(upload->present_,
                       store::FindPatch(tx, header.file().sha256(), upload->component_));
      return absl::OkStatus();
    }));
  }
  if (upload->present_.has_value()) {
    const v1::Patch found = *std::exchange(upload->present_, std::nullopt);
    ASSIGN_OR_RETURN(const bool is_there, CanBeHad(resources, found.sha256(),
                                                   PatchArchive(resources, found.patch_id())));
    if (is_there) {
      ASSIGN_OR_RETURN(upload->present_, KeepAgain(resources, found.patch_id()));
    }
    if (upload->present_.has_value()) return upload;
    // Its file is gone, as after a restore: it is received again.
  }
  ASSIGN_OR_RETURN(upload->incoming_,
                   uploads->Begin(header.file(), "patch " + header.file().sha256()));
  ASSIGN_OR_RETURN(upload->lease_, SharedLease::Begin(resources, header.file().sha256()));
  RETURN_IF_ERROR(
      upload->incoming_->Open([hash = &upload->hash_](std::string_view data) -> absl::Status {
        hash->Update(data);
        return absl::OkStatus();
      }));
  return upload;
}

absl::Status PatchUpload::Append(const v1::UploadChunk& chunk) {
  if (present_.has_value()) return absl::OkStatus();
  RETURN_IF_ERROR(lease_->Renew());
  return incoming_->Append(chunk);
}

absl::Status PatchUpload::Keep(v1::Patch* patch) const {
  std::error_code error;
  fs::create_directories(PatchDir(*resources_), error);
  const std::string path = PatchArchive(*resources_, patch->patch_id());
  const std::string made =
      fmt::format("{}/{}{}", incoming_->work_dir(), patch->patch_id(), kSuffix);
  return resources_->database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockPatches(tx));
    // Not there when this is run again.
    std::error_code failed;
    if (fs::exists(made, failed)) fs::rename(made, path, failed);
    if (failed) return WarehouseDiskError(path);
    RETURN_IF_ERROR(store::InsertPatch(tx, *patch));
    RETURN_IF_ERROR(lease_->End(tx));
    ASSIGN_OR_RETURN(*patch, store::GetPatch(tx, patch->patch_id()));
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Patch> PatchUpload::Finish() {
  if (present_.has_value()) return *present_;
  RETURN_IF_ERROR(incoming_->Close());
  const v1::UploadHeader& header = incoming_->header();
  if (const std::string actual = hash_.Hex(); actual != header.sha256()) {
    incoming_->Discard();
    return Error(absl::StatusCode::kInvalidArgument, "PATCH_INVALID",
                 "{} arrived with the sha256 {} where {} was announced", header.file_name(), actual,
                 header.sha256())
        .Remedy("send the file again");
  }
  if (mkdir(incoming_->work_dir().c_str(), 0700) != 0) {
    return WarehouseDiskError(incoming_->work_dir());
  }
  auto patch = package::MakePatch(incoming_->part_path(), header.file_name(), component_,
                                  incoming_->work_dir());
  // Where that fails nothing has to be sent again.
  if (patch.ok()) RETURN_IF_ERROR(lease_->Put(incoming_->part_path()));
  incoming_->Discard();
  RETURN_IF_ERROR(patch.status());
  patch->set_size_bytes(header.size_bytes());
  patch->set_sha256(header.sha256());
  RETURN_IF_ERROR(Keep(&*patch));
  return *patch;
}

}  // namespace dmgr::warehouse
