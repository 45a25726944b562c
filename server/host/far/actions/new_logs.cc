#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/clock.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/journal.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {
namespace {

constexpr std::uint32_t kMostBytes = 256U << 10;
constexpr std::size_t kMostReply = 4U << 20;

// A file of a log that is open for reading. Its folder belongs to a user, who could put anything
// there.
struct LogFile {
  Fd fd;
  struct stat info = {};
};

std::optional<LogFile> OpenLog(const Tree& tree, const std::string& path) {
  const auto entry = tree.FindEntry(path);
  if (!entry.has_value()) return std::nullopt;
  LogFile file;
  file.fd = OpenRegular(*entry);
  if (!file.fd.ok() || fstat(file.fd.get(), &file.info) != 0) return std::nullopt;
  return file;
}

std::uint64_t ModifiedUs(const struct stat& info) { return Microseconds(info.st_mtim); }

// What the file has after `begin`, at most its last max_bytes.
std::string TextAfter(const LogFile& file, std::uint64_t begin, std::uint32_t max_bytes) {
  const auto size = static_cast<std::uint64_t>(file.info.st_size);
  if (size > max_bytes) begin = std::max(begin, size - max_bytes);
  std::string text(size - std::min(begin, size), '\0');
  const ssize_t got = pread(file.fd.get(), text.data(), text.size(), static_cast<off_t>(begin));
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

// Since the mark was taken.
std::string TextSince(const Tree& tree, const hv1::FileMark& mark, std::uint32_t max_bytes) {
  const auto file = OpenLog(tree, mark.path());
  if (!file.has_value()) return {};
  const bool same = file->info.st_ino == mark.inode() &&
                    static_cast<std::uint64_t>(file->info.st_size) >= mark.size();
  return TextAfter(*file, same ? mark.size() : 0, max_bytes);
}

// Its end, when it was written to since.
std::string EndSince(const Tree& tree, const std::string& path, std::uint64_t since_us,
                     std::uint32_t max_bytes) {
  const auto file = OpenLog(tree, path);
  if (!file.has_value() || ModifiedUs(file->info) < since_us) return {};
  return TextAfter(*file, 0, max_bytes);
}

// When the unit's main process was last started, by the wall clock; now when it never was.
std::uint64_t LastStartUs(Context& context, const std::string& unit) {
  UnitNames units;
  *units.Add() = unit;
  const std::uint64_t started = ShowUnits(context, units)[0].main_started;
  const std::uint64_t uptime = MicrosecondsOf(CLOCK_MONOTONIC);
  const std::uint64_t now = MicrosecondsOf(CLOCK_REALTIME);
  return started == 0 || started > uptime ? now : now - (uptime - started);
}

}  // namespace

hv1::LogMarks DoMarkLogs(Context& context, const hv1::MarkLogs& request) {
  hv1::LogMarks marks;
  marks.set_time_us(MicrosecondsOf(CLOCK_REALTIME));
  for (const auto& path : request.paths()) {
    CheckPath(path);
    auto* mark = marks.add_files();
    mark->set_path(path);
    const auto file = OpenLog(context.tree, path);
    if (!file.has_value()) continue;
    mark->set_inode(file->info.st_ino);
    mark->set_size(static_cast<std::uint64_t>(file->info.st_size));
  }
  return marks;
}

hv1::NewLogs DoReadNewLogs(Context& context, const hv1::ReadNewLogs& request) {
  const std::uint32_t max_bytes = std::min(request.max_bytes(), kMostBytes);
  hv1::NewLogs reply;
  std::size_t bytes = 0;
  const auto add = [&](const std::string& unit, const std::string& path, const std::string& text) {
    if (text.empty() || bytes + text.size() > kMostReply) return;
    bytes += text.size();
    auto* log = reply.add_logs();
    log->set_unit(unit);
    log->set_path(path);
    log->set_text(CleanText(text));
  };
  for (const auto& source : request.sources()) {
    CheckUnit(source.unit());
    const bool is_marked = source.since_us() != 0;
    const std::uint64_t since = is_marked ? source.since_us() : LastStartUs(context, source.unit());
    for (const auto& mark : source.files()) {
      CheckPath(mark.path());
      add(source.unit(), mark.path(),
          is_marked ? TextSince(context.tree, mark, max_bytes)
                    : EndSince(context.tree, mark.path(), since, max_bytes));
    }
    add(source.unit(), "", JournalSince(context, source.unit(), since, max_bytes));
  }
  return reply;
}

hv1::Space DoGetSpace(Context& context, const hv1::GetSpace& request) {
  hv1::Space reply;
  for (const auto& path : request.paths()) {
    CheckPath(path);
    const Walked walked = context.tree.Walk(path);
    struct statvfs info = {};
    auto* space = reply.add_paths();
    space->set_path(path);
    if (fstatvfs(Reopen(walked.dir.get(), walked.path).get(), &info) != 0) {
      throw SystemFailure("cannot look at", walked.path, errno);
    }
    space->set_free_bytes(std::uint64_t{info.f_bavail} * info.f_frsize);
    space->set_free_inodes(info.f_favail);
    space->set_all_inodes(info.f_files);
  }
  return reply;
}

}  // namespace dmgr::far
