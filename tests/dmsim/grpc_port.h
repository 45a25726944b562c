// gRPC on connections that somebody else accepted: calls go in and out as bytes, whatever their
// method. Only this file's implementation includes gRPC.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace dmsim {

// The codes of gRPC that are used here.
enum class RpcCode {
  kOk = 0,
  kUnknown = 2,
  kInvalidArgument = 3,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
};

struct RpcAnswer {
  RpcCode code = RpcCode::kOk;
  std::string message;  // of an error
  std::string body;
};

class GrpcPort {
 public:
  // Called on a thread of its own for each call; `method` is as in "/pb.Master/QueryStatus".
  using Handler = std::function<RpcAnswer(const std::string& method, const std::string& request)>;

  explicit GrpcPort(Handler handler);
  GrpcPort(const GrpcPort&) = delete;
  GrpcPort& operator=(const GrpcPort&) = delete;
  ~GrpcPort();

  // Takes the connection, of which nothing has been read yet.
  void Take(int fd);
  // Begins to cut the connections. The object must not be destroyed any more.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmsim
