#include "server/operations/warehouse.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/render/render.h"
#include "server/store/package_store.h"

namespace dmgr::operations {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxPackageBytes = 8ULL << 30;
// The upload, its unpacked tree and its releases, as a multiple of the upload.
constexpr std::uint64_t kSpaceFactor = 6;

bool IsSha256(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::Status CheckHeader(const v1::UploadHeader& header) {
  if (!IsSha256(header.sha256())) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "sha256 of {} is not 64 lower case hex digits", header.file_name())
        .Field("header.sha256", "must be 64 lower case hex digits");
  }
  if (header.size_bytes() == 0 || header.size_bytes() > kMaxPackageBytes) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "{} has {} bytes; 1 to {} are accepted", header.file_name(), header.size_bytes(),
                 kMaxPackageBytes)
        .Field("header.size_bytes", "out of range");
  }
  return absl::OkStatus();
}

absl::Status CheckSpace(const std::string& dir, std::uint64_t package_bytes) {
  struct statvfs stat = {};
  if (statvfs(dir.c_str(), &stat) != 0) return absl::OkStatus();
  const std::uint64_t free = static_cast<std::uint64_t>(stat.f_bavail) * stat.f_frsize;
  const std::uint64_t needed = package_bytes * kSpaceFactor;
  if (free >= needed) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted, "WAREHOUSE_FULL",
               "{} has {} MiB free; the package may need {} MiB", dir, free >> 20, needed >> 20)
      .With("path", dir)
      .Remedy("free space there, or remove packages: dmgrctl package remove VERSION");
}

absl::Status DiskError(const std::string& path) {
  return Error(absl::StatusCode::kResourceExhausted, "WAREHOUSE_WRITE_FAILED", "cannot write {}",
               path)
      .With("path", path)
      .Remedy("look at the disk of the warehouse, then upload again: it goes on where it stopped");
}

std::vector<std::string> CheckTree(const std::string& tree_dir) {
  auto files = render::LoadPackageFiles(tree_dir);
  if (!files.ok()) return {std::string(Message(files.status()))};
  return render::CheckTemplates(*files);
}

}  // namespace

std::string Warehouse::PartPath(const std::string& sha256) const {
  return fmt::format("{}/uploads/{}.part", services_->warehouse_dir, sha256);
}
std::string Warehouse::WorkDir(const std::string& sha256) const {
  return fmt::format("{}/uploads/{}.work", services_->warehouse_dir, sha256);
}

absl::StatusOr<std::uint64_t> Warehouse::Received(const std::string& sha256) const {
  if (!IsSha256(sha256)) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "sha256 is not 64 lower case hex digits")
        .Field("sha256", "must be 64 lower case hex digits");
  }
  std::error_code error;
  const auto size = fs::file_size(PartPath(sha256), error);
  return error ? 0 : size;
}

absl::StatusOr<std::unique_ptr<Warehouse::Upload>> Warehouse::Begin(
    const v1::UploadHeader& header) {
  RETURN_IF_ERROR(CheckHeader(header));
  ASSIGN_OR_RETURN(std::string version, package::VersionOfFileName(header.file_name()));
  std::unique_ptr<Upload> upload(new Upload(this, header, version));
  absl::StatusOr<v1::Package> existing = absl::UnknownError("");
  RETURN_IF_ERROR(services_->database->Transact([&](store::Transaction& tx) {
    existing = store::GetPackage(tx, version);
    return absl::IsNotFound(existing.status()) ? absl::OkStatus() : existing.status();
  }));
  if (existing.ok()) {
    if (existing->sha256() == header.sha256()) {
      upload->present_ = *existing;
      return upload;
    }
    return Error(absl::StatusCode::kAlreadyExists, "PACKAGE_EXISTS",
                 "package {} is in the warehouse with other content", version)
        .With("version", version)
        .Remedy("remove it first: dmgrctl package remove " + version);
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    // The bytes are kept by their hash, whatever the file is called.
    if (busy_.contains(version) || busy_.contains(header.sha256())) {
      return Error(absl::StatusCode::kAborted, "UPLOAD_IN_PROGRESS",
                   "package {} is being uploaded by another call", version)
          .With("version", version)
          .Remedy("wait for it");
    }
    busy_.insert({version, header.sha256()});
    upload->registered_ = true;
  }
  std::error_code error;
  fs::create_directories(services_->warehouse_dir + "/uploads", error);
  if (error) return DiskError(services_->warehouse_dir + "/uploads");
  RETURN_IF_ERROR(CheckSpace(services_->warehouse_dir, header.size_bytes()));
  RETURN_IF_ERROR(upload->OpenPart());
  return upload;
}

Warehouse::Upload::Upload(Warehouse* warehouse, v1::UploadHeader header, std::string version)
    : warehouse_(warehouse), header_(std::move(header)), version_(std::move(version)) {}

