#include "common/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "client/topology/mistakes.h"
#include "client/topology/topology.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

// The server takes messages of 16 MiB.
constexpr std::uintmax_t kMaxFolderBytes = std::uintmax_t{3} << 20;

class Attacher {
 public:
  Attacher(const std::string& text, std::vector<Mistake>* mistakes)
      : text_(text), mistakes_(mistakes) {}

  // All files of a folder with this ending, in the order of their names.
  void AddFolder(const std::string& dir, std::string_view ending, const std::string& field,
                 google::protobuf::RepeatedPtrField<v1::LocalFile>* files) {
    if (dir.empty() || !IsAbsolute(dir, field)) return;
    std::error_code error;
    std::vector<fs::path> paths;
    for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      // Hidden ones are what a system has put there, such as "._a.json".
      if (name.starts_with('.')) continue;
      if (name.size() > ending.size() && name.ends_with(ending)) paths.push_back(it->path());
    }
    if (error) return Report(field, fmt::format("{}: {}", dir, error.message()));
    if (paths.empty()) return Report(field, fmt::format("{} has no *{}", dir, ending));
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) AddFile(path, field, files->Add());
  }

  void AddFile(const fs::path& path, const std::string& field, v1::LocalFile* file) {
    std::error_code error;
    const bool regular = fs::is_regular_file(path, error);
    if (error) return Report(field, fmt::format("{}: {}", path.string(), error.message()));
    if (!regular) return Report(field, path.string() + " is not a file");
    bytes_ += fs::file_size(path, error);
    if (bytes_ > kMaxFolderBytes) {
      return Report(field, fmt::format("with {} the files of the topology are more than {} MiB",
                                       path.string(), kMaxFolderBytes >> 20));
    }
    auto content = ReadFile(path);
    if (!content.ok()) return Report(field, std::string(content.status().message()));
    if (const int line = LineThatIsNoText(*content); line != 0) {
      return Report(field, fmt::format("{} line {} is not UTF-8 text", path.string(), line));
    }
    file->set_name(path.filename().string());
    file->set_content(*std::move(content));
  }

  bool IsAbsolute(const std::string& path, const std::string& field) {
    if (path[0] == '/') return true;
    Report(field, fmt::format("{} must be an absolute path on this machine", path));
    return false;
  }

 private:
  void Report(const std::string& field, std::string problem) {
    const std::string key = field.substr(field.rfind('.') + 1);
    mistakes_->push_back({LineOf(text_, field), fmt::format("{}: {}", key, problem)});
  }

  const std::string& text_;
  std::vector<Mistake>* mistakes_;
  std::uintmax_t bytes_ = 0;
};

}  // namespace

absl::Status AttachFiles(const std::string& text, const std::string& file_name,
                         v1::Topology* topology) {
  std::vector<Mistake> mistakes;
  Attacher attacher(text, &mistakes);
  for (int i = 0; i < topology->monitoring_servers_size(); ++i) {
    auto& server = *topology->mutable_monitoring_servers(i);
    attacher.AddFolder(server.rule_dir(), ".rules.yml",
                       fmt::format("topology.monitoring_servers[{}].rule_dir", i),
                       server.mutable_rule_files());
  }
  for (int i = 0; i < topology->alertmanager_servers_size(); ++i) {
    auto& server = *topology->mutable_alertmanager_servers(i);
    const std::string field = fmt::format("topology.alertmanager_servers[{}].config_file", i);
    if (server.config_file().empty() || !attacher.IsAbsolute(server.config_file(), field)) continue;
    attacher.AddFile(server.config_file(), field, server.mutable_config_file_content());
  }
  for (int i = 0; i < topology->grafana_servers_size(); ++i) {
    auto& server = *topology->mutable_grafana_servers(i);
    attacher.AddFolder(server.dashboard_dir(), ".json",
                       fmt::format("topology.grafana_servers[{}].dashboard_dir", i),
                       server.mutable_dashboards());
    const std::string ldap = fmt::format("topology.grafana_servers[{}].ldap_config_file", i);
    if (!server.ldap_config_file().empty() &&
        attacher.IsAbsolute(server.ldap_config_file(), ldap)) {
      attacher.AddFile(server.ldap_config_file(), ldap, server.mutable_ldap_config_content());
    }
  }
  if (mistakes.empty()) return absl::OkStatus();
  return BadFile(std::move(mistakes), file_name);
}

}  // namespace dmgr::client
