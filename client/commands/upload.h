// Sending a file into the warehouse, whatever it will be.
#ifndef DMGR_CLIENT_COMMANDS_UPLOAD_H_
#define DMGR_CLIENT_COMMANDS_UPLOAD_H_

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

#include "client/commands/command.h"
#include "client/progress/block.h"
#include "client/progress/meter.h"
#include "common/error.h"

namespace dmgr::client {

inline constexpr std::size_t kUploadChunkBytes = 512 << 10;

// "uploading  45 %  1.2 GiB of 2.6 GiB  110 MiB/s  13s left", redrawn in place.
class UploadLine {
 public:
  UploadLine(Terminal* terminal, std::uint64_t total)
      : terminal_(terminal), total_(total), block_(terminal) {}
  ~UploadLine();
  UploadLine(const UploadLine&) = delete;
  UploadLine& operator=(const UploadLine&) = delete;

  void Show(std::uint64_t done);

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
absl::StatusOr<UploadStart> BeginUpload(Environment& environment, const std::string& path);

// Sends `first`, which has the header, then the file's bytes from where it goes on.
template <typename Request, typename Response>
absl::Status SendFile(Environment& environment, const std::string& path, const UploadStart& start,
                      const Request& first,
                      std::unique_ptr<grpc::ClientWriter<Request>> (
                          v1::WarehouseService::Stub::*method)(grpc::ClientContext*, Response*),
                      Response* response) {
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  auto writer = (connection.packages().*method)(&context, response);
  Request message = first;
  bool open = writer->Write(message);
  std::ifstream in(path, std::ios::binary);
  std::uint64_t offset = start.offset;
  in.seekg(static_cast<std::streamoff>(offset));
  UploadLine shown(environment.terminal, start.header.size_bytes());
  shown.Show(offset);
  std::string buffer(kUploadChunkBytes, '\0');
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

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_UPLOAD_H_
