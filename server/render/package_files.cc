#include <algorithm>
#include <filesystem>
#include <iterator>

#include "common/error.h"
#include "common/files.h"
#include "server/render/render.h"

namespace dmgr::render {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrograms[] = {"bin", "grafana/bin", "grafana/plugins",
                                          "grafana/homepath", "grafana.tar.gz", "others/dmctl",
                                          // Programs for a second architecture.
                                          "amd64", "arm64"};
constexpr std::uintmax_t kMaxFileBytes = 4U << 20;
constexpr std::size_t kMaxTotalBytes = 64U << 20;

absl::Status Unreadable(const std::string& tree_dir, std::string_view why) {
  return Error(absl::StatusCode::kInternal, "PACKAGE_UNREADABLE",
               "the unpacked package {} cannot be read: {}", tree_dir, why)
      .With("path", tree_dir)
      .Remedy("remove the package and upload it again")
      .Next(v1::ACTION_LIST_PACKAGES);
}

absl::StatusOr<PackageFiles> Load(const std::string& tree_dir) {
  PackageFiles files;
  std::size_t total = 0;
  const fs::path root(tree_dir);
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    const std::string path = it->path().lexically_relative(root).generic_string();
    if (IsProgram(path)) {
      it.disable_recursion_pending();
      continue;
    }
    if (it->symlink_status().type() != fs::file_type::regular) continue;
    if (it->file_size() > kMaxFileBytes) continue;
    auto content = ReadFile(it->path(), kMaxFileBytes);
    if (!content.ok()) return Unreadable(tree_dir, Message(content.status()));
    total += content->size();
    if (total > kMaxTotalBytes) return Unreadable(tree_dir, "its text files are too many");
    files.emplace(path, *std::move(content));
  }
  return files;
}

}  // namespace

bool IsProgram(std::string_view path) {
  return std::any_of(std::begin(kPrograms), std::end(kPrograms), [&](std::string_view program) {
    return path.starts_with(program) &&
           (path.size() == program.size() || path[program.size()] == '/');
  });
}

absl::StatusOr<PackageFiles> LoadPackageFiles(const std::string& tree_dir) {
  try {
    return Load(tree_dir);
  } catch (const fs::filesystem_error& e) {
    return Unreadable(tree_dir, e.what());
  }
}

}  // namespace dmgr::render
