#include "client/topology/keys.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace dmgr::client {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr std::string_view kPlacement = "placement";

constexpr std::string_view kLater = "is not supported yet: it comes later";
constexpr std::string_view kNoMeaning = "has no meaning for DM";

// Source: the topology reference of TiUP DM (docs.pingcap.com) and TiUP 1.16's spec of it.
constexpr UnsupportedKey kUnsupported[] = {
    {"Topology", "monitored", kLater, "", true},
    {"Topology", "component_sources", kLater},
    {"GlobalOptions", "ssh_type", "has only builtin here: dmgrd brings its own SSH", "builtin"},
    {"GlobalOptions", "enable_tls", kLater},
    {"GlobalOptions", "systemd_mode", kLater, "system"},
    {"GlobalOptions", "custom", kNoMeaning},
    {"GlobalOptions", "pd_mode", kNoMeaning},
    {"Placement", "patched", "is what TiUP notes of a cluster that runs; leave it out"},
    // No exporters are deployed, so there is nothing to ignore.
    {"Placement", "ignore_exporter", "must be true or false", "true"},
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

// How many letters must be changed, put in, left out or swapped with their neighbour to make one
// word of the other.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> older;
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<std::size_t> row = {i + 1};
    for (std::size_t j = 0; j < b.size(); ++j) {
      row.push_back(std::min({row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1)}));
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) {
        row[j + 1] = std::min(row[j + 1], older[j - 1] + 1);
      }
    }
    older = std::exchange(last, std::move(row));
  }
  return last[b.size()];
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

std::string Nearest(const Descriptor& section, std::string_view key) {
  if (key.size() > 64) return "";
  std::string nearest;
  std::size_t best = std::max<std::size_t>(1, key.size() / 3) + 1;
  for (const std::string& candidate : KeysOf(section)) {
    const std::size_t distance = Distance(key, candidate);
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace dmgr::client
