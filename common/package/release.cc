#include "common/package/release.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "common/enum_words.h"
#include "common/error.h"
#include "common/files.h"
#include "common/package/blake2b.h"
#include "common/package/tar_writer.h"

namespace dmgr::package {
namespace {

namespace fs = std::filesystem;

// What goes into a release, by path in it; a directory has no source.
using Plan = std::map<std::string, std::string>;

absl::Status AddToPlan(const std::string& path, const fs::path& source, Plan& plan) {
  // Links are followed: a release holds the content.
  const fs::file_status status = fs::status(source);
  if (fs::is_regular_file(status)) {
    plan[path] = source.string();
    return absl::OkStatus();
  }
  if (!fs::is_directory(status) || fs::is_symlink(fs::symlink_status(source))) {
    return Error(absl::StatusCode::kInvalidArgument, "PACKAGE_INVALID",
                 "{} is neither a file nor a directory", source.string());
  }
  plan[path] = "";
  for (const auto& child : fs::directory_iterator(source)) {
    RETURN_IF_ERROR(AddToPlan(path + "/" + child.path().filename().string(), child.path(), plan));
  }
  return absl::OkStatus();
}

absl::StatusOr<Plan> MakePlan(const std::vector<ReleaseSource>& sources) {
  Plan plan;
  for (const auto& source : sources) {
    for (auto slash = source.path.find('/'); slash != std::string::npos;
         slash = source.path.find('/', slash + 1)) {
      plan.emplace(source.path.substr(0, slash), "");
    }
    RETURN_IF_ERROR(AddToPlan(source.path, source.source_path, plan));
  }
  return plan;
}

}  // namespace

std::string ManifestText(std::vector<ManifestEntry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const ManifestEntry& a, const ManifestEntry& b) { return a.path < b.path; });
  std::string text;
  for (const ManifestEntry& entry : entries) {
    switch (entry.type) {
      case 'f':
        text += fmt::format("f {:04o} {} {} {}\n", entry.mode, entry.size, entry.content_hash,
                            entry.path);
        break;
      case 'd':
        text += fmt::format("d {:04o} - - {}\n", entry.mode, entry.path);
        break;
      default:
        text += fmt::format("l - - {} {}\n", entry.link_target, entry.path);
    }
  }
  return text;
}

std::string HashText(const std::string& text) {
  Blake2b hash;
  hash.Update(text);
  return hash.Hex();
}

absl::StatusOr<ReleaseInfo> WriteRelease(const std::string& component,
                                         const std::vector<ReleaseSource>& sources,
                                         const std::string& archive_path) {
  try {
    ASSIGN_OR_RETURN(const Plan plan, MakePlan(sources));
    ASSIGN_OR_RETURN(auto writer, TarWriter::Create(archive_path, TarWriter::Compression::kZstd));
    ReleaseInfo info;
    info.component = component;
    for (const auto& [path, source] : plan) {
      ManifestEntry entry;
      entry.type = 'd';
      entry.path = path;
      entry.mode = 0755;
      if (source.empty()) {
        RETURN_IF_ERROR(writer->AddDirectory(path));
      } else {
        const bool executable =
            (fs::status(source).permissions() & fs::perms::owner_exec) != fs::perms::none;
        entry.type = 'f';
        entry.mode = executable ? 0755 : 0644;
        ASSIGN_OR_RETURN(const TarWriter::FileInfo file,
                         writer->AddFile(path, source, entry.mode, /*with_hash=*/true));
        entry.size = file.size;
        entry.content_hash = file.content_hash;
        info.unpacked_bytes += file.size;
      }
      info.entries.push_back(std::move(entry));
    }
    ASSIGN_OR_RETURN(info.compressed_bytes, writer->Finish());
    ASSIGN_OR_RETURN(info.archive_hash, Blake2bOfFile(archive_path));
    info.hash = HashText(ManifestText(info.entries));
    return info;
  } catch (const fs::filesystem_error& e) {
    return SystemError("cannot read", e.path1().string(), e.code().value());
  }
}

absl::StatusOr<ReleaseInfo> StoreRelease(const std::string& component,
                                         const std::vector<ReleaseSource>& sources,
                                         const std::string& dir) {
  const std::string temporary = dir + "/" + component + ".tar.zst";
  ASSIGN_OR_RETURN(ReleaseInfo info, WriteRelease(component, sources, temporary));
  const std::string path = dir + "/" + info.hash + ".tar.zst";
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return SystemError("cannot rename", temporary, errno);
  }
  RETURN_IF_ERROR(SyncFolderOf(path));
  return info;
}

v1::PackageComponent ToProto(const ReleaseInfo& release) {
  v1::PackageComponent component;
  component.set_component(FromWord<v1::Component>(release.component));
  component.set_release_hash(release.hash);
  component.set_size_bytes(release.unpacked_bytes);
  component.set_compressed_bytes(release.compressed_bytes);
  component.set_archive_hash(release.archive_hash);
  for (const ManifestEntry& entry : release.entries) {
    if (entry.type != 'f') continue;
    v1::PackageFile* file = component.add_files();
    file->set_path(entry.path);
    file->set_size_bytes(entry.size);
  }
  return component;
}

}  // namespace dmgr::package
