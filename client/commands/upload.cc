#include "client/commands/upload.h"

#include <fmt/format.h>

#include <filesystem>

#include "absl/time/clock.h"
#include "common/package/sha256.h"

namespace dmgr::client {

UploadLine::~UploadLine() {
  if (terminal_->live()) block_.Clear();
}

void UploadLine::Show(std::uint64_t done) {
  if (!terminal_->live() || absl::Now() < next_) return;
  next_ = absl::Now() + absl::Milliseconds(100);
  meter_.Add(absl::Now(), done);
  const double total = std::max(static_cast<double>(total_), 1.0);
  std::string line =
      fmt::format("uploading {:3.0f} %  {} of {}", 100.0 * static_cast<double>(done) / total,
                  Bytes(done), Bytes(total_));
  const double rate = meter_.BytesPerSecond();
  if (rate >= 1) {
    const double left = (total - static_cast<double>(done)) / rate;
    line += fmt::format("  {}/s  {} left", Bytes(static_cast<std::uint64_t>(rate)),
                        Span(static_cast<std::int64_t>(left)));
  }
  block_.Draw({line});
}

absl::StatusOr<UploadStart> BeginUpload(Environment& environment, const std::string& path) {
  Connection& connection = environment.connection();
  UploadStart start;
  start.header.set_file_name(std::filesystem::path(path).filename().string());
  std::error_code error;
  start.header.set_size_bytes(std::filesystem::file_size(path, error));
  ASSIGN_OR_RETURN(*start.header.mutable_sha256(), package::Sha256OfFile(path));
  v1::GetUploadRequest state;
  state.set_sha256(start.header.sha256());
  v1::GetUploadResponse received;
  RETURN_IF_ERROR(connection.Call(connection.packages(), &v1::WarehouseService::Stub::GetUpload,
                                  state, &received));
  start.offset = received.received_bytes();
  if (start.offset > 0) {
    environment.terminal->err() << "going on at " << Bytes(start.offset) << "\n";
  }
  return start;
}

}  // namespace dmgr::client
