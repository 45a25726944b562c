#include "tests/fault/state.h"

#include <fmt/format.h>

#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

// What a running cluster writes goes its own way.
bool IsWritten(const std::string& path) {
  return path.find("/data/") != std::string::npos || path.find("/log/") != std::string::npos;
}

// systemd remembers a unit that it has seen for a while; only its state counts.
constexpr char kUnits[] =
    "for u in /etc/systemd/system/*-[0-9]*.service; do test -e $u || continue; u=${u##*/}; "
    "echo $u $(systemctl is-enabled $u) $(systemctl is-active $u); done";
constexpr char kFarEnds[] = "pgrep -c dmgr-host || true";

// Everything of the tables but ids, times and secrets.
constexpr const char* kQueries[] = {
    "SELECT cluster_name, cluster_version, cluster_status, os_user, os_group, topology"
    " FROM cluster_meta ORDER BY 1",
    "SELECT cluster_name, instance_name, position, component, machine_id, port, deploy_dir,"
    " data_dir, log_dir, needs_reload, patch_id FROM cluster_topology ORDER BY 1, 2",
    "SELECT cluster_name, component, patch_id FROM cluster_patch ORDER BY 1, 2",
    "SELECT host_identity, port, cluster_name, instance_name FROM instance_port ORDER BY 1, 2",
    "SELECT cluster_name, machine_id, before FROM cluster_host ORDER BY 1, 2",
    "SELECT cluster_name FROM operation WHERE holds_cluster ORDER BY 1"};

}  // namespace

State ReadState(Site& site, const std::vector<std::string>& hosts) {
  State state;
  for (const auto& host : hosts) {
    // A far end whose dmgrd was killed ends itself; those of this one are asked to.
    Eventually([&] { return site.lab().Ssh(host, kFarEnds) == "0\n"; });
    state["far ends on " + host] = site.lab().Ssh(host, kFarEnds);
    state["units on " + host] = site.lab().Ssh(host, kUnits);
    for (const auto& [path, what] : site.Tree(host, IsWritten)) {
      state[fmt::format("{}:{}", host, path)] = what;
    }
  }
  for (const char* query : kQueries) {
    state[query] = test::Sql(
        site.daemon().dsn(),
        fmt::format("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM ({}) t", query));
  }
  return state;
}

std::string FirstDifference(const State& wanted, const State& got) {
  for (const auto& [what, value] : wanted) {
    const auto found = got.find(what);
    if (found == got.end()) return fmt::format("{} is missing: {}", what, value);
    if (found->second != value) {
      return fmt::format("{}: wanted\n{}\ngot\n{}", what, value, found->second);
    }
  }
  for (const auto& [what, value] : got) {
    if (!wanted.contains(what)) return fmt::format("{} is too much: {}", what, value);
  }
  return "";
}

}  // namespace dmgr::testing
