#include "server/operations/steps/install.h"

#include <map>
#include <utility>

#include "common/enum_words.h"
#include "common/error.h"
#include "server/clusters/cluster_key.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/runner.h"
#include "server/warehouse/patch_upload.h"
#include "server/warehouse/shared.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using topology::Instance;

// An instance with its component's release and store.
struct Part {
  const Instance* instance = nullptr;
  const v1::PackageComponent* release = nullptr;
  std::string store;
};

std::vector<Part> PartsOf(const std::vector<const Instance*>& instances, const v1::Package& package,
                          const clusters::HostBefore& before) {
  std::vector<Part> parts;
  for (const auto* instance : instances) {
    const auto store = before.stores.find(instance->deploy_dir);
    const auto* release = clusters::ReleaseFor(package, *instance);
    if (store == before.stores.end() || release == nullptr) continue;
    parts.push_back({instance, release, store->second});
  }
  return parts;
}

// By the store that they are placed from.
std::map<std::string, hv1::PlaceReleases> PlacementsByStore(const std::vector<Part>& parts) {
  std::map<std::string, hv1::PlaceReleases> by_store;
  for (const auto& part : parts) {
    auto& place = by_store[part.store];
    place.set_store_dir(part.store);
    for (auto& placement : clusters::PlacementsOf(*part.instance, *part.release)) {
      *place.add_placements() = std::move(placement);
    }
  }
  return by_store;
}

absl::StatusOr<std::uint64_t> SendTo(const std::set<std::string>& stores, StepContext& context,
                                     const v1::PackageComponent& release,
                                     const std::string& archive, Sending sending) {
  std::uint64_t sent = 0;
  for (const auto& store_dir : stores) {
    hv1::ReceiveRelease request;
    request.set_store_dir(store_dir);
    request.set_hash(release.release_hash());
    request.set_compressed_bytes(release.compressed_bytes());
    request.set_unpacked_bytes(release.size_bytes());
    request.set_archive_hash(release.archive_hash());
    request.set_checked(sending == Sending::kChanged);
    ASSIGN_OR_RETURN(const auto bytes, Hosts(context).SendRelease(context, request, archive));
    sent += bytes;
  }
  return sent;
}

absl::StatusOr<bool> HasReleases(const std::set<std::string>& stores, StepContext& context,
                                 const std::set<std::string>& hashes) {
  for (const auto& store : stores) {
    hv1::ToHost request;
    request.mutable_query_releases()->set_store_dir(store);
    for (const auto& hash : hashes) request.mutable_query_releases()->add_hashes(hash);
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    if (reply.query_releases().present_size() < static_cast<int>(hashes.size())) return false;
  }
  return true;
}

// The patches of a component's instances on the machine.
std::set<std::string> PatchesOn(const topology::Cluster& cluster, const std::string& machine,
                                std::string_view component) {
  std::set<std::string> patches;
  for (const auto* instance : cluster.OnMachine(machine)) {
    if (topology::Name(instance->component) == component && !instance->patch.empty()) {
      patches.insert(instance->patch);
    }
  }
  return patches;
}

}  // namespace

void AddFiles(const topology::Cluster& cluster, const render::RenderedInstance& rendered,
              hv1::WriteFiles* write) {
  for (const auto& file : rendered.files) {
    auto* out = write->add_files();
    out->set_path(file.path);
    out->set_mode(file.secret ? 0600 : file.mode);
    out->set_owner(cluster.user);
    out->set_group(cluster.group);
    out->set_content(file.content);
  }
}

std::set<std::string> StoresFor(const topology::Cluster& cluster, const std::string& machine,
                                std::string_view component, const clusters::HostBefore& before) {
  std::set<std::string> stores;
  for (const auto* instance : cluster.OnMachine(machine)) {
    if (topology::Name(instance->component) != component) continue;
    auto it = before.stores.find(instance->deploy_dir);
    if (it != before.stores.end()) stores.insert(it->second);
  }
  return stores;
}

