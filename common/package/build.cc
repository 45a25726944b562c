// Makes a package from the component tarballs that PingCAP publishes.
#include "common/package/build.h"

#include <re2/re2.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <set>

#include "common/components/traits.h"
#include "common/error.h"
#include "common/package/members.h"
#include "common/package/structure.h"
#include "common/package/tar_writer.h"
#include "common/package/tarballs.h"
#include "common/package/temporary_dir.h"
#include "common/package/unpack.h"
#include "common/version.h"
#include "templates/defaults.h"

namespace dmgr::package {
namespace {

namespace fs = std::filesystem;

class Builder {
 public:
  Builder(const std::string& components_dir, const std::string& version, const std::string& arch,
          const std::function<void(const std::string&)>& on_filled)
      : components_dir_(components_dir), version_(version), arch_(arch), on_filled_(on_filled) {}

  // What is in the package. beside: of another architecture, which this one has the same components
  // as, or nullptr.
  absl::StatusOr<Members> Collect(const std::string& work_dir, const DmVersion& parsed,
                                  const Builder* beside) {
    work_dir_ = work_dir;
    beside_ = beside;
    fs::create_directory(work_dir_);
    FindTarballs();
    RETURN_IF_ERROR(Failed());
    for (const auto& [component, path] : tarballs_) {
      const auto nothing = [](std::string_view) { return false; };
      const absl::Status status = UnpackFile(path, work_dir_ + "/" + component, nothing, &budget_);
      if (!status.ok()) return Annotate(status, path);
      LeaveOutHidden(component);
    }
    AddPrograms();
    AddRules();
    AddDefaults(templates::DefaultFiles(parsed));
    AddGrafana(templates::DefaultFiles(parsed));
    RETURN_IF_ERROR(Failed());
    RETURN_IF_ERROR(WriteArchive(work_dir_ + "/grafana.tar.gz", grafana_));
    package_["grafana.tar.gz"].source_path = work_dir_ + "/grafana.tar.gz";
    return package_;
  }

 private:
  void Problem(std::string part, std::string text) {
    problems_.push_back({std::move(part), std::move(text)});
  }
  absl::Status Failed() const {
    if (problems_.empty()) return absl::OkStatus();
    return PackageInvalid(fmt::format("no package of {} for {} can be made from {}", version_,
                                      arch_, components_dir_),
                          problems_);
  }
  void Filled(const std::string& line) const {
    if (on_filled_) on_filled_(line);
  }

  void FindTarballs();
  void ChooseTarball(const TarballRule& rule, const std::map<std::string, std::string>& found,
                     const std::vector<std::string>& other_archs);
  // What a system puts beside files of its own accord, such as "._rules.yml" and ".DS_Store".
  void LeaveOutHidden(const std::string& tarball);
  // Adds a program from wherever it is in the tarball.
  void AddProgram(Members& members, const std::string& tarball, const components::Program& program,
                  const char* folder);
  void AddPrograms();
  void AddRules();
  // Whether it belongs to a component without a tarball.
  bool IsOfMissing(std::string_view path) const;
  void AddDefaults(const std::map<std::string, std::string_view>& defaults);
  void AddGrafana(const std::map<std::string, std::string_view>& defaults);
  void AddGrafanaHome(const fs::path& home);
  void AddGrafanaConf(const fs::path& home);
  void AddDashboards(const std::map<std::string, std::string_view>& defaults);
  void AddTree(Members& members, const std::string& path, const fs::path& source);

