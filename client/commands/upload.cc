#include "client/commands/upload.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "client/output/format.h"
#include "client/progress/block.h"
#include "client/progress/meter.h"
#include "common/files.h"
#include "common/package/sha256.h"
#include "common/steady_time.h"
#include "dmgr/v1/warehouse_service.grpc.pb.h"

namespace dmgr::client {
namespace {

using Stub = v1::WarehouseService::Stub;

constexpr std::size_t kChunkBytes = 512 << 10;

// "uploading  45 %  1.2 GiB of 2.6 GiB  110 MiB/s  13s left", redrawn in place.
class UploadLine {
 public:
  UploadLine(Terminal* terminal, std::uint64_t total)
      : terminal_(terminal), total_(total), block_(terminal) {}
  ~UploadLine() {
    if (terminal_->live()) block_.Clear();
  }
  UploadLine(const UploadLine&) = delete;
  UploadLine& operator=(const UploadLine&) = delete;

  void Show(std::uint64_t done) {
    if (!terminal_->live() || SteadyNow() < next_) return;
    next_ = SteadyNow() + absl::Milliseconds(100);
    meter_.Add(SteadyNow(), done);
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

 private:
  Terminal* terminal_;
  const std::uint64_t total_;
  Block block_;
  Meter meter_;
  absl::Time next_ = absl::InfinitePast();
};

// Name, size and hash of the file, and how much of it the server has of an upload that stopped;
// says so to the user.
struct UploadStart {
  v1::UploadHeader header;
  std::uint64_t offset = 0;
};

absl::StatusOr<UploadStart> BeginUpload(Environment& environment, const std::string& path) {
  UploadStart start;
  start.header.set_file_name(std::filesystem::path(path).filename().string());
  std::error_code error;
  start.header.set_size_bytes(std::filesystem::file_size(path, error));
  ASSIGN_OR_RETURN(*start.header.mutable_sha256(), package::Sha256OfFile(path));
  v1::GetUploadRequest state;
  state.set_sha256(start.header.sha256());
  ASSIGN_OR_RETURN(const auto received, environment.Call<v1::GetUploadResponse>(state));
  start.offset = received.received_bytes();
  if (start.offset > 0) {
    environment.terminal->err() << "going on at " << Bytes(start.offset) << "\n";
  }
  return start;
}

// Sends `first`, which has the header, then the file's bytes from where it goes on.
template <typename Request, typename Response>
absl::StatusOr<Response> SendFile(
    Environment& environment, const std::string& path, const UploadStart& start,
    const Request& first,
    std::unique_ptr<grpc::ClientWriter<Request>> (Stub::*method)(grpc::ClientContext*, Response*)) {
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  Stub stub(connection.channel());
  Response response;
  auto writer = (stub.*method)(&context, &response);
  Request message = first;
  bool open = writer->Write(message);
  std::uint64_t offset = start.offset;
  UploadLine shown(environment.terminal, start.header.size_bytes());
  shown.Show(offset);
  const absl::Status read = ReadChunks(path, offset, kChunkBytes, [&](std::string_view data) {
    if (!open) return absl::CancelledError();
    auto* chunk = message.mutable_chunk();
    chunk->set_offset(offset);
    chunk->set_data(data.data(), data.size());
    open = writer->Write(message);
    offset += data.size();
    shown.Show(offset);
    return absl::OkStatus();
  });
  if (open && !read.ok()) {
    context.TryCancel();
    writer->Finish();
    return read;
  }
  writer->WritesDone();
  RETURN_IF_ERROR(connection.Explain(writer->Finish()));
  return response;
}

}  // namespace

absl::StatusOr<v1::UploadPackageResponse> UploadPackage(Environment& environment,
                                                        const std::string& path) {
  ASSIGN_OR_RETURN(const UploadStart start, BeginUpload(environment, path));
  v1::UploadPackageRequest first;
  *first.mutable_header() = start.header;
  return SendFile(environment, path, start, first, &Stub::UploadPackage);
}

absl::StatusOr<v1::UploadPatchResponse> UploadPatch(Environment& environment,
                                                    const std::string& path,
                                                    v1::Component component) {
  ASSIGN_OR_RETURN(const UploadStart start, BeginUpload(environment, path));
  v1::UploadPatchRequest first;
  *first.mutable_header()->mutable_file() = start.header;
  first.mutable_header()->set_component(component);
  return SendFile(environment, path, start, first, &Stub::UploadPatch);
}

}  // namespace dmgr::client
