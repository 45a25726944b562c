// Private to this room. The tasks of one cluster, and when each was seen to have changed.
#ifndef DMGR_SERVER_WATCHING_TASK_PICTURE_H_
#define DMGR_SERVER_WATCHING_TASK_PICTURE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/watching/task_feed.h"

namespace dmgr::watching {

// Not thread-safe.
class TaskPicture {
 public:
  // version: greater than of any look before. NOT_FOUND takes all tasks out; after another error
  // they stay as they were.
  void Take(const absl::StatusOr<TaskLook>& look, std::uint64_t version);

  // Adds what has changed after `position`, of these tasks; none: of all.
  void AddChanges(const std::string& cluster, std::uint64_t position,
                  const std::set<std::string>& tasks, TaskNews* news) const;
  bool HasChanged(std::uint64_t position, const std::set<std::string>& tasks) const;

  // NOT_FOUND: there is no such cluster.
  const absl::Status& status() const { return status_; }
  bool is_missing() const { return !status_.ok(); }
  bool is_unreached() const { return !unreached_.empty(); }
  std::uint64_t version() const { return version_; }

 private:
  struct Shown {
    std::shared_ptr<const v1::Task> task;
    // To compare with.
    std::string bytes;
    std::uint64_t version = 0;
  };

  void TakeTasks(const std::vector<v1::Task>& tasks, std::uint64_t version);
  void TakeReason(const std::string& unreached, std::uint64_t version);
  void ForgetOldest();

  std::map<std::string, Shown> tasks_;
  // And when they were seen to be gone.
  std::map<std::string, std::uint64_t> gone_;
  std::string unreached_;
  std::uint64_t unreached_version_ = 0;
  // Of the last change.
  std::uint64_t version_ = 0;
  absl::Status status_;
};

}  // namespace dmgr::watching

#endif  // DMGR_SERVER_WATCHING_TASK_PICTURE_H_
