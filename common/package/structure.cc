#include "common/package/structure.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "common/error.h"
#include "common/files.h"

namespace dmgr::package {
namespace {

namespace fs = std::filesystem;

using components::Packing;
using components::Program;
using components::Traits;
using components::TraitsOf;

// What belongs to no component.
constexpr const char* kTools[] = {"others/dmctl"};
constexpr const char* kExamples[] = {"others/task_advanced.yml", "others/task_basic.yml"};
// Where Grafana's defaults may be; the first that has them counts.
constexpr const char* kGrafanaConfDirs[] = {"grafana/homepath/conf", "grafana/provisioning/conf",
                                            "grafana/conf"};

constexpr std::size_t kMaxProblemsInMessage = 20;
constexpr std::size_t kMaxFieldViolations = 200;

class Checker {
 public:
  explicit Checker(const std::string& tree_dir) : tree_dir_(tree_dir) {}

  Structure Run() {
    for (const components::Component component : components::kComponents) {
      CheckComponent(TraitsOf(component));
    }
    for (const char* path : kTools) CheckProgram(path);
    for (const char* path : kExamples) CheckFile(path);
    CheckFile(TemplatePath(components::kUnitTemplate));
    for (const char* arch : kArchs) {
      if (fs::exists(OnDisk(arch))) CheckSecond(arch);
    }
    return std::move(structure_);
  }

 private:
  static std::string TemplatePath(std::string_view name) {
    return fmt::format("template/{}", name);
  }

  fs::path OnDisk(std::string_view path) const { return fs::path(tree_dir_) / path; }

  void Missing(std::string_view path) {
    structure_.problems.push_back({std::string(path), "is missing"});
  }

  void CheckFile(std::string_view path) {
    if (!fs::is_regular_file(OnDisk(path))) Missing(path);
  }

  // Whether anything of a component is there.
  bool HasSome(const Traits& traits) const {
    const auto has = [&](const std::string& path) { return fs::exists(OnDisk(path)); };
    return std::ranges::any_of(
               traits.programs,
               [&](const Program& program) {
                 return has(fmt::format("{}bin/{}", FolderOf(traits.packing), program.name));
               }) ||
           std::ranges::any_of(traits.templates, [&](const components::Template& one) {
             return has(TemplatePath(one.name));
           });
  }

  void CheckComponent(const Traits& traits) {
    if (traits.optional && !HasSome(traits)) return;
    CheckPrograms(traits, "");
    for (const std::string_view path : traits.package_files) CheckFile(path);
    for (const components::Template& one : traits.templates) CheckFile(TemplatePath(one.name));
    for (const std::string_view path : traits.package_dirs) {
      if (!fs::is_directory(OnDisk(path))) Missing(path);
    }
    if (traits.packing == Packing::kGrafana) CheckGrafanaDefaults("");
  }

  // folder: "" or that of a second architecture, such as "arm64/".
  void CheckPrograms(const Traits& traits, const std::string& folder) {
    for (const Program& program : traits.programs) {
      const std::string path =
          fmt::format("{}{}bin/{}", folder, FolderOf(traits.packing), program.name);
      if (program.required || fs::exists(OnDisk(path))) CheckProgram(path);
    }
  }

  // What the package has for one architecture it has for the other; the rest of it both share.
  void CheckSecond(const std::string& arch) {
    const std::string first = structure_.arch;
    if (arch == first) {
      structure_.problems.push_back(
          {arch, fmt::format("is a second folder for {}, which {} is for", arch, arch_of_)});
      return;
    }
    structure_.arch = arch;
    arch_of_ = "all of " + arch + "/";
    const std::string folder = arch + "/";
    for (const components::Component component : components::kComponents) {
      const Traits& traits = TraitsOf(component);
      if (traits.optional && !HasSome(traits)) continue;
      CheckPrograms(traits, folder);
      if (traits.packing != Packing::kGrafana) continue;
      for (const std::string_view path : traits.trees) {
        const std::string tree = fmt::format("{}grafana/{}", folder, path);
        if (!fs::is_directory(OnDisk(tree))) Missing(tree);
      }
      CheckGrafanaDefaults(folder);
    }
    for (const char* path : kTools) CheckProgram(folder + path);
    structure_.arch = first;
  }

  void CheckGrafanaDefaults(const std::string& folder) {
    const bool has_defaults =
        std::any_of(std::begin(kGrafanaConfDirs), std::end(kGrafanaConfDirs), [&](const char* dir) {
          return fs::is_regular_file(OnDisk(folder + dir) / "defaults.ini");
        });
    if (!has_defaults) Missing(folder + "grafana/provisioning/conf/defaults.ini");
  }

  void CheckProgram(const std::string& path) {
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

std::vector<ReleaseSource> ProgramSources(const std::string& tree_dir, const Traits& traits) {
  std::vector<ReleaseSource> sources;
  for (const Program& program : traits.programs) {
    std::string path = fmt::format("bin/{}", program.name);
    std::string source = fmt::format("{}/{}", tree_dir, path);
    if (!program.required && !fs::exists(source)) continue;
    sources.push_back({std::move(path), std::move(source)});
  }
  return sources;
}

std::vector<ReleaseSource> GrafanaSources(const std::string& tree_dir, const Traits& traits) {
  const std::string grafana = tree_dir + "/grafana";
  std::vector<ReleaseSource> sources = {{"bin", grafana + "/bin"}};
  for (const std::string_view tree : traits.trees) {
    sources.push_back({std::string(tree), fmt::format("{}/{}", grafana, tree)});
  }
  for (const char* dir : kGrafanaConfDirs) {
    const std::string conf = tree_dir + "/" + dir;
    if (!fs::exists(conf + "/defaults.ini")) continue;
    sources.push_back({"homepath/conf", conf});
    break;
  }
  return sources;
}

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
  Elf64_Ehdr header = {};
  const std::string bytes = ReadHead(path, sizeof(header)).value_or(std::string());
  if (bytes.starts_with("#!")) return refuse("is a script, not an ELF executable");
  if (bytes.size() < sizeof(header) || !bytes.starts_with(ELFMAG)) {
    return refuse("is not an ELF executable");
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
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

std::string_view FolderOf(Packing packing) {
  switch (packing) {
    case Packing::kPrograms:
      return "";
    case Packing::kGrafana:
      return "grafana/";
  }
  return "";
}

std::string ProgramsOf(const std::string& tree_dir, const std::string& arch) {
  const std::string second = fmt::format("{}/{}", tree_dir, arch);
  return fs::is_directory(second) ? second : tree_dir;
}

std::vector<ComponentSources> ComponentsOf(const std::string& tree_dir) {
  std::vector<ComponentSources> parts;
  for (const components::Component component : components::kComponents) {
    const Traits& traits = TraitsOf(component);
    const std::string program =
        fmt::format("{}/{}{}", tree_dir, FolderOf(traits.packing), traits.program_path());
    if (traits.optional && !fs::exists(program)) continue;
    ComponentSources& part = parts.emplace_back();
    part.component = traits.name;
    switch (traits.packing) {
      case Packing::kPrograms:
        part.sources = ProgramSources(tree_dir, traits);
        break;
      case Packing::kGrafana:
        part.sources = GrafanaSources(tree_dir, traits);
        break;
    }
  }
  return parts;
}

}  // namespace dmgr::package
