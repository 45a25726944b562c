// Hosts as DM needs them.
#include "server/check/judge.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "server/check/tunables.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::check {
namespace {

using Item = v1::CheckItem;

// A host on which all is well.
HostSeen Good(const topology::Cluster& cluster, const std::string& machine) {
  HostSeen seen;
  seen.machine = machine;
  seen.facts.set_os("Debian 12");
  seen.facts.set_systemd_version(252);
  seen.facts.set_cpu_cores(8);
  seen.facts.set_memory_bytes(std::uint64_t{64} << 30);
  seen.settings.set_clock_synchronized(true);
  seen.settings.set_time_zone("Etc/UTC");
  const auto asked = SettingsToRead(cluster, machine);
  for (const auto& file : asked.files()) {
    auto* setting = seen.settings.add_settings();
    const auto tunable = std::find_if(Tunables().begin(), Tunables().end(),
                                      [&](const auto& one) { return one.file == file; });
    if (tunable == Tunables().end()) continue;
    setting->set_exists(true);
    setting->set_writable(true);
    setting->set_value(std::string(tunable->set_to));
  }
  for (int i = 0; i < asked.dirs_size(); ++i) {
    auto* disk = seen.settings.add_file_systems();
    disk->set_type("ext4");
    disk->set_options("rw,relatime");
    disk->set_mount_point("/");
    disk->set_free_bytes(std::uint64_t{100} << 30);
    disk->set_total_inodes(1000000);
    disk->set_free_inodes(900000);
  }
  return seen;
}

struct Hosts {
  topology::Cluster cluster = clusters::SampleCluster();
  std::vector<HostSeen> seen;

