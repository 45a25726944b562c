#include "server/host/far/actions/host_facts.h"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/processes.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxFile = 64U << 10;

// The value of KEY=value or KEY="value".
std::string ValueOf(const std::string& text, const std::string& key) {
  const std::string line = "\n" + key + "=";
  const auto at = ("\n" + text).find(line);
  if (at == std::string::npos) return {};
  const auto begin = at + line.size() - 1;
  std::string value = text.substr(begin, text.find('\n', begin) - begin);
  value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
  return value;
}

std::string OsName(const Tree& tree) {
  // /etc/os-release is usually a link to this one.
  std::string text = ReadRootFile(tree, "/usr/lib/os-release");
  if (text.empty()) text = ReadRootFile(tree, "/etc/os-release");
  return ValueOf(text, "PRETTY_NAME");
}

// "Version=252.22-1~deb12u1"; older ones say "systemd 219".
std::uint32_t FirstNumber(const std::string& text) {
  const auto digit = text.find_first_of("0123456789");
  if (digit == std::string::npos) return 0;
  return static_cast<std::uint32_t>(std::strtoul(text.c_str() + digit, nullptr, 10));
}

void AddSystemd(Context& context, hv1::Facts* facts) {
  if (!context.programs.Has("systemctl")) return;
  // Without root of the host's, too, and whether it is one with systemd.
  if (context.tree.login() != nullptr) {
    facts->set_systemd_running(context.tree.Walk("/run/systemd/system").end == Walked::End::kThere);
  } else {
    const ProgramResult shown =
        context.programs.Run(context.call, {"systemctl", "show", "--property=Version"});
    if (shown.exit_status == 0 && SystemdRuns(context.tree)) {
      facts->set_systemd_running(true);
      facts->set_systemd_version(FirstNumber(shown.out));
      return;
    }
  }
  const ProgramResult version = context.programs.Run(context.call, {"systemctl", "--version"});
  facts->set_systemd_version(FirstNumber(version.out));
}

}  // namespace

hv1::UserInstance UserInstanceOf(Context& context) {
  const Login& login = *context.tree.login();
  hv1::UserInstance seen;
  seen.set_user(UserName(context.tree, login.owner.user));
  seen.set_home(CleanText(login.home));
  const auto linger = context.tree.FindEntry("/var/lib/systemd/linger/" + seen.user());
  seen.set_lingers(linger.has_value() && linger->Stat().has_value());
  seen.set_runs(
      SystemdRuns(context.tree) &&
      context.programs.Run(context.call, {"systemctl", "show", "--property=Version"}).exit_status ==
          0);
  return seen;
}

std::string ReadRootFile(const Tree& tree, const std::string& path) {
  const auto entry = tree.FindEntry(path);
  if (!entry.has_value()) return {};
  std::string text = ReadFile(*entry, kMaxFile).value_or("");
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

std::string MachineId(const Tree& tree) { return CleanText(ReadRootFile(tree, "/etc/machine-id")); }

std::uint64_t FreeBytes(int dir, const std::string& path) {
  struct statvfs info = {};
  if (fstatvfs(Reopen(dir, path).get(), &info) != 0) {
    throw SystemFailure("cannot look at the file system of", path, errno);
  }
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

hv1::Facts DoGetFacts(Context& context, const hv1::GetFacts& request) {
  hv1::Facts facts;
  utsname names = {};
  uname(&names);
  facts.set_hostname(CleanText(names.nodename));
  facts.set_kernel(CleanText(names.release));
  facts.set_arch(CleanText(names.machine));
  facts.set_machine_id(MachineId(context.tree));
  facts.set_boot_id(CleanText(BootId()));
  facts.set_os(CleanText(OsName(context.tree)));
  facts.set_cpu_cores(static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  struct sysinfo memory = {};
  if (sysinfo(&memory) == 0) {
    facts.set_memory_bytes(static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit);
  }
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  facts.set_clock_ms(static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000);
  for (const auto& path : request.paths()) {
    const Walked walked = context.tree.Walk(path);
    facts.add_free_bytes(FreeBytes(walked.dir.get(), walked.path));
  }
  AddSystemd(context, &facts);
  if (context.tree.login() != nullptr) *facts.mutable_user_instance() = UserInstanceOf(context);
  return facts;
}

}  // namespace dmgr::far
