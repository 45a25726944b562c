#include "server/warehouse/uploads.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/error.h"

namespace dmgr::warehouse {
namespace {

namespace fs = std::filesystem;

// The upload, its unpacked tree and its releases, as a multiple of the upload.
constexpr std::uint64_t kSpaceFactor = 6;

bool IsSha256(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::Status CheckSpace(const std::string& dir, std::uint64_t upload_bytes) {
  struct statvfs stat = {};
  if (statvfs(dir.c_str(), &stat) != 0) return absl::OkStatus();
  const std::uint64_t free = static_cast<std::uint64_t>(stat.f_bavail) * stat.f_frsize;
  const std::uint64_t needed = upload_bytes * kSpaceFactor;
  if (free >= needed) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted, "WAREHOUSE_FULL",
               "{} has {} MiB free; the upload may need {} MiB", dir, free >> 20, needed >> 20)
      .With("path", dir)
      .Remedy("free space there, or remove packages")
      .Next(v1::ACTION_LIST_PACKAGES);
}

}  // namespace

absl::Status CheckUploadHeader(const v1::UploadHeader& header) {
  if (!IsSha256(header.sha256())) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "sha256 of {} is not 64 lower case hex digits", header.file_name())
        .Field("header.sha256", "must be 64 lower case hex digits");
  }
  if (header.size_bytes() == 0 || header.size_bytes() > kMaxUploadBytes) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "{} has {} bytes; 1 to {} are accepted", header.file_name(), header.size_bytes(),
                 kMaxUploadBytes)
        .Field("header.size_bytes", "out of range");
  }
  return absl::OkStatus();
}

absl::Status WarehouseDiskError(const std::string& path) {
  return Error(absl::StatusCode::kResourceExhausted, "WAREHOUSE_WRITE_FAILED", "cannot write {}",
               path)
      .With("path", path)
      .Remedy("look at the disk of the warehouse, then upload again: it goes on where it stopped");
}

absl::StatusOr<std::uint64_t> Uploads::Received(const std::string& sha256) const {
  if (!IsSha256(sha256)) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "sha256 is not 64 lower case hex digits")
        .Field("sha256", "must be 64 lower case hex digits");
  }
  std::error_code error;
  const auto size = fs::file_size(fmt::format("{}/uploads/{}.part", warehouse_dir_, sha256), error);
  return error ? 0 : size;
}

Uploads::Kept Uploads::Unfinished() const {
  Kept kept;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(warehouse_dir_ + "/uploads", error)) {
    if (entry.path().extension() != ".part") continue;
    std::error_code gone;
    const auto size = entry.file_size(gone);
    if (gone) continue;
    ++kept.files;
    kept.bytes += size;
  }
  return kept;
}

int Uploads::Prune(absl::Duration unused_for) {
  // So that none of them is begun meanwhile.
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto oldest = fs::file_time_type::clock::now() - absl::ToChronoSeconds(unused_for);
  int count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(warehouse_dir_ + "/uploads", error)) {
    const std::string kind = entry.path().extension();
    const std::string sha256 = entry.path().stem();
    if (!IsSha256(sha256) || (kind != ".part" && kind != ".work") || busy_.contains(sha256)) {
      continue;
    }
    std::error_code gone;
    const auto changed = entry.last_write_time(gone);
    if (gone || changed > oldest) continue;
    fs::remove_all(entry.path(), gone);
    if (!gone && kind == ".part") ++count;
  }
  return count;
}

absl::StatusOr<std::unique_ptr<Uploads::Incoming>> Uploads::Begin(const v1::UploadHeader& header,
                                                                  const std::string& name) {
  RETURN_IF_ERROR(CheckUploadHeader(header));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    // The bytes are kept by their hash, whatever the file is called.
    if (busy_.contains(name) || busy_.contains(header.sha256())) {
      return Error(absl::StatusCode::kAborted, "UPLOAD_IN_PROGRESS",
                   "{} is being uploaded by another call", name)
          .With("name", name)
          .Remedy("wait for it");
    }
    busy_.insert({name, header.sha256()});
  }
  std::unique_ptr<Incoming> incoming(new Incoming(this, header, name));
  std::error_code error;
  fs::create_directories(warehouse_dir_ + "/uploads", error);
  if (error) return WarehouseDiskError(warehouse_dir_ + "/uploads");
  RETURN_IF_ERROR(CheckSpace(warehouse_dir_, header.size_bytes()));
  // What a killed dmgrd left.
  fs::remove_all(incoming->work_dir(), error);
  return incoming;
}

Uploads::Incoming::Incoming(Uploads* uploads, v1::UploadHeader header, std::string name)
    : uploads_(uploads), header_(std::move(header)), name_(std::move(name)) {}

Uploads::Incoming::~Incoming() {
  // What was unpacked can be made again from the part file, which stays.
  std::error_code error;
  fs::remove_all(work_dir(), error);
  std::lock_guard<std::mutex> lock(uploads_->mutex_);
  uploads_->busy_.erase(name_);
  uploads_->busy_.erase(header_.sha256());
}

std::string Uploads::Incoming::work_dir() const {
  return fmt::format("{}/uploads/{}.work", uploads_->warehouse_dir_, header_.sha256());
}

std::string Uploads::Incoming::part_path() const {
  return fmt::format("{}/uploads/{}.part", uploads_->warehouse_dir_, header_.sha256());
}

absl::Status Uploads::Incoming::Open(Sink sink) {
  sink_ = std::move(sink);
  std::error_code error;
  if (fs::exists(part_path(), error)) {
    const absl::Status fed = Feed();
    if (!fed.ok()) {
      Discard();
      return fed;
    }
  }
  auto part = FileWriter::Append(part_path(), 0644);
  if (!part.ok()) return WarehouseDiskError(part_path());
  part_ = *std::move(part);
  return absl::OkStatus();
}

absl::Status Uploads::Incoming::Feed() {
  return ReadChunks(part_path(), 0, kFileChunk, [this](std::string_view data) -> absl::Status {
    RETURN_IF_ERROR(sink_(data));
    received_ += data.size();
    return absl::OkStatus();
  });
}

void Uploads::Incoming::Discard() {
  std::error_code error;
  part_.reset();
  fs::remove(part_path(), error);
}

absl::Status Uploads::Incoming::Append(const v1::UploadChunk& chunk) {
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
  const absl::Status checked = sink_(chunk.data());
  if (!checked.ok()) {
    Discard();
    return Annotate(checked, header_.file_name());
  }
  if (!part_.has_value() || !part_->Write(chunk.data()).ok())
    return WarehouseDiskError(part_path());
  received_ += chunk.data().size();
  return absl::OkStatus();
}

absl::Status Uploads::Incoming::Close() {
  if (received_ < header_.size_bytes()) {
    return Error(absl::StatusCode::kFailedPrecondition, "UPLOAD_INCOMPLETE",
                 "{} of {} bytes of {} have arrived", received_, header_.size_bytes(),
                 header_.file_name())
        .With("received_bytes", std::to_string(received_))
        .Remedy("upload it again: it goes on where it stopped");
  }
  part_.reset();
  return absl::OkStatus();
}

}  // namespace dmgr::warehouse
