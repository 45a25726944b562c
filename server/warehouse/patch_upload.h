// Patches in the warehouse: {warehouse}/patches/{patch_id}.tar.zst.
#ifndef DMGR_SERVER_WAREHOUSE_PATCH_UPLOAD_H_
#define DMGR_SERVER_WAREHOUSE_PATCH_UPLOAD_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/package/sha256.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/request_store.h"
#include "server/warehouse/shared.h"
#include "server/warehouse/uploads.h"

namespace dmgr::warehouse {

std::string PatchArchive(const Resources& resources, const std::string& patch_id);
absl::StatusOr<v1::Patch> LoadPatch(const Resources& resources, const std::string& patch_id);

// "patch dm-worker-fix.tar.gz (v7.5.1-fix)".
std::string Describe(const v1::Patch& patch);

// Forgets the patches that nobody uses any more, and removes their files. ending_operation_id: an
// operation that is about to let go of its cluster for good, or empty.
absl::Status FreePatches(const Resources& resources, const std::string& ending_operation_id);

// Removes a patch that nobody uses: FAILED_PRECONDITION else. Ends its transaction with finish.
absl::Status DeletePatch(const Resources& resources, const std::string& patch_id,
                         const store::Finish& finish);

// One stream of chunks into a patch. One thread.
class PatchUpload {
 public:
  // What arrived of an earlier stream of the same file is used again.
  static absl::StatusOr<std::unique_ptr<PatchUpload>> Begin(const Resources& resources,
                                                            Uploads* uploads,
                                                            const v1::UploadPatchHeader& header);
  PatchUpload(const PatchUpload&) = delete;
  PatchUpload& operator=(const PatchUpload&) = delete;
  // The patch, when it was made of the same file before: then nothing is to be sent.
  const std::optional<v1::Patch>& present() const { return present_; }
  absl::Status Append(const v1::UploadChunk& chunk);
  // Finds the program and adds it to the warehouse.
  absl::StatusOr<v1::Patch> Finish();

 private:
  PatchUpload(const Resources* resources, std::string component)
      : resources_(resources), component_(std::move(component)) {}
  absl::Status Keep(v1::Patch* patch) const;

  const Resources* resources_;
  const std::string component_;
  std::optional<v1::Patch> present_;
  std::unique_ptr<Uploads::Incoming> incoming_;
  std::unique_ptr<SharedLease> lease_;
  package::Sha256 hash_;
};

}  // namespace dmgr::warehouse

#endif  // DMGR_SERVER_WAREHOUSE_PATCH_UPLOAD_H_
