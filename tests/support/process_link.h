#ifndef DMGR_TESTS_SUPPORT_PROCESS_LINK_H_
#define DMGR_TESTS_SUPPORT_PROCESS_LINK_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "server/host/near/link.h"

namespace dmgr::testing {

/// A link to a program that runs here, over its standard input and output. Ends it, with its
/// process group, when it goes.
class ProcessLink : public host::Link {
 public:
  /// Throws std::system_error when the program cannot be started.
  explicit ProcessLink(const std::vector<std::string>& args);
  ~ProcessLink() override;

  absl::StatusOr<std::size_t> Write(std::string_view data, absl::Time deadline) override;
  absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size, absl::Time deadline) override;
  std::string Diagnosis() override;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_PROCESS_LINK_H_
