// A stream of bytes to a far end.
#ifndef DMGR_SERVER_HOST_NEAR_LINK_H_
#define DMGR_SERVER_HOST_NEAR_LINK_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace dmgr::host {

// Implemented over an SSH channel and, for tests, over a child process's pipes.
class Link {
 public:
  virtual ~Link() = default;
  // Writes a part of data, at least one byte; returns how many. DEADLINE_EXCEEDED when nothing
  // could be written in time.
  virtual absl::StatusOr<std::size_t> Write(std::string_view data, absl::Time deadline) = 0;
  // At least one byte, or 0 at the end. DEADLINE_EXCEEDED when nothing came in time.
  virtual absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size, absl::Time deadline) = 0;
  // After the stream broke: exit status and stderr of the program, in words.
  virtual std::string Diagnosis() = 0;
};

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_LINK_H_
