#include "server/package/patch.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/components/traits.h"
#include "common/error.h"
#include "common/files.h"
#include "common/package/structure.h"
#include "common/package/tar_writer.h"
#include "common/package/unpack.h"
#include "server/package/program_version.h"

namespace dmgr::package {
namespace {

namespace fs = std::filesystem;

using components::Component;
using components::kComponents;
using components::Name;
using components::TraitsOf;

constexpr std::size_t kBufferBytes = 1U << 20;

absl::Status Invalid(const std::string& file_name, const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "PATCH_INVALID", "{} is no patch: {}",
               file_name.substr(0, 128), why)
      .Field("header", why)
      .Remedy(
          "give an ELF executable, or a tarball that holds the component's program, such as "
          "dm-worker");
}

// The component whose program has the name, or whose name begins with it: "dm-worker-v7.5.1-fix".
std::optional<Component> ComponentNamed(const std::string& name) {
  for (const Component component : kComponents) {
    const std::string_view program = TraitsOf(component).program().name;
    if (!name.starts_with(program)) continue;
    if (name.size() == program.size() || std::strchr("-_.", name[program.size()]) != nullptr) {
      return component;
    }
  }
  return std::nullopt;
}

bool IsElf(const std::string& path) {
  return ReadHead(path, SELFMAG).value_or(std::string()) == ELFMAG;
}

// A program of a component in a tarball.
struct Found {
  Component component;
  std::string member;
};

// What else of each component is in a tarball: a member for each.
using More = std::map<Component, std::string>;

// What goes with its first program, and would not be replaced with it.
bool GoesWith(Component component, const fs::path& member) {
  const components::Traits& traits = TraitsOf(component);
  const std::string name = member.filename();
  const auto others = traits.programs.subspan(1);
  return std::ranges::find(others, name, &components::Program::name) != others.end() ||
         (!traits.tarball_tree.empty() &&
          std::find(member.begin(), member.end(), traits.tarball_tree) != member.end());
}

std::string Listed(const std::vector<Found>& found) {
  std::vector<std::string> members;
  for (const auto& one : found) members.push_back(one.member);
  return fmt::format("{}", fmt::join(members, ", "));
}

ArchiveReader NewTarballReader() {
  ArchiveReader reader(archive_read_new(), [](archive* a) { archive_read_free(a); });
  // For some of the others libarchive starts programs, as root; and each one more may be a bomb.
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_format_tar(reader.get());
  return reader;
}

// What is passed over is unpacked as well.
absl::Status Charge(std::uint64_t bytes, const std::string& member, Budget* budget) {
  if (bytes > budget->bytes) return BadMember(member, "the archive unpacks to too many bytes");
  budget->bytes -= bytes;
  return absl::OkStatus();
}

// Writes the member that the reader is at.
absl::Status Extract(archive* reader, const std::string& target, Budget* budget) {
  // A tarball may hold it twice, which is refused when all is known.
  std::error_code error;
  fs::remove(target, error);
  ASSIGN_OR_RETURN(FileWriter out, FileWriter::Create(target, 0644));
  std::string buffer(kBufferBytes, '\0');
  for (;;) {
    const la_ssize_t n = archive_read_data(reader, buffer.data(), buffer.size());
    if (n < 0) return Unreadable(reader);
    if (n == 0) break;
    RETURN_IF_ERROR(Charge(static_cast<std::uint64_t>(n), target, budget));
    RETURN_IF_ERROR(out.Write({buffer.data(), static_cast<std::size_t>(n)}));
  }
  return absl::OkStatus();
}

// Unpacks the programs of components, or of `component` only, as dir/<component>.
absl::StatusOr<std::vector<Found>> FindPrograms(const std::string& path,
                                                std::optional<Component> component,
                                                const std::string& dir, More* more) {
  const ArchiveReader reader = NewTarballReader();
  if (archive_read_open_filename(reader.get(), path.c_str(), kBufferBytes) != ARCHIVE_OK) {
    return Unreadable(reader.get());
  }
  Budget budget;
  std::vector<Found> found;
  for (;;) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF) return found;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Unreadable(reader.get());
    if (budget.entries-- == 0) return BadMember("the archive", "it has too many members");
    const la_int64_t declared = archive_entry_size(entry);
    const char* name = archive_entry_pathname(entry);
    RETURN_IF_ERROR(Charge(declared > 0 ? static_cast<std::uint64_t>(declared) : 0,
                           name == nullptr ? "a member" : name, &budget));
    if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry) != nullptr) {
      continue;
    }
    const std::string base = fs::path(name).filename();
    for (const Component one : kComponents) {
      if (GoesWith(one, name)) more->emplace(one, name);
      if (base != TraitsOf(one).program().name || component.value_or(one) != one) continue;
      RETURN_IF_ERROR(Extract(reader.get(), fmt::format("{}/{}", dir, Name(one)), &budget));
      found.push_back({one, name});
    }
  }
}

