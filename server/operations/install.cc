#include "server/operations/install.h"

#include <filesystem>
#include <map>
#include <utility>

#include "common/error.h"
#include "server/operations/workspace.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using topology::Instance;

HostScope& Hosts(StepContext& context) { return static_cast<HostScope&>(context.scope()); }

// The rendered files as they lie below the instance's directories.
absl::Status WriteOne(const std::string& dir, const topology::Instance& instance,
                      const render::RenderedInstance& rendered) {
  for (const auto& file : rendered.files) {
    std::string path = file.path;
    if (topology::Contains(instance.deploy_dir, path)) {
      path = path.substr(instance.deploy_dir.size());
    }
    RETURN_IF_ERROR(WriteFileAtomically(dir + path, file.content, file.secret ? 0600 : file.mode));
  }
  return WriteFileAtomically(dir + "/" + rendered.unit_name, rendered.unit_content, 0644);
}

// An instance with its component's release and store.
struct Part {
  const Instance* instance = nullptr;
  const v1::PackageComponent* release = nullptr;
  std::string store;
};

std::vector<Part> PartsOf(const std::vector<const Instance*>& instances, const v1::Package& package,
                          const HostBefore& before) {
  std::vector<Part> parts;
  for (const auto* instance : instances) {
    const auto store = before.stores.find(instance->deploy_dir);
    const auto* release = FindComponent(package, topology::Name(instance->component));
    if (store == before.stores.end() || release == nullptr) continue;
    parts.push_back({instance, release, store->second});
  }
  return parts;
}

void AddPlacements(const std::vector<Part>& parts, hv1::Batch* batch) {
  std::map<std::string, hv1::PlaceReleases> by_store;
  for (const auto& part : parts) {
    auto& place = by_store[part.store];
    place.set_store_dir(part.store);
    for (auto& placement : PlacementsOf(*part.instance, *part.release)) {
      *place.add_placements() = std::move(placement);
    }
  }
  for (auto& [store, place] : by_store) {
    *batch->add_requests()->mutable_place_releases() = std::move(place);
  }
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

absl::Status WriteCache(const Services& services, const store::ClusterRecord& record) {
  const std::string dir = ClusterDir(record.cluster.cluster_path, record.cluster.name) + "/cache";
  ASSIGN_OR_RETURN(auto files, render::LoadPackageFiles(ClusterTree(record)));
  std::set<std::string> names;
  for (const auto& instance : record.cluster.instances) {
    names.insert(instance.name);
    ASSIGN_OR_RETURN(auto rendered, RenderOne(services, record, instance, files));
    RETURN_IF_ERROR(WriteOne(dir + "/" + instance.name, instance, rendered));
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    if (!names.contains(entry.path().filename())) std::filesystem::remove_all(entry.path(), error);
  }
  return absl::OkStatus();
}

std::set<std::string> StoresFor(const topology::Cluster& cluster, const std::string& machine,
                                std::string_view component, const HostBefore& before) {
  std::set<std::string> stores;
  for (const auto* instance : cluster.OnMachine(machine)) {
    if (topology::Name(instance->component) != component) continue;
    auto it = before.stores.find(instance->deploy_dir);
    if (it != before.stores.end()) stores.insert(it->second);
  }
  return stores;
}

absl::StatusOr<std::uint64_t> SendComponent(const Services& services, StepContext& context,
                                            const topology::Cluster& cluster,
                                            const v1::Package& package,
                                            const std::string& component_name,
                                            const HostBefore& before) {
  const auto* component = FindComponent(package, component_name);
  if (component == nullptr) {
    return Error(absl::StatusCode::kInternal, "COMPONENT_MISSING", "package {} has no {}",
                 package.version(), component_name);
  }
  std::uint64_t sent = 0;
  for (const auto& store_dir :
       StoresFor(cluster, context.step().step.host(), component_name, before)) {
    hv1::ReceiveRelease request;
    request.set_store_dir(store_dir);
    request.set_hash(component->release_hash());
    request.set_compressed_bytes(component->compressed_bytes());
    request.set_unpacked_bytes(component->size_bytes());
    request.set_archive_hash(component->archive_hash());
    ASSIGN_OR_RETURN(auto bytes,
                     Hosts(context).SendRelease(
                         context, request,
                         ReleaseArchive(services, package.version(), component->release_hash())));
    sent += bytes;
  }
  return sent;
}

absl::StatusOr<bool> HasComponent(StepContext& context, const topology::Cluster& cluster,
                                  const v1::Package& package, const std::string& component_name,
                                  const HostBefore& before) {
  const auto* component = FindComponent(package, component_name);
  if (component == nullptr) return false;
  for (const auto& store : StoresFor(cluster, context.step().step.host(), component_name, before)) {
    hv1::ToHost request;
    request.mutable_query_releases()->set_store_dir(store);
    request.mutable_query_releases()->add_hashes(component->release_hash());
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    if (reply.query_releases().present().empty()) return false;
  }
  return true;
}

absl::StatusOr<hv1::ToHost> Installation(const Services& services,
                                         const store::ClusterRecord& record,
                                         const std::vector<const Instance*>& instances,
                                         const v1::Package& package, const HostBefore& before,
                                         const render::PackageFiles& files,
                                         const std::set<std::string>& disabled) {
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  const auto parts = PartsOf(instances, package, before);
  AddPlacements(parts, batch);
  auto* write = batch->add_requests()->mutable_write_files();
  hv1::InstallUnits units;
  for (const auto* instance : instances) {
    ASSIGN_OR_RETURN(auto rendered, RenderOne(services, record, *instance, files));
    AddFiles(record.cluster, rendered, write);
    auto* unit = units.add_units();
    unit->set_name(rendered.unit_name);
    unit->set_content(rendered.unit_content);
    unit->set_enabled(!disabled.contains(instance->Unit()));
  }
  for (const auto& part : parts) {
    for (auto& check : ChecksOf(record.cluster, *part.instance, *part.release, part.store)) {
      *batch->add_requests()->mutable_check_file() = std::move(check);
    }
  }
  *batch->add_requests()->mutable_install_units() = std::move(units);
  return request;
}

}  // namespace dmgr::operations