absl::StatusOr<std::uint64_t> SendComponent(const Resources& resources, StepContext& context,
                                            const topology::Cluster& cluster,
                                            const v1::Package& package,
                                            const std::string& component_name,
                                            const clusters::HostBefore& before, Sending sending) {
  const std::string& machine = Machine(context);
  RETURN_IF_ERROR(warehouse::HavePackage(resources, package.version(), CancelledBy(context)));
  const auto* component = clusters::ReleaseOn(package, cluster, machine, component_name);
  if (component == nullptr) {
    return Error(absl::StatusCode::kInternal, "RELEASE_MISSING", "package {} has no {} for {}",
                 package.version(), component_name, clusters::ArchOn(cluster, machine));
  }
  ASSIGN_OR_RETURN(
      std::uint64_t sent,
      SendTo(StoresFor(cluster, machine, component_name, before), context, *component,
             ReleaseArchive(resources, package.version(), component->release_hash()), sending));
  for (const auto& patch : PatchesOn(cluster, machine, component_name)) {
    ASSIGN_OR_RETURN(const auto bytes,
                     SendPatch(resources, context, cluster, patch, before, sending));
    sent += bytes;
  }
  return sent;
}

absl::StatusOr<std::uint64_t> SendPatch(const Resources& resources, StepContext& context,
                                        const topology::Cluster& cluster,
                                        const std::string& patch_id,
                                        const clusters::HostBefore& before, Sending sending) {
  ASSIGN_OR_RETURN(const v1::Patch patch, warehouse::LoadPatch(resources, patch_id));
  RETURN_IF_ERROR(warehouse::HavePatch(resources, patch_id, CancelledBy(context)));
  return SendTo(StoresFor(cluster, Machine(context), ToWord(patch.release().component()), before),
                context, patch.release(), warehouse::PatchArchive(resources, patch_id), sending);
}

absl::StatusOr<bool> HasComponent(StepContext& context, const topology::Cluster& cluster,
                                  const v1::Package& package, const std::string& component_name,
                                  const clusters::HostBefore& before) {
  const std::string& machine = Machine(context);
  const auto* component = clusters::ReleaseOn(package, cluster, machine, component_name);
  if (component == nullptr) return false;
  std::set<std::string> hashes = PatchesOn(cluster, machine, component_name);
  hashes.insert(component->release_hash());
  return HasReleases(StoresFor(cluster, machine, component_name, before), context, hashes);
}

absl::StatusOr<bool> HasPatch(StepContext& context, const topology::Cluster& cluster,
                              std::string_view component, const std::string& patch_id,
                              const clusters::HostBefore& before) {
  return HasReleases(StoresFor(cluster, Machine(context), component, before), context, {patch_id});
}

absl::Status DropUnused(const Resources& resources, StepContext& context,
                        const std::set<std::string>& hashes,
                        const std::vector<std::string>& versions) {
  ASSIGN_OR_RETURN(const auto record, LoadCluster(resources, context));
  const std::string& machine = Machine(context);
  ASSIGN_OR_RETURN(const auto before,
                   clusters::LoadBefore(resources, record.cluster.name, machine));
  std::set<std::string> used;
  for (const auto* instance : record.cluster.OnMachine(machine)) used.insert(instance->patch);
  for (const auto& version : versions) {
    ASSIGN_OR_RETURN(const auto package, warehouse::LoadPackage(resources, version));
    for (const auto& component : package.components()) used.insert(component.release_hash());
  }
  hv1::ToHost request;
  auto* drop = request.mutable_drop_releases();
  for (const auto& hash : hashes) {
    if (!used.contains(hash)) drop->add_hashes(hash);
  }
  if (drop->hashes().empty()) return absl::OkStatus();
  std::set<std::string> stores;
  for (const auto& [dir, store] : before.stores) stores.insert(store);
  for (const auto& store : stores) drop->add_store_dirs(store);
  return Hosts(context).Call(context, std::move(request)).status();
}

hv1::EnsureAccount AccountOf(const topology::Cluster& cluster, const std::string& public_key) {
  hv1::EnsureAccount account;
  account.set_user(cluster.user);
  account.set_group(cluster.group);
  account.set_create(!cluster.skip_create_user);
  account.set_public_key(clusters::LoginLine(cluster, public_key));
  return account;
}

