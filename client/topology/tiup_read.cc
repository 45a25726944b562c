#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>

#include "client/topology/mistakes.h"
#include "client/topology/reader.h"
#include "client/topology/tiup.h"
#include "client/topology/topology.h"

namespace dmgr::client {
namespace {

constexpr std::size_t kMaxMetaBytes = std::size_t{4} << 20;

class MetaReader {
 public:
  MetaReader(TiupMeta* meta, std::vector<Mistake>* mistakes) : meta_(*meta), mistakes_(*mistakes) {}

  void Read(const YAML::Node& file) {
    if (!file.IsMap()) return Report(file, "the file is no meta.yaml of TiUP: it has no keys");
    for (const auto& entry : file) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (key == "user") {
        ReadWord(key, entry.second, &user_);
      } else if (key == "dm_version") {
        ReadWord(key, entry.second, &meta_.version);
      } else if (key == "topology") {
        ReadTopology(entry.second);
      } else if (key == "tidb_version") {
        Report(entry.first, "tidb_version: this is a cluster of TiDB, not of DM");
      } else {
        Report(entry.first, fmt::format("unknown key \"{}\" beside user, dm_version and topology",
                                        key.substr(0, 60)));
      }
    }
    Finish(file);
  }

 private:
  void ReadWord(const std::string& key, const YAML::Node& value, std::string* word) {
    if (!value.IsScalar() || value.Scalar().empty()) {
      return Report(value, fmt::format("{} must be one value", key));
    }
    *word = value.Scalar();
  }

  void ReadTopology(const YAML::Node& node) {
    std::vector<Mistake> notes;
    Reader(&mistakes_, &notes).ReadMessage(node, "topology", &meta_.topology);
    for (const Mistake& note : notes) {
      meta_.notes.push_back(fmt::format("line {}: {}", note.line, note.text));
    }
    has_topology_ = node.IsMap();
  }

  void Finish(const YAML::Node& file) {
    if (meta_.version.empty()) Report(file, "dm_version is missing");
    if (!has_topology_) Report(file, "topology is missing");
    if (!meta_.version.empty() && meta_.version[0] != 'v') meta_.version.insert(0, "v");
    auto& global = *meta_.topology.mutable_global();
    if (!user_.empty() && !global.user().empty() && global.user() != user_) {
      Report(file,
             fmt::format("user is {}, and that of topology.global is {}", user_, global.user()));
    }
    if (!user_.empty()) global.set_user(user_);
  }

  void Report(const YAML::Node& node, std::string text) {
    mistakes_.push_back({std::max(node.Mark().line, 0) + 1, std::move(text)});
  }

  TiupMeta& meta_;
  std::vector<Mistake>& mistakes_;
  std::string user_;
  bool has_topology_ = false;
};

// TiUP has both exporters of a host in one folder, as nobody else lays them.
void LeaveOutExporters(TiupMeta* meta) {
  if (!meta->topology.has_monitored()) return;
  meta->topology.clear_monitored();
  meta->notes.emplace_back("monitored: the exporters of the hosts stay TiUP's");
}

void ReadMeta(const std::string& text, TiupMeta* meta, std::vector<Mistake>* mistakes) {
  if (text.size() >= kMaxMetaBytes) {
    mistakes->push_back({1, "the file is no meta.yaml of TiUP: it has 4 MiB or more"});
    return;
  }
  if (const int line = LineThatIsNoText(text); line != 0) {
    mistakes->push_back({line, "the file is not UTF-8 text"});
    return;
  }
  try {
    MetaReader(meta, mistakes).Read(YAML::Load(text));
  } catch (const YAML::Exception& e) {
    mistakes->push_back({std::max(e.mark.line, 0) + 1, e.msg});
  } catch (const std::exception& e) {
    mistakes->push_back({1, e.what()});
  }
}

}  // namespace

absl::StatusOr<TiupMeta> ParseTiupMeta(const std::string& text, const std::string& file_name) {
  TiupMeta meta;
  std::vector<Mistake> mistakes;
  ReadMeta(text, &meta, &mistakes);
  if (!mistakes.empty()) return BadFile(std::move(mistakes), file_name);
  LeaveOutExporters(&meta);
  MoveSecrets(&meta.topology);
  return meta;
}

}  // namespace dmgr::client