Warehouse::Upload::~Upload() {
  if (!registered_) return;
  receiver_.reset();
  // What was unpacked can be made again from the part file, which stays.
  std::error_code error;
  fs::remove_all(warehouse_->WorkDir(header_.sha256()), error);
  std::lock_guard<std::mutex> lock(warehouse_->mutex_);
  warehouse_->busy_.erase(version_);
  warehouse_->busy_.erase(header_.sha256());
}

absl::Status Warehouse::Upload::OpenPart() {
  std::error_code error;
  const std::string work = warehouse_->WorkDir(header_.sha256());
  fs::remove_all(work, error);
  ASSIGN_OR_RETURN(receiver_, package::Receiver::Create(work, version_));
  const std::string path = warehouse_->PartPath(header_.sha256());
  if (fs::exists(path, error)) {
    const absl::Status fed = FeedPart();
    if (!fed.ok()) {
      // What arrived is no good: the next try must not find it again.
      fs::remove(path, error);
      return fed;
    }
  }
  part_.open(path, std::ios::binary | std::ios::app);
  return part_ ? absl::OkStatus() : DiskError(path);
}

absl::Status Warehouse::Upload::FeedPart() {
  std::ifstream in(warehouse_->PartPath(header_.sha256()), std::ios::binary);
  std::vector<char> buffer(1U << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto size = static_cast<std::size_t>(in.gcount());
    if (size == 0) break;
    RETURN_IF_ERROR(receiver_->Append({buffer.data(), size}));
    received_ += size;
  }
  return absl::OkStatus();
}

void Warehouse::Upload::Discard() {
  std::error_code error;
  part_.close();
  fs::remove(warehouse_->PartPath(header_.sha256()), error);
}

absl::Status Warehouse::Upload::Append(const v1::UploadChunk& chunk) {
  if (present_.has_value()) return absl::OkStatus();
  if (chunk.offset() != received_) {
    return Error(absl::StatusCode::kOutOfRange, "WRONG_OFFSET",
                 "a chunk begins at byte {}, {} have arrived", chunk.offset(), received_)
        .With("received_bytes", std::to_string(received_))
        .Remedy("go on at that byte (WarehouseService.GetUpload tells it)");
  }
  if (received_ + chunk.data().size() > header_.size_bytes()) {
    Discard();
    return Error(absl::StatusCode::kInvalidArgument, "UPLOAD_TOO_LONG",
                 "more than the announced {} bytes of {} came", header_.size_bytes(),
                 header_.file_name());
  }
  const absl::Status checked = receiver_->Append(chunk.data());
  if (!checked.ok()) {
    Discard();
    return Annotate(checked, header_.file_name());
  }
  part_.write(chunk.data().data(), static_cast<std::streamsize>(chunk.data().size()));
  part_.flush();
  if (!part_) return DiskError(warehouse_->PartPath(header_.sha256()));
  received_ += chunk.data().size();
  return absl::OkStatus();
}

absl::StatusOr<v1::Package> Warehouse::Upload::Finish() {
  if (present_.has_value()) return *present_;
  if (received_ < header_.size_bytes()) {
    return Error(absl::StatusCode::kFailedPrecondition, "UPLOAD_INCOMPLETE",
                 "{} of {} bytes of {} have arrived", received_, header_.size_bytes(),
                 header_.file_name())
        .With("received_bytes", std::to_string(received_))
        .Remedy("upload it again: it goes on where it stopped");
  }
  part_.close();
  auto package = receiver_->Finish(header_.size_bytes(), header_.sha256(), CheckTree);
  std::error_code error;
  fs::remove(warehouse_->PartPath(header_.sha256()), error);
  if (!package.ok()) return Annotate(package.status(), header_.file_name());
  package->set_file_name(header_.file_name());

  const std::string dir =
      fmt::format("{}/packages/{}", warehouse_->services_->warehouse_dir, version_);
  fs::create_directories(fs::path(dir).parent_path(), error);
  // Without a row nobody uses it: what a killed upload left.
  fs::remove_all(dir, error);
  fs::rename(warehouse_->WorkDir(header_.sha256()), dir, error);
  if (error) return DiskError(dir);
  RETURN_IF_ERROR(
      warehouse_->services_->database->Transact([&](store::Transaction& tx) -> absl::Status {
        RETURN_IF_ERROR(store::InsertPackage(tx, *package));
        ASSIGN_OR_RETURN(*package, store::GetPackage(tx, version_));
        return absl::OkStatus();
      }));
  return *package;
}

absl::Status Warehouse::Delete(const std::string& version) {
  RETURN_IF_ERROR(services_->database->Transact(
      [&](store::Transaction& tx) { return store::DeletePackage(tx, version); }));
  std::error_code error;
  fs::remove_all(fmt::format("{}/packages/{}", services_->warehouse_dir, version), error);
  return absl::OkStatus();
}

}  // namespace dmgr::operations
