// Receiving packages into the warehouse.
#ifndef DMGR_SERVER_WAREHOUSE_WAREHOUSE_H_
#define DMGR_SERVER_WAREHOUSE_WAREHOUSE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/package/package.h"
#include "server/resources/resources.h"
#include "server/store/request_store.h"
#include "server/warehouse/shared.h"
#include "server/warehouse/uploads.h"

namespace dmgr::warehouse {

// What is wrong with a package's unpacked tree beyond its structure.
std::vector<std::string> CheckPackageTree(const std::string& tree_dir);

// NOT_FOUND, PACKAGE_NOT_FOUND.
absl::StatusOr<v1::Package> LoadPackage(const Resources& resources, const std::string& version);

// Thread-safe; each Upload belongs to one thread.
class Warehouse {
 public:
  explicit Warehouse(const Resources* resources)
      : resources_(resources), uploads_(resources->warehouse_dir) {}

  // Shared by all that is uploaded.
  Uploads& uploads() { return uploads_; }

  // One stream of chunks into a package.
  class Upload {
   public:
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
    // The package, when the same file is in the warehouse already: then nothing is to be sent. One
    // whose files are gone, as after a restore, is received again.
    const std::optional<v1::Package>& present() const { return present_; }
    absl::Status Append(const v1::UploadChunk& chunk);
    // Checks the package as a whole and adds it to the warehouse.
    absl::StatusOr<v1::Package> Finish();

   private:
    friend class Warehouse;
    explicit Upload(const Resources* resources, std::string version)
        : resources_(resources), version_(std::move(version)) {}

    const Resources* resources_;
    const std::string version_;
    std::optional<v1::Package> present_;
    // It is on record, and its files are gone.
    bool is_again_ = false;
    std::unique_ptr<Uploads::Incoming> incoming_;
    std::unique_ptr<SharedLease> lease_;
    // Goes before the folder that it works in.
    std::unique_ptr<package::Receiver> receiver_;
  };

  // What arrived of an earlier stream of the same file is used again.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const v1::UploadHeader& header);
  // Row first, files after: a package without its row is invisible and removed by the next upload.
  // Ends its transaction with finish.
  absl::Status Delete(const std::string& version, const store::Finish& finish);

 private:
  const Resources* resources_;
  Uploads uploads_;
};

}  // namespace dmgr::warehouse

#endif  // DMGR_SERVER_WAREHOUSE_WAREHOUSE_H_
