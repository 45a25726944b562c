#include "server/check/judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "server/check/tunables.h"
#include "server/clusters/reach.h"

namespace dmgr::check {
namespace {

using Item = v1::CheckItem;

constexpr std::uint32_t kOldestSystemd = 219;
constexpr std::int64_t kMaxSpreadMs = 500;
constexpr std::uint64_t kMemoryEach = std::uint64_t{1} << 30;
constexpr std::uint64_t kLowBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kFewBytes = std::uint64_t{10} << 30;
constexpr std::uint64_t kLowInodes = 1000;
constexpr std::uint64_t kFewInodes = 10000;

constexpr char kSelinux[] = "/sys/fs/selinux/enforce";
constexpr char kGovernor[] = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
constexpr const char* kMoreSettings[] = {kSelinux, kGovernor};

constexpr const char* kFirewalls[] = {"firewalld.service", "ufw.service", "nftables.service"};
constexpr char kIrqbalance[] = "irqbalance.service";

// Its data and its programs are made for these.
constexpr std::string_view kGoodTypes[] = {"ext4", "xfs", "btrfs", "zfs"};
// What is there is lost, or is not only this host's.
constexpr std::string_view kBadTypes[] = {"tmpfs", "nfs", "nfs4", "cifs", "fuse.sshfs"};

bool HasOption(const std::string& options, const std::string& option) {
  return ("," + options + ",").find("," + option + ",") != std::string::npos;
}

// The directories of the instances on a machine; whether programs run from there.
std::map<std::string, bool> DirsOf(const topology::Cluster& cluster, const std::string& machine) {
  std::map<std::string, bool> dirs;
  for (const auto* instance : cluster.OnMachine(machine)) {
    dirs[instance->deploy_dir] = true;
    dirs.emplace(instance->data_dir, false);
    dirs.emplace(instance->log_dir, false);
  }
  return dirs;
}

// Judges one host.
class Bench {
 public:
  Bench(const topology::Cluster& cluster, const HostSeen& seen, std::vector<v1::HostCheck>* checks)
      : cluster_(cluster), seen_(seen), checks_(*checks) {}

  void System();
  void Clock(std::int64_t median_ms, const std::string& usual_zone);
  void Kernel();
  void Disks();
  void Services();
  void Network(const std::set<std::string>& alive);

 private:
  v1::HostCheck& Add(const std::string& name, Item::Level level, const std::string& message) {
    auto& check = checks_.emplace_back();
    check.set_machine_id(seen_.machine);
    check.mutable_item()->set_name(name);
    check.mutable_item()->set_level(level);
    check.mutable_item()->set_message(message);
    return check;
  }
  void Disk(const std::string& dir, bool runs_programs, const hv1::FileSystemSeen& disk);
  void Setting(const Tunable& tunable, const hv1::SettingSeen& setting);
  const hv1::SettingSeen* MoreSetting(const char* file) const;
  bool IsActive(const std::string& unit) const;

