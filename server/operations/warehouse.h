// Receiving packages into the warehouse.
#ifndef DMGR_SERVER_OPERATIONS_WAREHOUSE_H_
#define DMGR_SERVER_OPERATIONS_WAREHOUSE_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/operations/services.h"
#include "server/package/package.h"

namespace dmgr::operations {

// Uploads under way. Thread-safe; each Upload belongs to one thread.
class Warehouse {
 public:
  explicit Warehouse(const Services* services) : services_(services) {}

  // One stream of chunks into a package.
  class Upload {
   public:
    ~Upload();
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
    // The package, when the same file is in the warehouse already: then nothing is to be sent.
    const std::optional<v1::Package>& present() const { return present_; }
    absl::Status Append(const v1::UploadChunk& chunk);
    // Checks the package as a whole and adds it to the warehouse.
    absl::StatusOr<v1::Package> Finish();

   private:
    friend class Warehouse;
    Upload(Warehouse* warehouse, v1::UploadHeader header, std::string version);
    absl::Status OpenPart();
    absl::Status FeedPart();
    // What arrived is no good: the next try must not find it.
    void Discard();

    Warehouse* warehouse_;
    const v1::UploadHeader header_;
    const std::string version_;
    std::optional<v1::Package> present_;
    std::unique_ptr<package::Receiver> receiver_;
    std::ofstream part_;
    std::uint64_t received_ = 0;
    bool registered_ = false;
  };

  // What arrived of an earlier stream of the same file is used again.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const v1::UploadHeader& header);
  // Bytes of an unfinished upload that are kept.
  absl::StatusOr<std::uint64_t> Received(const std::string& sha256) const;
  // Row first, files after: a package without its row is invisible and removed by the next upload.
  absl::Status Delete(const std::string& version);

 private:
  std::string PartPath(const std::string& sha256) const;
  std::string WorkDir(const std::string& sha256) const;

  const Services* services_;
  std::mutex mutex_;
  // Versions that are being uploaded.
  std::set<std::string> busy_;  // Versions and hashes of the uploads under way.
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_WAREHOUSE_H_
