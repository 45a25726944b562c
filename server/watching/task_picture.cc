#include "server/watching/task_picture.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/error.h"

namespace dmgr::watching {
namespace {

// Who is slower than so many tasks go keeps some in its picture.
constexpr std::size_t kMostGone = 10'000;

bool IsOf(const std::set<std::string>& tasks, const std::string& name) {
  return tasks.empty() || tasks.contains(name);
}

}  // namespace

void TaskPicture::Take(const absl::StatusOr<TaskLook>& look, std::uint64_t version) {
  status_ = absl::IsNotFound(look.status()) ? look.status() : absl::OkStatus();
  if (look.ok()) {
    TakeTasks(look->tasks, version);
    TakeReason(look->unreached, version);
  } else if (is_missing()) {
    TakeTasks({}, version);
    TakeReason("", version);
  } else {
    TakeReason(std::string(Message(look.status())), version);
  }
}

void TaskPicture::TakeTasks(const std::vector<v1::Task>& tasks, std::uint64_t version) {
  std::set<std::string> there;
  for (const auto& task : tasks) {
    there.insert(task.task_name());
    std::string bytes = task.SerializeAsString();
    auto& shown = tasks_[task.task_name()];
    if (shown.version != 0 && shown.bytes == bytes) continue;
    shown = {std::make_shared<const v1::Task>(task), std::move(bytes), version};
    gone_.erase(task.task_name());
    version_ = version;
  }
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    if (there.contains(it->first)) {
      ++it;
      continue;
    }
    gone_[it->first] = version;
    version_ = version;
    it = tasks_.erase(it);
  }
  while (gone_.size() > kMostGone) ForgetOldest();
}

void TaskPicture::TakeReason(const std::string& unreached, std::uint64_t version) {
  if (unreached == unreached_) return;
  unreached_ = unreached;
  unreached_version_ = version;
  version_ = version;
}

void TaskPicture::ForgetOldest() {
  gone_.erase(std::ranges::min_element(gone_, {}, [](const auto& one) { return one.second; }));
}

void TaskPicture::AddChanges(const std::string& cluster, std::uint64_t position,
                             const std::set<std::string>& tasks, TaskNews* news) const {
  for (const auto& [name, shown] : tasks_) {
    if (shown.version > position && IsOf(tasks, name)) news->tasks.push_back(shown.task);
  }
  for (const auto& [name, version] : gone_) {
    // To who was told nothing yet it never was.
    if (position > 0 && version > position && IsOf(tasks, name)) {
      news->gone.emplace_back(cluster, name);
    }
  }
  if (!unreached_.empty()) news->unreached[cluster] = unreached_;
  news->is_unreached_changed = news->is_unreached_changed || unreached_version_ > position;
  news->positions[cluster] = version_;
}

bool TaskPicture::HasChanged(std::uint64_t position, const std::set<std::string>& tasks) const {
  if (version_ <= position) return false;
  if (tasks.empty() || unreached_version_ > position) return true;
  return std::ranges::any_of(tasks, [&](const auto& name) {
    const auto shown = tasks_.find(name);
    const auto gone = gone_.find(name);
    return (shown != tasks_.end() && shown->second.version > position) ||
           (gone != gone_.end() && gone->second > position);
  });
}

}  // namespace dmgr::watching