hv1::DropOldKeys OldKeysOf(const topology::Cluster& cluster, const std::string& public_key) {
  hv1::DropOldKeys drop;
  drop.set_user(cluster.user);
  drop.set_public_key(clusters::LoginLine(cluster, public_key));
  return drop;
}

hv1::ToHost Preparation(const store::ClusterRecord& record, const topology::Cluster& concerned,
                        const std::string& machine) {
  hv1::ToHost request;
  *request.mutable_batch()->add_requests()->mutable_ensure_account() =
      AccountOf(record.cluster, record.public_key);
  auto* dirs = request.mutable_batch()->add_requests()->mutable_make_dirs();
  for (auto& dir : clusters::DirsToMake(concerned, machine)) {
    *dirs->add_dirs() = std::move(dir);
  }
  return request;
}

absl::StatusOr<std::vector<std::string>> ChangedReleases(
    StepContext& context, const std::vector<const Instance*>& instances, const v1::Package& package,
    const clusters::HostBefore& before) {
  hv1::ToHost request;
  hv1::Survey& survey = *request.mutable_survey();
  for (const auto& part : PartsOf(instances, package, before)) {
    for (auto& hash : clusters::ReleasesOf(*part.instance, package)) {
      auto* release = survey.add_releases();
      release->set_store_dir(part.store);
      release->set_hash(std::move(hash));
    }
  }
  const std::vector<hv1::SurveyRelease> asked(survey.releases().begin(), survey.releases().end());
  ASSIGN_OR_RETURN(const auto reply, Hosts(context).Call(context, std::move(request)));
  std::vector<std::string> changed;
  const auto& seen = reply.survey().releases();
  for (int i = 0; i < seen.size() && i < static_cast<int>(asked.size()); ++i) {
    if (seen[i].state() != hv1::ReleaseSeen::STATE_CHANGED) continue;
    const auto& one = asked[static_cast<std::size_t>(i)];
    changed.push_back(one.store_dir() + "/" + one.hash());
  }
  return changed;
}

absl::StatusOr<std::vector<std::string>> Misplaced(StepContext& context,
                                                   const std::vector<const Instance*>& instances,
                                                   const v1::Package& package,
                                                   const clusters::HostBefore& before) {
  std::vector<std::string> paths;
  for (auto& [store, place] : PlacementsByStore(PartsOf(instances, package, before))) {
    hv1::ToHost request;
    place.set_by_content(true);
    *request.mutable_query_placements() = std::move(place);
    ASSIGN_OR_RETURN(const auto reply, Hosts(context).Call(context, std::move(request)));
    const auto& differing = reply.query_placements().differing();
    paths.insert(paths.end(), differing.begin(), differing.end());
  }
  return paths;
}

absl::StatusOr<hv1::ToHost> Installation(const Resources& resources,
                                         const store::ClusterRecord& record,
                                         const std::vector<const Instance*>& instances,
                                         const v1::Package& package,
                                         const clusters::HostBefore& before,
                                         const render::PackageFiles& files,
                                         const std::set<std::string>& disabled) {
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  const auto parts = PartsOf(instances, package, before);
  for (auto& [store, place] : PlacementsByStore(parts)) {
    *batch->add_requests()->mutable_place_releases() = std::move(place);
  }
  auto* write = batch->add_requests()->mutable_write_files();
  hv1::InstallUnits units;
  for (const auto* instance : instances) {
    ASSIGN_OR_RETURN(auto rendered, clusters::RenderOne(resources, record, *instance, files));
    AddFiles(record.cluster, rendered, write);
    auto* unit = units.add_units();
    unit->set_name(rendered.unit_name);
    unit->set_content(rendered.unit_content);
    unit->set_enabled(!disabled.contains(instance->Unit()));
  }
  for (const auto& part : parts) {
    for (auto& check :
         clusters::ChecksOf(record.cluster, *part.instance, *part.release, part.store)) {
      *batch->add_requests()->mutable_check_file() = std::move(check);
    }
  }
  *batch->add_requests()->mutable_install_units() = std::move(units);
  return request;
}

}  // namespace dmgr::operations