  const topology::Cluster& cluster_;
  const HostSeen& seen_;
  std::vector<v1::HostCheck>& checks_;
};

void Bench::System() {
  const auto& facts = seen_.facts;
  Add("os", Item::LEVEL_OK,
      fmt::format("{}, kernel {}, {}", facts.os(), facts.kernel(), facts.arch()));
  Add("systemd", facts.systemd_version() >= kOldestSystemd ? Item::LEVEL_OK : Item::LEVEL_FAILED,
      fmt::format("version {} (at least {} is needed)", facts.systemd_version(), kOldestSystemd));
  const auto instances = cluster_.OnMachine(seen_.machine).size();
  Add("cpu", facts.cpu_cores() >= 2 ? Item::LEVEL_OK : Item::LEVEL_WARNING,
      fmt::format("{} core{} for {} instance{}", facts.cpu_cores(),
                  facts.cpu_cores() == 1 ? "" : "s", instances, instances == 1 ? "" : "s"));
  Add("memory",
      facts.memory_bytes() >= kMemoryEach * instances ? Item::LEVEL_OK : Item::LEVEL_WARNING,
      fmt::format("{} MiB for {} instance{}; 1024 MiB each are advised", facts.memory_bytes() >> 20,
                  instances, instances == 1 ? "" : "s"));
  const std::uint64_t swap = seen_.settings.swap_bytes();
  Add("swap", swap == 0 ? Item::LEVEL_OK : Item::LEVEL_WARNING,
      swap == 0 ? "off"
                : fmt::format("{} MiB are on: what is swapped out answers late; turn it off",
                              swap >> 20));
}

void Bench::Clock(std::int64_t median_ms, const std::string& usual_zone) {
  const bool is_kept = seen_.settings.clock_synchronized();
  Add("time service", is_kept ? Item::LEVEL_OK : Item::LEVEL_WARNING,
      is_kept ? "keeps the clock"
              : "none keeps the clock: set up chrony or systemd-timesyncd, or wait until it has "
                "found the time");
  const std::int64_t off = seen_.clock_offset_ms - median_ms;
  Add("clock", std::abs(off) <= kMaxSpreadMs ? Item::LEVEL_OK : Item::LEVEL_FAILED,
      fmt::format("{} ms off the other hosts{}", off,
                  std::abs(off) <= kMaxSpreadMs
                      ? ""
                      : fmt::format("; more than {} ms: set its clock", kMaxSpreadMs)));
  const std::string& zone = seen_.settings.time_zone();
  const bool is_usual = zone == usual_zone;
  Add("time zone", is_usual ? Item::LEVEL_OK : Item::LEVEL_WARNING,
      fmt::format("{}{}", zone.empty() ? "UTC, or not told" : zone,
                  is_usual ? ""
                           : fmt::format(", other hosts have {}: logs are hard to compare",
                                         usual_zone.empty() ? "none" : usual_zone)));
}

void Bench::Setting(const Tunable& tunable, const hv1::SettingSeen& setting) {
  const std::string name(tunable.name);
  // A kernel without it cannot get it wrong.
  if (!setting.exists()) return;
  if (IsMet(tunable, setting.value())) {
    Add(name, Item::LEVEL_OK, setting.value());
    return;
  }
  std::string message =
      fmt::format("{}, {} is wanted: else {}", setting.value(), WantedWords(tunable), tunable.why);
  if (!setting.writable()) {
    message += "; it cannot be set from within a container: set it on the machine that runs it";
  }
  Add(name, tunable.is_hard ? Item::LEVEL_FAILED : Item::LEVEL_WARNING, message)
      .set_tunable(setting.writable());
}

const hv1::SettingSeen* Bench::MoreSetting(const char* file) const {
  int at = static_cast<int>(Tunables().size());
  for (const char* one : kMoreSettings) {
    if (at >= seen_.settings.settings_size()) return nullptr;
    if (one == file) return &seen_.settings.settings(at);
    ++at;
  }
  return nullptr;
}

void Bench::Kernel() {
  int i = 0;
  for (const auto& tunable : Tunables()) {
    if (i >= seen_.settings.settings_size()) return;
    Setting(tunable, seen_.settings.settings(i++));
  }
  const auto* selinux = MoreSetting(kSelinux);
  Add("selinux", Item::LEVEL_OK,
      selinux == nullptr || !selinux->exists() ? "off"
      : selinux->value() == "1"                ? "enforcing: what dmgr places is labelled"
                                               : "permissive");
  const auto* governor = MoreSetting(kGovernor);
  if (governor != nullptr && governor->exists()) {
    const bool is_fast = governor->value() == "performance" || governor->value() == "schedutil";
    Add("cpu governor", is_fast ? Item::LEVEL_OK : Item::LEVEL_WARNING,
        fmt::format("{}{}", governor->value(), is_fast ? "" : "; performance is advised"));
  }
}

void Bench::Disk(const std::string& dir, bool runs_programs, const hv1::FileSystemSeen& disk) {
  const auto is = [&](const auto& types) {
    return std::ranges::find(types, disk.type()) != std::end(types);
  };
  const std::string where = fmt::format("{} on {} ({})", dir, disk.mount_point(), disk.type());
  Item::Level level = Item::LEVEL_OK;
  std::vector<std::string> words;
  const auto worsen = [&](Item::Level to, const std::string& why) {
    level = std::max(level, to);
    words.push_back(why);
  };
  if (HasOption(disk.options(), "ro")) worsen(Item::LEVEL_FAILED, "it is read-only");
  if (runs_programs && HasOption(disk.options(), "noexec")) {
    worsen(Item::LEVEL_FAILED, "it is mounted noexec: no program can run from there");
  }
  if (disk.free_bytes() < kLowBytes) {
    worsen(Item::LEVEL_FAILED, fmt::format("{} MiB are free", disk.free_bytes() >> 20));
  } else if (disk.free_bytes() < kFewBytes) {
    worsen(Item::LEVEL_WARNING, fmt::format("{} MiB are free", disk.free_bytes() >> 20));
  }
  if (disk.total_inodes() > 0 && disk.free_inodes() < kFewInodes) {
    worsen(disk.free_inodes() < kLowInodes ? Item::LEVEL_FAILED : Item::LEVEL_WARNING,
           fmt::format("{} inodes are free", disk.free_inodes()));
  }
  if (is(kBadTypes)) {
    worsen(Item::LEVEL_WARNING, fmt::format("{} is no place for data", disk.type()));
  } else if (!is(kGoodTypes)) {
    worsen(Item::LEVEL_WARNING, fmt::format("{} is untried", disk.type()));
  }
  if (words.empty()) words.push_back(fmt::format("{} MiB are free", disk.free_bytes() >> 20));
  Add("disk", level, fmt::format("{}: {}", where, fmt::join(words, "; ")));
}

void Bench::Disks() {
  int i = 0;
  std::set<std::string> told;
  for (const auto& [dir, runs_programs] : DirsOf(cluster_, seen_.machine)) {
    if (i >= seen_.settings.file_systems_size()) return;
    const auto& disk = seen_.settings.file_systems(i++);
    // One line for a file system and what it is for.
    const auto key = fmt::format("{} {}", disk.mount_point(), runs_programs);
    if (told.insert(key).second) Disk(dir, runs_programs, disk);
  }
}

bool Bench::IsActive(const std::string& unit) const {
  return std::any_of(seen_.units.units().begin(), seen_.units.units().end(), [&](const auto& one) {
    return one.unit() == unit && one.active_state() == "active";
  });
}

void Bench::Services() {
  std::vector<std::string> walls;
  for (const char* unit : kFirewalls) {
    if (IsActive(unit)) walls.emplace_back(unit);
  }
  std::set<int> ports;
  for (const auto* instance : cluster_.OnMachine(seen_.machine)) {
    for (const int port : instance->Ports()) ports.insert(port);
  }
  Add("firewall", walls.empty() ? Item::LEVEL_OK : Item::LEVEL_WARNING,
      walls.empty() ? "none runs"
                    : fmt::format("{} runs: the other hosts and dmgrd must reach {}",
                                  fmt::join(walls, ", "), fmt::join(ports, ", ")));
  Add("irqbalance", Item::LEVEL_OK,
      IsActive(kIrqbalance) ? "runs" : "does not run; on machines with many cores it is advised");
}

void Bench::Network(const std::set<std::string>& alive) {
  const hv1::ReachPorts tried = PortsToTry(cluster_, seen_.machine);
  bool reaches_all = true;
  for (const auto& one : clusters::UnreachedOf(cluster_, tried, seen_.ports)) {
    if (!one.machine.empty() && !alive.contains(one.machine)) continue;
    Add("ports", Item::LEVEL_FAILED, one.text);
    reaches_all = false;
  }
  if (!reaches_all) return;
  Add("ports", Item::LEVEL_OK,
      fmt::format("{} addresses that its instances connect to can be reached",
                  tried.targets_size()));
}

std::int64_t Median(std::vector<std::int64_t> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string MostFrequent(const std::vector<std::string>& words) {
  std::map<std::string, int> counts;
  for (const auto& word : words) ++counts[word];
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace

hv1::ReadSettings SettingsToRead(const topology::Cluster& cluster, const std::string& machine) {
  hv1::ReadSettings request;
  for (const auto& tunable : Tunables()) request.add_files(std::string(tunable.file));
  for (const char* file : kMoreSettings) request.add_files(file);
  for (const auto& [dir, runs_programs] : DirsOf(cluster, machine)) request.add_dirs(dir);
  return request;
}

hv1::QueryUnits UnitsToQuery() {
  hv1::QueryUnits request;
  for (const char* unit : kFirewalls) request.add_units(unit);
  request.add_units(kIrqbalance);
  return request;
}

hv1::ReachPorts PortsToTry(const topology::Cluster& cluster, const std::string& machine) {
  return clusters::PortsToReach(cluster, cluster.OnMachine(machine), clusters::Reach::kAll);
}

std::vector<v1::HostCheck> Judge(const topology::Cluster& cluster,
                                 const std::vector<HostSeen>& seen) {
  std::vector<v1::HostCheck> checks;
  if (seen.empty()) return checks;
  std::vector<std::int64_t> offsets;
  std::vector<std::string> zones;
  std::set<std::string> alive;
  for (const auto& host : seen) {
    alive.insert(host.machine);
    offsets.push_back(host.clock_offset_ms);
    zones.push_back(host.settings.time_zone());
  }
  const std::int64_t median = Median(offsets);
  const std::string zone = MostFrequent(zones);
  for (const auto& host : seen) {
    Bench bench(cluster, host, &checks);
    bench.System();
    bench.Clock(median, zone);
    bench.Kernel();
    bench.Disks();
    bench.Services();
    bench.Network(alive);
  }
  return checks;
}

}  // namespace dmgr::check
