// Stored releases as they are sent: to several hosts side by side, and read once for all of them.
#ifndef DMGR_SERVER_HOST_NEAR_ARCHIVE_H_
#define DMGR_SERVER_HOST_NEAR_ARCHIVE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dmgr::host {

// An open file. Keeps the blocks that were read last: copying each from the kernel for every host
// took a tenth of what a deploy costs dmgrd. Thread-safe.
class Archive {
 private:
  struct Slot {
    std::string bytes;
    std::uint64_t offset = 0;
    // Loans that hold it.
    int users = 0;
  };

 public:
  // A block on loan.
  class Loan {
   public:
    Loan(Loan&& other) noexcept
        : archive_(other.archive_), slot_(std::exchange(other.slot_, nullptr)) {}
    ~Loan();
    // Good as long as the loan, which must end before its archive.
    std::string_view bytes() const { return slot_->bytes; }

   private:
    friend class Archive;
    Loan(Archive* archive, Slot* slot) : archive_(archive), slot_(slot) {}
    Archive* archive_;
    Slot* slot_;
  };

  // One for all who have the same file open at the same time. DATA_LOSS, RELEASE_UNREADABLE when
  // it has another size or cannot be opened.
  static absl::StatusOr<std::shared_ptr<Archive>> Open(const std::string& path,
                                                       std::uint64_t expected_size);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // The bytes from offset on, which must be there. Shared by those who ask for the same.
  absl::StatusOr<Loan> Read(std::uint64_t offset, std::size_t size);

 private:
  Archive(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status Fill(Slot* slot) const;
  // The first of slots_ then: one that nobody uses.
  void TakeSpare();

  const std::string path_;
  const int fd_;
  std::mutex mutex_;  // Guards slots_ and what is in them, but for the bytes of blocks on loan.
  // The one that was asked for last comes first.
  std::list<Slot> slots_;
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_ARCHIVE_H_
