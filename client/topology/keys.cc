#include "client/topology/keys.h"

#include "common/near.h"

namespace dmgr::client {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr std::string_view kPlacement = "placement";

constexpr std::string_view kLater = "is not supported yet: it comes later";
constexpr std::string_view kNoMeaning = "has no meaning for DM";

constexpr std::string_view kOfPackage = "is that of the package: leave it out";

// Source: the topology reference of TiUP DM (docs.pingcap.com) and TiUP 1.16's spec of it.
constexpr UnsupportedKey kUnsupported[] = {
    {"Topology", "component_sources", kLater},
    {"GlobalOptions", "ssh_type", "has only builtin here: dmgrd brings its own SSH", "builtin"},
    {"GlobalOptions", "custom", kNoMeaning},
    {"GlobalOptions", "pd_mode", kNoMeaning},
    {"Placement", "patched", "is what TiUP notes of a cluster that runs; leave it out"},
    {"Monitored", "node_exporter_version", kOfPackage},
    {"Monitored", "blackbox_exporter_version", kOfPackage},
    {"MasterServer", "source", kLater, "dm-master"},
    {"WorkerServer", "source", kLater, "dm-worker"},
    {"MonitoringServer", "ng_port", kNoMeaning},
    {"MonitoringServer", "ng_monitoring_config", kNoMeaning},
    {"MonitoringServer", "prom_remote_write_to_vm", kNoMeaning},
    {"GrafanaServer", "use_vm_as_datasource", kNoMeaning},
};

bool BelongsTo(const UnsupportedKey& key, const Descriptor& section) {
  return key.section == section.name() ||
         (key.section == "Placement" &&
          section.FindFieldByName(std::string(kPlacement)) != nullptr);
}

// Content of files, which a topology file only names.
bool IsContent(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->name() == "LocalFile";
}

std::vector<std::string> KeysOf(const Descriptor& section) {
  std::vector<std::string> keys;
  for (int i = 0; i < section.field_count(); ++i) {
    const FieldDescriptor& field = *section.field(i);
    if (IsContent(field)) continue;
    if (field.name() != kPlacement) {
      keys.push_back(field.name());
      continue;
    }
    for (const std::string& key : KeysOf(*field.message_type())) keys.push_back(key);
  }
  return keys;
}

}  // namespace

const UnsupportedKey* FindUnsupported(const Descriptor& section, std::string_view key) {
  for (const UnsupportedKey& candidate : kUnsupported) {
    if (candidate.key == key && BelongsTo(candidate, section)) return &candidate;
  }
  return nullptr;
}

const FieldDescriptor* FindField(const Descriptor& section, const std::string& key) {
  if (key == kPlacement) return nullptr;
  const FieldDescriptor* field = section.FindFieldByName(key);
  if (field != nullptr) return IsContent(*field) ? nullptr : field;
  const FieldDescriptor* placement = section.FindFieldByName(std::string(kPlacement));
  return placement == nullptr ? nullptr : placement->message_type()->FindFieldByName(key);
}

bool IsDmConfig(const google::protobuf::FieldDescriptor& field) {
  const std::string& section = field.containing_type()->name();
  return section == "MasterServer" || section == "WorkerServer" ||
         (section == "ServerConfigs" && (field.name() == "master" || field.name() == "worker"));
}

std::string Nearest(const Descriptor& section, std::string_view key) {
  return NearestOf(key, KeysOf(section));
}

}  // namespace dmgr::client
