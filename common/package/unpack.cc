#include "common/package/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "common/error.h"
#include "common/files.h"
#include "common/package/tar_writer.h"

namespace dmgr::package {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = 1U << 20;
constexpr std::uint64_t kMaxRatio = 200;

std::string ReaderError(archive* reader) {
  const char* text = archive_error_string(reader);
  return text == nullptr ? "unknown error" : text;
}

// The name in whatever form the archive has it.
std::string NameOf(archive_entry* entry) {
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  return name == nullptr ? "" : name;
}

// Relative, without "." and doubled slashes; "" for the root itself.
absl::StatusOr<std::string> Normalize(const std::string& name) {
  if (name.size() > kMaxPathBytes) return BadMember(name.substr(0, 80), "its path is too long");
  if (name.starts_with('/')) return BadMember(name, "its path is absolute");
  const bool has_control =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control) return BadMember("a member", "its path has control characters");
  std::string path;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    begin = end + 1;
    if (part == "..") return BadMember(name, "its path has \"..\"");
    if (part.empty() || part == ".") continue;
    if (part.size() > 255) return BadMember(name.substr(0, 80), "its path is too long");
    path += path.empty() ? part : "/" + part;
  }
  return path;
}

}  // namespace

absl::Status BadMember(std::string_view member, std::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "PACKAGE_INVALID",
               "the package is refused: {}: {}", member, why)
      .With("member", member)
      .Field(member, why)
      .Remedy("make the package again")
      .Next(v1::ACTION_BUILD_PACKAGE);
}

absl::Status Unreadable(archive* reader) {
  return Error(absl::StatusCode::kInvalidArgument, "PACKAGE_INVALID",
               "the archive cannot be read: {}", ReaderError(reader))
      .Remedy("a package is a .tar.gz; make it again, or send it again");
}

ArchiveReader NewReader() {
  ArchiveReader reader(archive_read_new(), [](archive* a) { archive_read_free(a); });
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  return reader;
}

Unpacker::Unpacker(std::string target_dir, std::function<bool(std::string_view)> is_wrapper,
                   Budget* budget)
    : target_dir_(std::move(target_dir)), is_wrapper_(std::move(is_wrapper)), budget_(budget) {}

absl::Status Unpacker::Run(archive* reader) {
  if (mkdir(target_dir_.c_str(), 0755) != 0) return SystemError("cannot make", target_dir_, errno);
  for (;;) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(reader, &entry);
    if (code == ARCHIVE_EOF) break;
    // A warning is about a name that the current locale cannot show.
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Unreadable(reader);
    if (budget_->entries-- == 0) {
      budget_->entries = 0;
      return BadMember("the archive", "it has too many members");
    }
    RETURN_IF_ERROR(UnpackEntry(reader, entry));
  }
  return CheckLinks();
}

absl::Status Unpacker::UnpackEntry(archive* reader, archive_entry* entry) {
  const std::string name = NameOf(entry);
  if (name.empty()) return BadMember("a member", "its name cannot be read");
  ASSIGN_OR_RETURN(const std::string path, TargetName(name));
  if (path.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(AddParents(path));
  if (archive_entry_filetype(entry) == AE_IFDIR) return AddDirectory(path);
  if (!members_.emplace(path, 'f').second) return BadMember(path, "it is there twice");
  if (const char* target = archive_entry_hardlink(entry); target != nullptr) {
    return AddHardlink(path, target);
  }
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return AddFile(reader, entry, path);
    case AE_IFLNK:
      return AddSymlink(path, archive_entry_symlink(entry));
    default:
      return BadMember(path, "it is a device or another special file");
  }
}

absl::StatusOr<std::string> Unpacker::TargetName(const std::string& name) {
  ASSIGN_OR_RETURN(std::string path, Normalize(name));
  if (path.empty()) return path;
  const auto slash = path.find('/');
  const std::string top = path.substr(0, slash);
  if (first_) {
    first_ = false;
    if (is_wrapper_(top)) wrapper_ = top;
  }
  if (wrapper_.empty()) return path;
  if (top != wrapper_) {
    return BadMember(path, fmt::format("it is outside of {}/, where the others are", wrapper_));
  }
  return slash == std::string::npos ? std::string() : path.substr(slash + 1);
}

