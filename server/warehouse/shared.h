// The warehouse that several dmgrd share (Resources::shared): the files that were uploaded, by
// their SHA-256. What is unpacked of them in the warehouse's own folder is a cache of it.
#ifndef DMGR_SERVER_WAREHOUSE_SHARED_H_
#define DMGR_SERVER_WAREHOUSE_SHARED_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/shared_upload_store.h"

namespace dmgr::warehouse {

// Of one upload: what dmgrd takes, and the shared warehouse.
std::uint64_t MaxUploadBytes(const Resources& resources);
// INVALID_ARGUMENT when the shared warehouse takes no file as large as this.
absl::Status CheckShareable(const Resources& resources, const v1::UploadHeader& header);

// The upload of a file that is to be shared, from its first byte until its row is there. One that
// ends otherwise is cleaned up by whichever dmgrd comes by, and so is that of a dead one, after its
// lease. One thread. Without a shared warehouse it does nothing.
class SharedLease {
 public:
  static absl::StatusOr<std::unique_ptr<SharedLease>> Begin(const Resources& resources,
                                                            const std::string& sha256);
  ~SharedLease();
  SharedLease(const SharedLease&) = delete;
  SharedLease& operator=(const SharedLease&) = delete;

  // To be called while it goes on, as often as it likes.
  absl::Status Renew();
  // Puts the file at path.
  absl::Status Put(const std::string& path);
  // In the transaction that inserts the row of the file.
  absl::Status End(store::Transaction& tx) const;

 private:
  SharedLease(const Resources* resources, store::SharedUpload upload);

  const Resources* resources_;
  const store::SharedUpload upload_;
  absl::Time next_renewal_;
};

// Where a package is on this machine: a folder with tree/, releases/ and the SHA-256 of its file.
std::string PackageDir(const Resources& resources, const std::string& version);
// Held by whoever puts a package's folder in place, or removes it, and looks at its row or changes
// it.
std::mutex& PackageDirs();
// Says of which file the folder was made.
absl::Status MarkPackage(const std::string& dir, const std::string& sha256);
// Whether the file can be had from the shared warehouse; without one, whether local_path is there.
absl::StatusOr<bool> CanBeHad(const Resources& resources, const std::string& sha256,
                              const std::string& local_path);

using Cancelled = std::function<bool()>;

// Fetches a package, or patch, that this machine does not have, and makes of it what an upload
// makes. To be called before its files are used. SHARED_OBJECT_MISSING; SHARED_OBJECT_DIFFERS when
// what came has another SHA-256; SHARED_BUILD_DIFFERS; CANCELLED. Without a shared warehouse it
// does nothing. cancelled: none is that of a call, which ends with this dmgrd.
absl::Status HavePackage(const Resources& resources, const std::string& version,
                         const Cancelled& cancelled = nullptr);
absl::Status HavePatch(const Resources& resources, const std::string& patch_id,
                       const Cancelled& cancelled = nullptr);

// Removes what dead uploads have left in the shared warehouse, and files whose last row is gone;
// is_ending is asked between them.
absl::Status CleanShared(const Resources& resources, const std::function<bool()>& is_ending);
// Removes what this machine keeps of packages that are gone for so long.
absl::Status CleanCache(const Resources& resources, absl::Duration gone_for);

}  // namespace dmgr::warehouse

#endif  // DMGR_SERVER_WAREHOUSE_SHARED_H_