  const std::string& components_dir_;
  const std::string& version_;
  const std::string& arch_;
  const std::function<void(const std::string&)>& on_filled_;
  const Builder* beside_ = nullptr;
  std::string work_dir_;
  Budget budget_;
  std::vector<package::Problem> problems_;
  std::map<std::string, std::string> tarballs_;  // By component.
  Members package_;
  Members grafana_;
};

void Builder::FindTarballs() {
  const std::vector<TarballRule> rules = TarballRules();
  std::vector<std::string> names;
  for (const TarballRule& rule : rules) names.push_back(rule.name);
  const re2::RE2 pattern(
      fmt::format(R"(({})-(v?[0-9][0-9A-Za-z.+-]*)-linux-(amd64|arm64)\.tar\.gz)",
                  fmt::join(names, "|")),
      re2::RE2::Latin1);
  std::map<std::string, std::map<std::string, std::string>> by_component;  // version -> path
  std::map<std::string, std::vector<std::string>> other_archs;
  for (const auto& file : fs::directory_iterator(components_dir_)) {
    const std::string name = file.path().filename().string();
    std::string component, version, arch;
    if (!re2::RE2::FullMatch(name, pattern, &component, &version, &arch)) continue;
    if (arch == arch_) {
      by_component[component][version] = file.path().string();
    } else {
      other_archs[component].push_back(name);
    }
  }
  for (const TarballRule& rule : rules) {
    ChooseTarball(rule, by_component[rule.name], other_archs[rule.name]);
  }
}

void Builder::ChooseTarball(const TarballRule& rule,
                            const std::map<std::string, std::string>& found,
                            const std::vector<std::string>& other_archs) {
  if (rule.optional && beside_ != nullptr && !beside_->tarballs_.contains(rule.name)) return;
  // Of v7.5.1+2 a tarball of its own is meant, else that of v7.5.1.
  for (const std::string_view version : {std::string_view(version_), WithoutBuild(version_)}) {
    const auto same = found.find(std::string(version));
    if (same == found.end()) continue;
    tarballs_[rule.name] = same->second;
    return;
  }
  if (!rule.same_version && found.size() == 1) {
    tarballs_[rule.name] = found.begin()->second;
    Filled(fmt::format("{}: {}, which is not of {}", rule.name,
                       fs::path(found.begin()->second).filename().string(), version_));
    return;
  }
  const bool is_in_other = beside_ != nullptr && beside_->tarballs_.contains(rule.name);
  if (rule.optional && found.empty() && !is_in_other) {
    return Filled(fmt::format("{}: no tarball, so the package is without it", rule.name));
  }
  const std::string wanted = fmt::format("{}-{}-linux-{}.tar.gz", rule.name, version_, arch_);
  if (!found.empty()) {
    std::string names;
    for (const auto& [version, path] : found) names += " " + fs::path(path).filename().string();
    Problem(wanted, (rule.same_version ? "is missing; of other versions there is"
                                       : "is missing, and of others there are several:") +
                        names);
  } else if (!other_archs.empty()) {
    Problem(wanted, "is missing; for another architecture there is " + other_archs[0]);
  } else {
    Problem(wanted, "is missing");
  }
}

void Builder::LeaveOutHidden(const std::string& tarball) {
  constexpr std::size_t kNamed = 20;
  const fs::path top = work_dir_ + "/" + tarball;
  std::vector<fs::path> hidden;
  for (auto it = fs::recursive_directory_iterator(top); it != fs::recursive_directory_iterator();
       ++it) {
    if (!it->path().filename().string().starts_with('.')) continue;
    hidden.push_back(it->path());
    if (it->is_directory() && !it->is_symlink()) it.disable_recursion_pending();
  }
  std::sort(hidden.begin(), hidden.end());
  const std::string name = fs::path(tarballs_[tarball]).filename().string();
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    if (i < kNamed) {
      Filled(fmt::format("{}: left out, since it is hidden: {}", name,
                         hidden[i].lexically_relative(top).string()));
    }
    fs::remove_all(hidden[i]);
  }
  if (hidden.size() > kNamed) {
    Filled(
        fmt::format("{}: left out, since they are hidden: {} more", name, hidden.size() - kNamed));
  }
}

void Builder::AddProgram(Members& members, const std::string& tarball,
                         const components::Program& program, const char* folder) {
  std::string why = "is not in it";
  for (const fs::path& file : FilesBelow(work_dir_ + "/" + tarball)) {
    if (file.filename() != program.name) continue;
    const auto arch = ArchOf(file.string());
    if (arch.ok() && *arch == arch_) {
      members[fmt::format("{}/{}", folder, program.name)] = {
          .source_path = file.string(), .text = {}, .mode = 0755};
      return;
    }
    why = arch.ok() ? "is for " + *arch : std::string(Message(arch.status()));
  }
  if (!program.required) return;
  Problem(fs::path(tarballs_[tarball]).filename().string(),
          fmt::format("{}: {}", program.name, why));
}

void Builder::AddPrograms() {
  AddProgram(package_, "dmctl", {"dmctl"}, "others");
  for (const components::Component component : components::kComponents) {
    const components::Traits& traits = components::TraitsOf(component);
    if (!tarballs_.contains(std::string(traits.tarball_name()))) continue;
    Members& members = traits.packing == components::Packing::kGrafana ? grafana_ : package_;
    for (const components::Program& program : traits.programs) {
      AddProgram(members, std::string(traits.tarball_name()), program, "bin");
    }
  }
}

void Builder::AddRules() {
  bool has_worker_rules = false;
  for (const fs::path& file : FilesBelow(work_dir_ + "/dm-master")) {
    const std::string name = file.filename().string();
    if (!name.ends_with(".rules.yml")) continue;
    package_.emplace("conf/" + name, Member{.source_path = file.string(), .text = {}});
    has_worker_rules = has_worker_rules || name == "dm_worker.rules.yml";
  }
  if (!has_worker_rules) {
    Problem(fs::path(tarballs_["dm-master"]).filename().string(),
            "conf/dm_worker.rules.yml: is not in it");
  }
}

bool Builder::IsOfMissing(std::string_view path) const {
  for (const components::Component component : components::kComponents) {
    const components::Traits& traits = components::TraitsOf(component);
    if (tarballs_.contains(std::string(traits.tarball_name()))) continue;
    const bool own = std::ranges::any_of(traits.templates, [&](const components::Template& one) {
      return path == fmt::format("template/{}", one.name);
    });
    if (own || std::ranges::find(traits.package_files, path) != traits.package_files.end()) {
      return true;
    }
  }
  return false;
}

void Builder::AddDefaults(const std::map<std::string, std::string_view>& defaults) {
  for (const auto& [path, content] : defaults) {
    if (path.starts_with("grafana/") || IsOfMissing(path)) continue;
    package_[path].text = content;
    Filled(path + ": the built-in default");
  }
}

void Builder::AddGrafana(const std::map<std::string, std::string_view>& defaults) {
  const auto server = grafana_.find("bin/grafana-server");
  if (server == grafana_.end()) return;
  const fs::path home = fs::path(server->second.source_path).parent_path().parent_path();
  AddGrafanaHome(home);
  AddGrafanaConf(home);
  AddDashboards(defaults);
  for (const char* dir : {"plugins", "provisioning/dashboards", "provisioning/datasources",
                          "homepath/scripts", "homepath/notifiers"}) {
    const bool has = std::any_of(grafana_.begin(), grafana_.end(), [&](const auto& member) {
      return member.first == dir || member.first.starts_with(std::string(dir) + "/");
    });
    if (has) continue;
    grafana_[dir];
    Filled(fmt::format("grafana.tar.gz {}: an empty folder", dir));
  }
}

void Builder::AddGrafanaHome(const fs::path& home) {
  // What has a place of its own in a package, or is made on the host.
  static const std::vector<std::string> kElsewhere = {
      "bin", "conf", "data", "dashboards", "homepath", "plugins", "provisioning"};
  for (const auto& child : fs::directory_iterator(home)) {
    const std::string name = child.path().filename().string();
    const bool elsewhere =
        std::find(kElsewhere.begin(), kElsewhere.end(), name) != kElsewhere.end();
    if (elsewhere || name.ends_with(".json")) continue;
    AddTree(grafana_, "homepath/" + name, child.path());
  }
  if (fs::is_directory(home / "homepath")) AddTree(grafana_, "homepath", home / "homepath");
  if (fs::is_directory(home / "plugins")) AddTree(grafana_, "plugins", home / "plugins");
  if (grafana_.count("homepath/public") == 0) {
    Problem(fs::path(tarballs_["grafana"]).filename().string(), "public/: is not in it");
  }
}

void Builder::AddGrafanaConf(const fs::path& home) {
  for (const char* dir : {"conf", "provisioning/conf", "homepath/conf"}) {
    if (!fs::is_regular_file(home / dir / "defaults.ini")) continue;
    for (const auto& file : fs::directory_iterator(home / dir)) {
      if (!file.is_regular_file()) continue;
      grafana_["provisioning/conf/" + file.path().filename().string()].source_path =
          file.path().string();
    }
    return;
  }
  Problem(fs::path(tarballs_["grafana"]).filename().string(), "conf/defaults.ini: is not in it");
}

void Builder::AddDashboards(const std::map<std::string, std::string_view>& defaults) {
  for (const fs::path& file : FilesBelow(work_dir_ + "/dm-master")) {
    if (file.extension() != ".json") continue;
    grafana_.emplace("dashboards/" + file.filename().string(),
                     Member{.source_path = file.string(), .text = {}});
  }
  constexpr std::string_view kPrefix = "grafana/";
  for (const auto& [path, content] : defaults) {
    if (!path.starts_with(kPrefix) || IsOfMissing(path)) continue;
    const auto [member, added] = grafana_.try_emplace(path.substr(kPrefix.size()));
    if (!added) continue;
    member->second.text = content;
    Filled(fmt::format("grafana.tar.gz {}: the built-in default", member->first));
  }
}

void Builder::AddTree(Members& members, const std::string& path, const fs::path& source) {
  if (fs::is_regular_file(source)) {
    const bool executable =
        (fs::status(source).permissions() & fs::perms::owner_exec) != fs::perms::none;
    members[path] = {
        .source_path = source.string(), .text = {}, .mode = executable ? 0755u : 0644u};
    return;
  }
  members[path];
  for (const auto& child : fs::directory_iterator(source)) {
    AddTree(members, path + "/" + child.path().filename().string(), child.path());
  }
}

// What hosts get: it is in the package once for each architecture.
bool IsForHosts(std::string_view path) {
  return path.starts_with("bin/") || path == "others/dmctl" || path == "grafana.tar.gz";
}

absl::StatusOr<std::string> Build(const std::string& components_dir, const DmVersion& parsed,
                                  const std::string& version, const std::vector<std::string>& archs,
                                  const std::string& output_dir,
                                  const std::function<void(const std::string&)>& on_filled) {
  ASSIGN_OR_RETURN(const auto work, TemporaryDir::Create(output_dir + "/.dm-package-"));
  // Most of it is filled in for both.
  std::set<std::string> told;
  const std::function<void(const std::string&)> tell = [&](const std::string& line) {
    if (told.insert(line).second && on_filled) on_filled(line);
  };
  std::deque<Builder> builders;
  Members package;
  for (const std::string& arch : archs) {
    const Builder* beside = builders.empty() ? nullptr : &builders.front();
    ASSIGN_OR_RETURN(auto own, builders.emplace_back(components_dir, version, arch, tell)
                                   .Collect(work->path() + "/" + arch, parsed, beside));
    if (beside == nullptr) {
      package = std::move(own);
      continue;
    }
    for (auto& [path, member] : own) {
      if (IsForHosts(path)) package[fmt::format("{}/{}", arch, path)] = std::move(member);
    }
  }
  std::string path = fmt::format("{}/dm-{}.tar.gz", output_dir, version);
  RETURN_IF_ERROR(WriteArchive(path, package));
  return path;
}

}  // namespace

absl::StatusOr<std::string> BuildPackage(const std::string& components_dir,
                                         const std::string& version, const std::string& arch,
                                         const std::string& output_dir,
                                         const std::function<void(const std::string&)>& on_filled) {
  const auto parsed = DmVersion::Parse(version);
  std::vector<std::string> archs = {arch};
  if (arch == kBothArchs) archs = {std::begin(kArchs), std::end(kArchs)};
  const bool known = std::ranges::all_of(
      archs, [](const auto& one) { return std::ranges::find(kArchs, one) != std::end(kArchs); });
  if (!parsed || !known) {
    return Error(absl::StatusCode::kInvalidArgument, "ARGUMENT_INVALID",
                 "cannot build a package of version \"{}\" for \"{}\"", version, arch)
        .Remedy("give a version such as v7.5.1, and amd64, arm64 or both");
  }
  try {
    return Build(components_dir, *parsed, version, archs, output_dir, on_filled);
  } catch (const fs::filesystem_error& e) {
    return SystemError("cannot read", e.path1().string(), e.code().value());
  }
}

}  // namespace dmgr::package
