// Files on their way into the warehouse, whatever they will be.
#ifndef DMGR_SERVER_WAREHOUSE_UPLOADS_H_
#define DMGR_SERVER_WAREHOUSE_UPLOADS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/files.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::warehouse {

// Most bytes of one file.
inline constexpr std::uint64_t kMaxUploadBytes = 8ULL << 30;

// RESOURCE_EXHAUSTED about a path of the warehouse that cannot be written.
absl::Status WarehouseDiskError(const std::string& path);

// Uploads under way. Thread-safe; each Incoming belongs to one thread.
class Uploads {
 public:
  explicit Uploads(std::string warehouse_dir) : warehouse_dir_(std::move(warehouse_dir)) {}

  // The bytes of one file, in order. They are kept by their hash when the stream breaks; the work
  // folder goes with this object.
  class Incoming {
   public:
    // Sees all bytes once: those of an earlier stream, too.
    using Sink = std::function<absl::Status(std::string_view data)>;
    ~Incoming();
    Incoming(const Incoming&) = delete;
    Incoming& operator=(const Incoming&) = delete;
    const v1::UploadHeader& header() const { return header_; }
    // Not made yet.
    std::string work_dir() const;
    std::string part_path() const;
    absl::Status Open(Sink sink);
    absl::Status Append(const v1::UploadChunk& chunk);
    // FAILED_PRECONDITION when bytes are missing.
    absl::Status Close();
    // What arrived is no good, or not needed any more: the next try must not find it.
    void Discard();

   private:
    friend class Uploads;
    Incoming(Uploads* uploads, v1::UploadHeader header, std::string name);
    absl::Status Feed();

    Uploads* const uploads_;
    const v1::UploadHeader header_;
    const std::string name_;
    Sink sink_;
    std::optional<FileWriter> part_;
    std::uint64_t received_ = 0;
  };

  // name: what the upload makes, of which one at a time is made.
  absl::StatusOr<std::unique_ptr<Incoming>> Begin(const v1::UploadHeader& header,
                                                  const std::string& name);
  // Bytes of an unfinished upload that are kept.
  absl::StatusOr<std::uint64_t> Received(const std::string& sha256) const;

  // What is kept of unfinished uploads.
  struct Kept {
    int files = 0;
    std::uint64_t bytes = 0;
  };
  Kept Unfinished() const;
  // Removes what nobody has gone on with for so long; how many there were. Another dmgrd that
  // shares the folder has touched what it receives.
  int Prune(absl::Duration unused_for);

 private:
  const std::string warehouse_dir_;
  std::mutex mutex_;
  // Names and hashes of what is being uploaded.
  std::set<std::string> busy_;
};

// INVALID_ARGUMENT when the header cannot be right.
absl::Status CheckUploadHeader(const v1::UploadHeader& header);

}  // namespace dmgr::warehouse

#endif  // DMGR_SERVER_WAREHOUSE_UPLOADS_H_
