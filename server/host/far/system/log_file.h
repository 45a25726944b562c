// One log file, read by lines, and followed through its rotation.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_LOG_FILE_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_LOG_FILE_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "server/host/far/base/call.h"
#include "server/host/far/base/fd.h"
#include "server/host/far/base/paths.h"

namespace dmgr::far {

// What is no regular file counts as not there. Holds little more than one line of it.
class LogFile {
 public:
  LogFile(const Tree* tree, std::string path);

  // Where it is read from: lines of this time (milliseconds of Unix time; 0: all) or later, and of
  // these the last ones (0: all). Throws CANCELLED.
  void Begin(const Call& call, std::int64_t since, std::uint64_t last_lines);

  // A line with its newline; one that is too long comes as several.
  using Take = std::function<void(std::string_view line)>;
  // Hands over what is there since the last time. Throws CANCELLED.
  void Read(const Call& call, const Take& take);
  // The same; also when the file was renamed and is there anew, or was cut short.
  void Follow(const Call& call, const Take& take);
  // A last line that has no newline yet.
  void Finish(const Take& take);

 private:
  bool Open();
  // Whether the path leads to another file by now.
  bool IsReplaced() const;

  const Tree* const tree_;
  const std::string path_;
  Fd file_;
  off_t at_ = 0;
  std::string begun_;
};

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_LOG_FILE_H_