  Hosts() {
    for (const auto& machine : cluster.MachineIds()) seen.push_back(Good(cluster, machine));
  }
  // What is not well.
  std::vector<v1::HostCheck> Bad() const {
    auto checks = Judge(cluster, seen);
    std::erase_if(checks, [](const auto& one) { return one.item().level() == Item::LEVEL_OK; });
    return checks;
  }
  v1::HostCheck OnlyBad() const {
    const auto bad = Bad();
    REQUIRE(bad.size() == 1);
    CHECK(bad[0].machine_id() == "m1");
    return bad[0];
  }
};

TEST_CASE("good hosts pass every check", "[check]") {
  const Hosts hosts;
  CHECK(hosts.Bad().empty());
  CHECK(Judge(hosts.cluster, hosts.seen).size() > 30);
  CHECK(Judge(hosts.cluster, {}).empty());
}

TEST_CASE(
    "each setting that is not as wanted is told, and can be set where the kernel is the "
    "host's own",
    "[check]") {
  const std::vector<std::string> values = {
      "1024", "1000", "128", "1", "60", "2", "[always] madvise never"};
  REQUIRE(values.size() == Tunables().size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO(Tunables()[i].name);
    Hosts hosts;
    auto* setting = hosts.seen[0].settings.mutable_settings(static_cast<int>(i));
    setting->set_value(values[i]);
    auto bad = hosts.OnlyBad();
    CHECK(bad.item().name() == Tunables()[i].name);
    CHECK(bad.tunable());
    CHECK((bad.item().level() == Item::LEVEL_FAILED) == Tunables()[i].is_hard);
    setting->set_writable(false);
    bad = hosts.OnlyBad();
    CHECK_FALSE(bad.tunable());
    CHECK_THAT(bad.item().message(), Catch::Contains("container"));
    setting->set_exists(false);
    CHECK(hosts.Bad().empty());
  }
}

TEST_CASE("clocks are compared with each other", "[check]") {
  Hosts hosts;
  for (auto& host : hosts.seen) host.clock_offset_ms = 5000;
  // dmgrd's own clock is wrong, theirs agree.
  CHECK(hosts.Bad().empty());
  hosts.seen[0].clock_offset_ms = 6000;
  CHECK(hosts.OnlyBad().item().name() == "clock");
  hosts.seen[0].clock_offset_ms = 5000;
  hosts.seen[0].settings.set_time_zone("Europe/Berlin");
  CHECK(hosts.OnlyBad().item().name() == "time zone");
  hosts.seen[0].settings.set_time_zone("Etc/UTC");
  hosts.seen[0].settings.set_clock_synchronized(false);
  CHECK(hosts.OnlyBad().item().name() == "time service");
}

TEST_CASE("a disk that cannot hold the cluster fails, one that is odd is warned of", "[check]") {
  Hosts hosts;
  // Of a deploy directory; the first of its name is told for all of the same file system.
  auto& disks = *hosts.seen[0].settings.mutable_file_systems();
  const auto each = [&](const auto& change) {
    for (auto& disk : disks) change(&disk);
  };
  each([](auto* disk) { disk->set_options("rw,noexec"); });
  CHECK_THAT(hosts.OnlyBad().item().message(), Catch::Contains("noexec"));
  CHECK(hosts.OnlyBad().item().level() == Item::LEVEL_FAILED);
  each([](auto* disk) { disk->set_options("rw"); });
  each([](auto* disk) { disk->set_free_inodes(10); });
  for (const auto& bad : hosts.Bad()) CHECK(bad.item().level() == Item::LEVEL_FAILED);
  each([](auto* disk) {
    disk->set_free_inodes(0);
    disk->set_total_inodes(0);
  });
  CHECK(hosts.Bad().empty());
  each([](auto* disk) { disk->set_type("tmpfs"); });
  for (const auto& bad : hosts.Bad()) CHECK(bad.item().level() == Item::LEVEL_WARNING);
  CHECK_FALSE(hosts.Bad().empty());
}

TEST_CASE("swap, few cores, old systemd and a firewall are told", "[check]") {
  Hosts hosts;
  hosts.seen[0].settings.set_swap_bytes(std::uint64_t{1} << 30);
  CHECK(hosts.OnlyBad().item().name() == "swap");
  hosts.seen[0].settings.set_swap_bytes(0);
  hosts.seen[0].facts.set_systemd_version(208);
  CHECK(hosts.OnlyBad().item().name() == "systemd");
  hosts.seen[0].facts.set_systemd_version(252);
  auto* unit = hosts.seen[0].units.add_units();
  unit->set_unit("firewalld.service");
  unit->set_active_state("active");
  CHECK_THAT(hosts.OnlyBad().item().message(), Catch::Contains("8261, 8262"));
}

TEST_CASE("a host that lives and is not reached is told", "[check]") {
  Hosts hosts;
  const auto add = [&](const std::string& host, hv1::PortProblem::Kind kind) {
    auto* problem = hosts.seen[0].ports.add_problems();
    problem->mutable_target()->set_host(host);
    problem->mutable_target()->set_port(8261);
    problem->set_kind(kind);
  };
  add("10.0.0.2", hv1::PortProblem::KIND_NO_ANSWER);
  const auto bad = hosts.OnlyBad();
  CHECK(bad.item().name() == "ports");
  CHECK(bad.item().level() == Item::LEVEL_FAILED);
  CHECK_THAT(bad.item().message(), Catch::Contains("cannot reach 10.0.0.2:8261"));
  // That one does not answer dmgrd either.
  std::erase_if(hosts.seen, [](const auto& host) { return host.machine == "m2"; });
  CHECK(hosts.Bad().empty());
  add("h9", hv1::PortProblem::KIND_NAME_UNKNOWN);
  CHECK_THAT(hosts.OnlyBad().item().message(), Catch::Contains("h9"));
}

TEST_CASE("an answer that lacks what was asked is judged as far as it goes", "[check]") {
  Hosts hosts;
  hosts.seen[0].settings.clear_settings();
  hosts.seen[0].settings.clear_file_systems();
  CHECK(hosts.Bad().empty());
}

TEST_CASE("a kept file gets what is new, and what it has stays", "[check]") {
  const std::string first = KeepIn(kSysctlFile, "", {"vm.swappiness", "transparent_hugepage"});
  CHECK_THAT(first, Catch::EndsWith("vm.swappiness = 0\n"));
  CHECK(first.find("hugepage") == std::string::npos);
  CHECK(KeepIn(kSysctlFile, first, {"vm.swappiness"}) == first);
  CHECK(KeepIn(kSysctlFile, first, {"net.core.somaxconn"}) ==
        first + "net.core.somaxconn = 32768\n");
  CHECK(KeepIn(kSysctlFile, "vm.swappiness = 60\nx = 1", {"vm.swappiness"}) ==
        "vm.swappiness = 0\nx = 1");
  CHECK(KeepIn(kSysctlFile, "x = 1", {"vm.swappiness"}) == "x = 1\nvm.swappiness = 0\n");
  const std::string file = "/sys/kernel/mm/transparent_hugepage/enabled";
  const std::string boot = KeepIn(kTmpfilesFile, "", {"transparent_hugepage"});
  CHECK_THAT(boot, Catch::EndsWith("w " + file + " - - - - never\n"));
  CHECK(KeepIn(kTmpfilesFile, boot, {"transparent_hugepage"}) == boot);
  CHECK(KeepIn(kTmpfilesFile, "", {"vm.swappiness", "unknown"}).empty());
}

TEST_CASE("numbers of any size are read", "[check]") {
  CHECK(IsMet(*FindTunable("fs.file-max"), "9223372036854775807"));
  CHECK(IsMet(*FindTunable("fs.file-max"), "99999999999999999999999"));
  CHECK_FALSE(IsMet(*FindTunable("fs.file-max"), ""));
  CHECK_FALSE(IsMet(*FindTunable("fs.file-max"), "many"));
  CHECK(FindTunable("none") == nullptr);
}

}  // namespace
}  // namespace dmgr::check
