#include "common/package/structure.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "common/error.h"

namespace dmgr::package {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrograms[] = {
    "bin/prometheus", "bin/alertmanager",           "bin/dm-worker",          "bin/dm-master",
    "others/dmctl",   "grafana/bin/grafana-server", "grafana/bin/grafana-cli"};
// Checked when they are there.
constexpr const char* kOptionalPrograms[] = {"bin/promtool", "bin/amtool"};
constexpr const char* kFiles[] = {"conf/dm_worker.rules.yml",
                                  "conf/alertmanager.yml",
                                  "conf/dm-master.toml",
                                  "conf/dm-worker.toml",
                                  "template/grafana.ini.tmpl",
                                  "template/dashboard.yml.tmpl",
                                  "template/datasource.yml.tmpl",
                                  "template/run_grafana.sh.tmpl",
                                  "template/systemd.service.tmpl",
                                  "template/prometheus.yml.tmpl",
                                  "template/run_prometheus.sh.tmpl",
                                  "template/run_alertmanager.sh.tmpl",
                                  "template/run_dm-master.sh.tmpl",
                                  "template/run_dm-worker.sh.tmpl",
                                  "template/run_dm-master-scale.sh.tmpl",
                                  "grafana.tar.gz",
                                  "grafana/dashboards/dm.json",
                                  "grafana/dashboards/dm_instances.json",
                                  "others/task_advanced.yml",
                                  "others/task_basic.yml"};
constexpr const char* kDirectories[] = {"grafana/plugins",
                                        "grafana/provisioning/dashboards",
                                        "grafana/provisioning/datasources",
                                        "grafana/homepath/public",
                                        "grafana/homepath/scripts",
                                        "grafana/homepath/notifiers"};
// Where Grafana's defaults may be; the first that has them counts.
constexpr const char* kGrafanaConfDirs[] = {"grafana/homepath/conf", "grafana/provisioning/conf",
                                            "grafana/conf"};

constexpr std::size_t kMaxProblemsInMessage = 20;
constexpr std::size_t kMaxFieldViolations = 200;

class Checker {
 public:
  explicit Checker(const std::string& tree_dir) : tree_dir_(tree_dir) {}

  Structure Run() {
    for (const char* path : kPrograms) CheckProgram(path);
    for (const char* path : kOptionalPrograms) {
      if (fs::exists(OnDisk(path))) CheckProgram(path);
    }
    for (const char* path : kFiles) {
      if (!fs::is_regular_file(OnDisk(path))) Missing(path);
    }
    for (const char* path : kDirectories) {
      if (!fs::is_directory(OnDisk(path))) Missing(path);
    }
    const bool has_defaults = std::any_of(
        std::begin(kGrafanaConfDirs), std::end(kGrafanaConfDirs),
        [&](const char* dir) { return fs::is_regular_file(OnDisk(dir) / "defaults.ini"); });
    if (!has_defaults) Missing("grafana/provisioning/conf/defaults.ini");
    return std::move(structure_);
  }

 private:
  fs::path OnDisk(const char* path) const { return fs::path(tree_dir_) / path; }

  void Missing(const char* path) { structure_.problems.push_back({path, "is missing"}); }

  void CheckProgram(const char* path) {
    if (!fs::is_regular_file(OnDisk(path))) return Missing(path);
    const auto arch = ArchOf(OnDisk(path).string());
    if (!arch.ok()) {
      structure_.problems.push_back({path, std::string(Message(arch.status()))});
      return;
    }
    fs::permissions(OnDisk(path), fs::perms::owner_all, fs::perm_options::add);
    if (structure_.arch.empty()) {
      structure_.arch = *arch;
      arch_of_ = path;
    } else if (structure_.arch != *arch) {
      structure_.problems.push_back(
          {path, fmt::format("is for {}, while {} is for {}", *arch, arch_of_, structure_.arch)});
    }
  }

  const std::string& tree_dir_;
  Structure structure_;
  std::string arch_of_;
};

}  // namespace

absl::Status PackageInvalid(std::string_view what, const std::vector<Problem>& problems) {
  std::string list;
  for (std::size_t i = 0; i < problems.size() && i < kMaxProblemsInMessage; ++i) {
    list += fmt::format("{}{} {}", i == 0 ? "" : "; ", problems[i].part, problems[i].text);
  }
  if (problems.size() > kMaxProblemsInMessage) {
    list += fmt::format("; and {} more", problems.size() - kMaxProblemsInMessage);
  }
  Error error(absl::StatusCode::kInvalidArgument, "PACKAGE_INVALID", "{}: {}", what, list);
  for (std::size_t i = 0; i < problems.size() && i < kMaxFieldViolations; ++i) {
    error.Field(problems[i].part, problems[i].text);
  }
  return error.Remedy("make the package with dmgr's own tool").Next(v1::ACTION_BUILD_PACKAGE);
}

absl::StatusOr<std::string> ArchOf(const std::string& path) {
  const auto refuse = [](std::string_view why) {
    return Error(absl::StatusCode::kInvalidArgument, "PACKAGE_INVALID", "{}", why);
  };
  std::array<char, sizeof(Elf64_Ehdr)> bytes{};
  std::ifstream in(path, std::ios::binary);
  in.read(bytes.data(), bytes.size());
  if (in.gcount() >= 2 && bytes[0] == '#' && bytes[1] == '!') {
    return refuse("is a script, not an ELF executable");
  }
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (in.gcount() < static_cast<std::streamsize>(sizeof(header)) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return refuse("is not an ELF executable");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      (header.e_type != ET_EXEC && header.e_type != ET_DYN)) {
    return refuse("is not a 64-bit Linux executable");
  }
  if (header.e_machine == EM_X86_64) return std::string("amd64");
  if (header.e_machine == EM_AARCH64) return std::string("arm64");
  return refuse(fmt::format("is for an architecture other than amd64 and arm64 (ELF machine {})",
                            header.e_machine));
}

Structure CheckStructure(const std::string& tree_dir) { return Checker(tree_dir).Run(); }

std::vector<ComponentSources> ComponentsOf(const std::string& tree_dir) {
  const auto source = [&](const std::string& path) {
    return ReleaseSource{path, tree_dir + "/" + path};
  };
  const auto with_tool = [&](const std::string& program, const std::string& tool) {
    std::vector<ReleaseSource> sources = {source(program)};
    if (fs::exists(tree_dir + "/" + tool)) sources.push_back(source(tool));
    return sources;
  };
  std::vector<ComponentSources> components = {
      {"dm-master", {source("bin/dm-master")}},
      {"dm-worker", {source("bin/dm-worker")}},
      {"prometheus", with_tool("bin/prometheus", "bin/promtool")},
      {"alertmanager", with_tool("bin/alertmanager", "bin/amtool")}};

  const std::string grafana = tree_dir + "/grafana";
  std::vector<ReleaseSource> sources = {{"bin", grafana + "/bin"},
                                        {"homepath", grafana + "/homepath"},
                                        {"plugins", grafana + "/plugins"}};
  for (const char* dir : kGrafanaConfDirs) {
    const std::string conf = tree_dir + "/" + dir;
    if (!fs::exists(conf + "/defaults.ini")) continue;
    sources.push_back({"homepath/conf", conf});
    break;
  }
  components.push_back({"grafana", std::move(sources)});
  return components;
}

}  // namespace dmgr::package
