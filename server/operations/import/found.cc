#include "server/operations/import/found.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/components/traits.h"
#include "server/operations/import/said.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

// Another one is that of a user's own systemd, which has its units elsewhere.
bool HasUnitFiles(const topology::Cluster& cluster) { return !cluster.user_mode; }

class ForeignHost {
 public:
  ForeignHost(const hv1::InspectReply& seen, std::vector<std::string>* problems)
      : seen_(seen), problems_(*problems) {}

  void Expect(const Instance& instance, hv1::PathState::Type type, const std::string& path,
              const char* what) {
    for (const auto& state : seen_.paths()) {
      if (state.path() != path) continue;
      // A link leads where its owner wants it: TiUP follows it.
      if (state.type() == type || state.type() == hv1::PathState::TYPE_SYMLINK) return;
    }
    problems_.push_back(fmt::format("{}: there is no {} {}", instance.name, what, path));
  }

  void ExpectUnit(const Instance& instance) {
    const auto& units = seen_.units();
    const auto unit =
        std::ranges::find(units, instance.Unit(), [](const auto& one) { return one.unit(); });
    if (unit == units.end() || !unit->loaded()) {
      problems_.push_back(fmt::format("{}: systemd has no {}", instance.name, instance.Unit()));
    }
  }

 private:
  const hv1::InspectReply& seen_;
  std::vector<std::string>& problems_;
};

}  // namespace

std::string TiupScript(const Instance& instance) {
  return fmt::format("{}/scripts/run_{}.sh", instance.deploy_dir,
                     topology::Name(instance.component));
}

std::string TiupUnitFile(const Instance& instance) {
  return "/etc/systemd/system/" + instance.Unit();
}

hv1::Inspect TiupInspection(const topology::Cluster& cluster,
                            const std::vector<const Instance*>& instances) {
  hv1::Inspect inspect;
  inspect.set_user(cluster.user);
  inspect.set_group(cluster.group);
  for (const Instance* instance : instances) {
    for (const std::string& path :
         {instance->deploy_dir + "/bin", instance->deploy_dir + "/conf", TiupScript(*instance)}) {
      inspect.add_paths(path);
    }
    if (instance->IsDm()) inspect.add_paths(instance->data_dir);
    inspect.add_units(instance->Unit());
  }
  return inspect;
}

std::vector<std::string> NotAsTiup(const topology::Cluster& cluster,
                                   const std::vector<const Instance*>& instances,
                                   const hv1::InspectReply& seen,
                                   const std::map<std::string, std::string>& unit_files) {
  std::vector<std::string> problems;
  if (!seen.user_exists()) problems.push_back(fmt::format("there is no user {}", cluster.user));
  ForeignHost host(seen, &problems);
  for (const Instance* instance : instances) {
    constexpr auto kDirectory = hv1::PathState::TYPE_DIRECTORY;
    host.Expect(*instance, kDirectory, instance->deploy_dir + "/bin", "directory");
    host.Expect(*instance, kDirectory, instance->deploy_dir + "/conf", "directory");
    host.Expect(*instance, hv1::PathState::TYPE_FILE, TiupScript(*instance), "run script");
    if (instance->IsDm()) {
      host.Expect(*instance, kDirectory, instance->data_dir, "data directory");
    }
    host.ExpectUnit(*instance);
    const auto file = unit_files.find(TiupUnitFile(*instance));
    if (!HasUnitFiles(cluster) || file == unit_files.end()) continue;
    if (file->second.find(TiupScript(*instance)) != std::string::npos) continue;
    problems.push_back(
        fmt::format("{}: {} does not run {}", instance->name, file->first, TiupScript(*instance)));
  }
  return problems;
}

bool RunsAs(const std::string& unit_file, const std::string& user) {
  return !user.empty() && UserIn(unit_file) == user;
}

pv1::UnitsSeen UnitsIn(const hv1::InspectReply& seen) {
  pv1::UnitsSeen units;
  for (const auto& unit : seen.units()) {
    if (unit.active_state() == "active") units.add_active(unit.unit());
    if (unit.enabled()) units.add_enabled(unit.unit());
  }
  return units;
}

}  // namespace dmgr::operations