// The program as dir/<component>; returns the component.
absl::StatusOr<Component> TakeFromTarball(const std::string& path, const std::string& file_name,
                                          std::optional<Component> component,
                                          const std::string& dir) {
  More more;
  const auto found = FindPrograms(path, component, dir, &more);
  if (!found.ok()) {
    return Invalid(file_name, "it is neither an ELF executable nor a tarball (" +
                                  std::string(Message(found.status())) + ")");
  }
  if (found->size() == 1) {
    const Component one = found->front().component;
    const auto rest = more.find(one);
    if (rest == more.end()) return one;
    return Invalid(file_name,
                   fmt::format("it is more of {0} than its program: {1} goes with {2}, and a patch "
                               "replaces {2} alone. Give that program by itself; or build a "
                               "package with this tarball, upload it and upgrade to it",
                               Name(one), rest->second, found->front().member));
  }
  const std::string wanted = component ? std::string(Name(*component)) : "any component";
  if (found->empty()) return Invalid(file_name, "it holds no program of " + wanted);
  const bool same = std::all_of(found->begin(), found->end(), [&](const Found& one) {
    return one.component == found->front().component;
  });
  return Invalid(file_name, same ? "it holds several programs of one component: " + Listed(*found)
                                 : "it holds programs of several components: " + Listed(*found) +
                                       "; say which is meant by its role");
}

absl::StatusOr<Component> TakeProgram(const std::string& path, const std::string& file_name,
                                      std::optional<Component> component, const std::string& dir) {
  if (!IsElf(path)) return TakeFromTarball(path, file_name, component, dir);
  const auto taken = component ? component : ComponentNamed(file_name);
  if (!taken) {
    return Invalid(file_name, "its name does not tell the component; say it by its role");
  }
  std::error_code error;
  fs::copy_file(path, fmt::format("{}/{}", dir, Name(*taken)), error);
  if (error) return SystemError("cannot copy", path, error.value());
  return *taken;
}

// A shared library has the type of a program, but nowhere to begin.
bool HasEntry(const std::string& path) {
  Elf64_Ehdr header = {};
  const std::string bytes = ReadHead(path, sizeof(header)).value_or(std::string());
  if (bytes.size() == sizeof(header)) std::memcpy(&header, bytes.data(), sizeof(header));
  return header.e_entry != 0;
}

}  // namespace

absl::StatusOr<v1::Patch> MakePatch(const std::string& path, const std::string& file_name,
                                    const std::string& component, const std::string& work_dir) {
  const auto wanted = components::ParseComponent(component);
  if (!component.empty() && !wanted.has_value()) {
    std::vector<std::string_view> names;
    for (const Component known : kComponents) names.push_back(Name(known));
    return Invalid(file_name, fmt::format("\"{}\" is no component; these are: {}",
                                          component.substr(0, 64), fmt::join(names, ", ")));
  }
  ASSIGN_OR_RETURN(const Component found, TakeProgram(path, file_name, wanted, work_dir));
  const components::Traits& traits = TraitsOf(found);
  const std::string taken(traits.name);
  const std::string program = work_dir + "/" + taken;
  const auto arch = ArchOf(program);
  if (!arch.ok()) {
    return Invalid(file_name, fmt::format("its {} {}", taken, Message(arch.status())));
  }
  if (!HasEntry(program)) return Invalid(file_name, fmt::format("its {} is a library", taken));
  std::error_code error;
  fs::permissions(program, fs::perms(0755), error);
  if (error) return SystemError("cannot change", program, error.value());

  ASSIGN_OR_RETURN(const ReleaseInfo release,
                   StoreRelease(taken, {{traits.program_path(), program}}, work_dir));
  v1::Patch patch;
  *patch.mutable_release() = ToProto(release);
  const auto own = ArchOf("/proc/self/exe");
  if (own.ok() && *own == *arch) {
    patch.mutable_release()->set_version(ProgramVersion(program, std::string(traits.version_flag)));
  }
  patch.set_patch_id(release.hash);
  patch.set_file_name(file_name);
  patch.set_arch(*arch);
  return patch;
}

}  // namespace dmgr::package
