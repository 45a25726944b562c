// package upload.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "client/commands/command.h"
#include "client/progress/block.h"
#include "client/progress/meter.h"
#include "common/error.h"
#include "server/package/sha256.h"

namespace dmgr::client {
namespace {

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

 private:
  Terminal* terminal_;
  const std::uint64_t total_;
  Block block_;
  Meter meter_;
  absl::Time next_ = absl::InfinitePast();
};

absl::Status Send(Environment& environment, const std::string& path, const v1::UploadHeader& header,
                  std::uint64_t offset, v1::UploadPackageResponse* response) {
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  auto writer = connection.packages().UploadPackage(&context, response);
  v1::UploadPackageRequest message;
  *message.mutable_header() = header;
  bool open = writer->Write(message);
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  UploadLine shown(environment.terminal, header.size_bytes());
  shown.Show(offset);
  std::string buffer(kChunkBytes, '\0');
  while (open && in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto size = static_cast<std::size_t>(in.gcount());
    if (size == 0) break;
    auto* chunk = message.mutable_chunk();
    chunk->set_offset(offset);
    chunk->set_data(buffer.data(), size);
    open = writer->Write(message);
    offset += size;
    shown.Show(offset);
  }
  writer->WritesDone();
  return connection.Explain(writer->Finish());
}

absl::StatusOr<ExitCode> Upload(Environment& environment, const std::string& path) {
  Connection& connection = environment.connection();
  v1::UploadHeader header;
  header.set_file_name(std::filesystem::path(path).filename().string());
  std::error_code error;
  header.set_size_bytes(std::filesystem::file_size(path, error));
  ASSIGN_OR_RETURN(*header.mutable_sha256(), package::Sha256OfFile(path));
  v1::GetUploadRequest state;
  state.set_sha256(header.sha256());
  v1::GetUploadResponse received;
  RETURN_IF_ERROR(connection.Call(connection.packages(), &v1::WarehouseService::Stub::GetUpload,
                                  state, &received));
  if (received.received_bytes() > 0) {
    environment.terminal->err() << "going on at " << Bytes(received.received_bytes()) << "\n";
  }
  v1::UploadPackageResponse response;
  RETURN_IF_ERROR(Send(environment, path, header, received.received_bytes(), &response));
  if (environment.structured()) {
    environment.PrintStructured(response);
  } else {
    environment.terminal->out() << "package " << response.package().version()
                                << (response.already_present() ? " is there already\n"
                                                               : " is in the warehouse\n");
  }
  return kDone;
}

Run DeclareUpload(CLI::App* app) {
  auto path = std::make_shared<std::string>();
  app->add_option("FILE", *path, "dm-VERSION.tar.gz")->required()->check(CLI::ExistingFile);
  return [path](Environment& environment) { return Upload(environment, *path); };
}

}  // namespace

std::vector<Command> PackageUploadCommands() {
  return {{"package upload", "upload a package; goes on where an upload stopped",
           "dmgrctl package upload dm-v7.5.1.tar.gz", DeclareUpload}};
}

}  // namespace dmgr::client
