#include "grpc_port.h"

#include <fcntl.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <chrono>
#include <thread>
#include <vector>

namespace dmsim {
namespace {

constexpr int kMaxMessage = 64 << 20;

std::string TextOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

// One call with one request and one answer. It may take seconds, so it has its own thread.
class Call : public grpc::ServerGenericBidiReactor {
 public:
  Call(const GrpcPort::Handler* handler, std::string method)
      : handler_(handler), method_(std::move(method)) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request"));
      return;
    }
    std::thread([this] { Answer(); }).detach();
  }

  void OnDone() override { delete this; }

 private:
  void Answer() {
    const RpcAnswer answer = (*handler_)(method_, TextOf(request_));
    if (answer.code != RpcCode::kOk) {
      Finish(grpc::Status(static_cast<grpc::StatusCode>(answer.code), answer.message));
      return;
    }
    const grpc::Slice slice(answer.body);
    answer_ = grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
  }

  const GrpcPort::Handler* const handler_;
  const std::string method_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer answer_;
};

class Service : public grpc::CallbackGenericService {
 public:
  explicit Service(GrpcPort::Handler handler) : handler_(std::move(handler)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Call(&handler_, context->method());
  }

 private:
  const GrpcPort::Handler handler_;
};

}  // namespace

struct GrpcPort::Impl {
  explicit Impl(Handler handler) : service(std::move(handler)) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxMessage);
    builder.SetMaxSendMessageSize(kMaxMessage);
    builder.RegisterCallbackGenericService(&service);
    server = builder.BuildAndStart();
  }

  Service service;
  std::unique_ptr<grpc::Server> server;
};

GrpcPort::GrpcPort(Handler handler) : impl_(std::make_unique<Impl>(std::move(handler))) {}

GrpcPort::~GrpcPort() = default;

void GrpcPort::Take(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  grpc::AddInsecureChannelFromFd(impl_->server.get(), fd);
}

// Nobody waits for calls that hang; the process ends soon.
void GrpcPort::Stop() {
  std::thread([server = impl_->server.get()] {
    server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  }).detach();
}

}  // namespace dmsim