absl::Status Unpacker::AddParents(const std::string& path) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    RETURN_IF_ERROR(AddDirectory(path.substr(0, slash)));
  }
  return absl::OkStatus();
}

absl::Status Unpacker::AddDirectory(const std::string& path) {
  const auto [member, added] = members_.emplace(path, 'd');
  if (!added && member->second != 'd') {
    return BadMember(path, "it is a file or a link, and a directory as well");
  }
  if (added && mkdir(OnDisk(path).c_str(), 0755) != 0) {
    return SystemError("cannot make", OnDisk(path), errno);
  }
  return absl::OkStatus();
}

absl::Status Unpacker::AddFile(archive* reader, archive_entry* entry, const std::string& path) {
  const std::string on_disk = OnDisk(path);
  const mode_t mode = (archive_entry_perm(entry) & S_IXUSR) != 0 ? 0755 : 0644;
  ASSIGN_OR_RETURN(FileWriter file, FileWriter::Create(on_disk, mode));
  // Whoever is asked for its version is nobody.
  RETURN_IF_ERROR(file.SetMode(mode));
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    const la_ssize_t n = archive_read_data(reader, buffer.data(), buffer.size());
    if (n < 0) return Unreadable(reader);
    if (n == 0) return absl::OkStatus();
    const auto size = static_cast<std::uint64_t>(n);
    bytes_ += size;
    const auto packed = static_cast<std::uint64_t>(archive_filter_bytes(reader, -1));
    if (size > budget_->bytes) return BadMember(path, "the archive unpacks to too many bytes");
    if (bytes_ > budget_->ratio_from && bytes_ / kMaxRatio > packed) {
      return BadMember(path, "the archive unpacks to far more than its size");
    }
    budget_->bytes -= size;
    RETURN_IF_ERROR(file.Write({buffer.data(), size}));
  }
}

absl::Status Unpacker::AddSymlink(const std::string& path, const char* target) {
  if (target == nullptr || *target == '\0' || *target == '/') {
    return BadMember(path, "it is a link that leads out of the package");
  }
  const fs::path joined = (fs::path(path).parent_path() / target).lexically_normal();
  if (joined.begin() != joined.end() && *joined.begin() == "..") {
    return BadMember(path, "it is a link that leads out of the package");
  }
  members_[path] = 'l';
  if (symlink(target, OnDisk(path).c_str()) != 0) {
    return SystemError("cannot make", OnDisk(path), errno);
  }
  return absl::OkStatus();
}

absl::Status Unpacker::AddHardlink(const std::string& path, const std::string& target) {
  ASSIGN_OR_RETURN(const std::string source, TargetName(target));
  const auto member = members_.find(source);
  if (source == path || member == members_.end() || member->second != 'f') {
    return BadMember(path, "it is a link to something that is no file of the package before it");
  }
  if (link(OnDisk(source).c_str(), OnDisk(path).c_str()) != 0) {
    return SystemError("cannot make", OnDisk(path), errno);
  }
  return absl::OkStatus();
}

// At the end, since a link may come before what it leads to, and may lead to another link.
absl::Status Unpacker::CheckLinks() const {
  std::error_code error;
  const std::string root = fs::canonical(target_dir_, error).string() + "/";
  for (const auto& [path, type] : members_) {
    if (type != 'l') continue;
    const fs::path end = fs::canonical(OnDisk(path), error);
    if (error || !end.string().starts_with(root) || !fs::is_regular_file(end, error)) {
      return BadMember(path, "it is a link that does not lead to a file of the package");
    }
  }
  return absl::OkStatus();
}

absl::Status UnpackFile(const std::string& archive_path, const std::string& target_dir,
                        std::function<bool(std::string_view)> is_wrapper, Budget* budget) {
  const ArchiveReader reader = NewReader();
  if (archive_read_open_filename(reader.get(), archive_path.c_str(), kReadBytes) != ARCHIVE_OK) {
    return Unreadable(reader.get());
  }
  return Unpacker(target_dir, std::move(is_wrapper), budget).Run(reader.get());
}

}  // namespace dmgr::package
