#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <sstream>
#include <string_view>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxSetting = 4096;

void CheckSetting(const std::string& file) {
  CheckPath(file);
  for (const std::string_view dir : {"/proc/sys/", "/sys/"}) {
    if (std::string_view(file).substr(0, dir.size()) == dir) return;
  }
  throw BadRequest("not a setting of the kernel", file);
}

// Only root can make a way there: no link can lead elsewhere.
hv1::SettingSeen ReadSetting(const Tree& tree, const std::string& file) {
  hv1::SettingSeen seen;
  const std::string real = tree.Real(file);
  std::string value = ReadProc(real).substr(0, kMaxSetting);
  value.erase(value.find_last_not_of(" \t\r\n") + 1);
  seen.set_exists(access(real.c_str(), F_OK) == 0);
  seen.set_value(CleanText(value));
  seen.set_writable(access(real.c_str(), W_OK) == 0);
  return seen;
}

// Fields of a line of /proc/self/mountinfo, proc(5).
struct Mount {
  std::string point;
  std::string options;
  std::string type;
};

// The one that a path lies in, by its name; a later one covers an earlier one.
Mount MountOf(const std::string& path) {
  Mount best;
  std::istringstream lines(ReadProc("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string skip;
    Mount mount;
    fields >> skip >> skip >> skip >> skip >> mount.point >> mount.options;
    for (std::string field; fields >> field && field != "-";) continue;
    fields >> mount.type;
    const std::string& point = mount.point;
    const bool holds = point == "/" || path == point ||
                       (path.size() > point.size() && path.compare(0, point.size(), point) == 0 &&
                        path[point.size()] == '/');
    if (holds && point.size() >= best.point.size()) best = mount;
  }
  return best;
}

hv1::FileSystemSeen LookAtFileSystem(const Tree& tree, const std::string& dir) {
  const Walked walked = tree.Walk(dir);
  struct statvfs info = {};
  if (fstatvfs(Reopen(walked.dir.get(), walked.path).get(), &info) != 0) {
    throw SystemFailure("cannot look at the file system of", walked.path, errno);
  }
  const Mount mount = MountOf(tree.Real(walked.path));
  hv1::FileSystemSeen seen;
  seen.set_type(CleanText(mount.type));
  seen.set_options(CleanText(mount.options));
  seen.set_mount_point(CleanText(mount.point));
  seen.set_total_bytes(static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize);
  seen.set_free_bytes(static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize);
  seen.set_total_inodes(info.f_files);
  seen.set_free_inodes(info.f_favail);
  return seen;
}

// /etc/localtime is a link into the zones.
std::string TimeZone(const Tree& tree) {
  std::array<char, PATH_MAX> target{};
  const std::string link = tree.Real("/etc/localtime");
  const ssize_t size = readlink(link.c_str(), target.data(), target.size());
  if (size <= 0) return {};
  const std::string path(target.data(), static_cast<std::size_t>(size));
  constexpr std::string_view kZones = "zoneinfo/";
  const auto at = path.find(kZones);
  return at == std::string::npos ? std::string() : CleanText(path.substr(at + kZones.size()));
}

bool IsClockKept() {
  timex clock = {};
  return adjtimex(&clock) >= 0 && (clock.status & STA_UNSYNC) == 0;
}

}  // namespace

hv1::ReadSettingsReply DoReadSettings(Context& context, const hv1::ReadSettings& request) {
  hv1::ReadSettingsReply reply;
  for (const auto& file : request.files()) {
    CheckSetting(file);
    *reply.add_settings() = ReadSetting(context.tree, file);
  }
  for (const auto& dir : request.dirs()) {
    *reply.add_file_systems() = LookAtFileSystem(context.tree, dir);
  }
  reply.set_clock_synchronized(IsClockKept());
  reply.set_time_zone(TimeZone(context.tree));
  struct sysinfo memory = {};
  if (sysinfo(&memory) == 0) {
    reply.set_swap_bytes(static_cast<std::uint64_t>(memory.totalswap) * memory.mem_unit);
  }
  return reply;
}

void DoWriteSettings(Context& context, const hv1::WriteSettings& request) {
  for (const auto& setting : request.settings()) CheckSetting(setting.file());
  for (const auto& setting : request.settings()) {
    const std::string real = context.tree.Real(setting.file());
    const Fd fd(open(real.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.ok()) throw SystemFailure("cannot set", setting.file(), errno);
    WriteAll(fd.get(), setting.value() + "\n", setting.file());
  }
}

}  // namespace dmgr::far
