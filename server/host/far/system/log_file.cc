#include "server/host/far/system/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "server/host/far/base/failure.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/log_time.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kBlock = 64U << 10;
constexpr std::size_t kMaxLine = 64U << 10;
// Less is looked through line by line.
constexpr off_t kSmall = 256 << 10;

struct stat StatOf(int fd, const std::string& path) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) throw SystemFailure("cannot look at", path, errno);
  return info;
}

std::size_t ReadAt(int fd, off_t at, char* buffer, std::size_t size, const std::string& path) {
  while (true) {
    const ssize_t got = pread(fd, buffer, size, at);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw SystemFailure("cannot read", path, errno);
  }
}

// A look into a file without reading all of it.
class LogSearch {
 public:
  LogSearch(const Call* call, int fd, std::string path)
      : call_(call), fd_(fd), path_(std::move(path)) {}

  // Where the first line of that time or later begins.
  off_t Since(off_t size, std::int64_t since, std::int64_t changed) const;
  // Where the last lines of [begin, end) begin.
  off_t Last(off_t begin, off_t end, std::uint64_t lines) const;

 private:
  struct Line {
    off_t begin = 0;
    std::int64_t time = 0;
  };
  // The first line that begins in [begin, end) and has a time, which `fits`; whole_first: a line
  // begins at `begin`.
  std::optional<Line> FirstLine(off_t begin, off_t end, bool whole_first,
                                const std::function<bool(std::int64_t time)>& fits) const;

  const Call* const call_;
  const int fd_;
  const std::string path_;
};

std::optional<LogSearch::Line> LogSearch::FirstLine(
    off_t begin, off_t end, bool whole_first,
    const std::function<bool(std::int64_t time)>& fits) const {
  std::string block(kBlock, '\0');
  std::string head;  // Of the line that begins at line_begin.
  off_t line_begin = begin;
  bool in_line = whole_first;
  for (off_t at = begin; at < end || (in_line && line_begin < end);) {
    call_->CheckCancelled();
    const std::size_t got = ReadAt(fd_, at, block.data(), block.size(), path_);
    if (got == 0) break;
    std::string_view left(block.data(), got);
    while (!left.empty()) {
      const std::size_t newline = left.find('\n');
      if (in_line && head.size() < kBlock) head += left.substr(0, newline);
      if (newline == std::string_view::npos) break;
      left.remove_prefix(newline + 1);
      const auto time = in_line ? LogTime(head) : std::nullopt;
      if (time.has_value() && fits(*time)) return Line{line_begin, *time};
      head.clear();
      in_line = true;
      line_begin = at + static_cast<off_t>(got - left.size());
      if (line_begin >= end) return std::nullopt;
    }
    at += static_cast<off_t>(got);
  }
  const auto time = in_line ? LogTime(head) : std::nullopt;
  if (time.has_value() && fits(*time)) return Line{line_begin, *time};
  return std::nullopt;
}

off_t LogSearch::Since(off_t size, std::int64_t since, std::int64_t changed) const {
  if (changed < since) return size;
  const auto any = [](std::int64_t) { return true; };
  // All lines of [0, low) are older.
  off_t low = 0;
  bool has_times = false;
  for (off_t high = size; high - low > kSmall;) {
    const off_t middle = low + (high - low) / 2;
    const auto line = FirstLine(middle, high, false, any);
    has_times = has_times || line.has_value();
    if (line.has_value() && line->time < since) {
      low = line->begin;
    } else {
      high = middle;
    }
  }
  const auto first = FirstLine(low, size, true, [&](std::int64_t time) { return time >= since; });
  if (first.has_value()) return first->begin;
  has_times = has_times || FirstLine(low, size, true, any).has_value();
  // By its own time something of it is younger: without times in it, who knows what.
  return has_times ? size : 0;
}

off_t LogSearch::Last(off_t begin, off_t end, std::uint64_t lines) const {
  std::string block(kBlock, '\0');
  std::uint64_t seen = 0;
  for (off_t at = end; at > begin;) {
    call_->CheckCancelled();
    const off_t from = std::max<off_t>(begin, at - static_cast<off_t>(kBlock));
    const std::size_t got =
        ReadAt(fd_, from, block.data(), static_cast<std::size_t>(at - from), path_);
    for (std::size_t i = got; i > 0; --i) {
      const off_t after = from + static_cast<off_t>(i);
      // The newline at the very end ends the last line.
      if (block[i - 1] == '\n' && after != end && ++seen == lines) return after;
    }
    at = from;
  }
  return begin;
}

}  // namespace

LogFile::LogFile(const Tree* tree, std::string path) : tree_(tree), path_(std::move(path)) {
  CheckPath(path_);
}

bool LogFile::Open() {
  const auto entry = tree_->FindEntry(path_);
  if (!entry.has_value()) return false;
  Fd file = OpenRegular(*entry);
  if (!file.ok()) return false;
  file_ = std::move(file);
  at_ = 0;
  return true;
}

bool LogFile::IsReplaced() const {
  const auto entry = tree_->FindEntry(path_);
  if (!entry.has_value()) return false;
  const auto there = entry->Stat();
  if (!there.has_value() || !S_ISREG(there->st_mode)) return false;
  const struct stat opened = StatOf(file_.get(), path_);
  return there->st_ino != opened.st_ino || there->st_dev != opened.st_dev;
}

void LogFile::Begin(const Call& call, std::int64_t since, std::uint64_t last_lines) {
  if (!Open()) return;
  const struct stat info = StatOf(file_.get(), path_);
  const LogSearch search(&call, file_.get(), path_);
  const std::int64_t changed =
      static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1000 + info.st_mtim.tv_nsec / 1'000'000;
  if (since != 0) at_ = search.Since(info.st_size, since, changed);
  if (last_lines != 0) at_ = search.Last(at_, info.st_size, last_lines);
}

void LogFile::Read(const Call& call, const Take& take) {
  if (!file_.ok()) return;
  char block[kBlock];
  while (true) {
    call.CheckCancelled();
    const std::size_t got = ReadAt(file_.get(), at_, block, sizeof(block), path_);
    if (got == 0) return;
    at_ += static_cast<off_t>(got);
    std::string_view left(block, got);
    while (!left.empty()) {
      const std::size_t newline = left.find('\n');
      const std::size_t size =
          std::min(newline == std::string_view::npos ? left.size() : newline + 1,
                   kMaxLine - std::min(begun_.size(), kMaxLine - 1));
      begun_ += left.substr(0, size);
      left.remove_prefix(size);
      if (begun_.back() == '\n' || begun_.size() >= kMaxLine) Finish(take);
    }
  }
}

void LogFile::Finish(const Take& take) {
  if (begun_.empty()) return;
  if (begun_.back() != '\n') begun_ += '\n';
  take(begun_);
  begun_.clear();
}

void LogFile::Follow(const Call& call, const Take& take) {
  if (!file_.ok() && !Open()) return;
  // Before the last look at the old one, so that nothing is missed.
  const bool replaced = IsReplaced();
  if (StatOf(file_.get(), path_).st_size < at_) {
    Finish(take);
    at_ = 0;
  }
  Read(call, take);
  if (!replaced) return;
  Finish(take);
  if (Open()) Read(call, take);
}

}  // namespace dmgr::far
