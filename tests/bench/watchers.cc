// fleet_watchers ADDRESS PASSWORD_FILE OPERATION COUNT: the admin watches an operation so many
// times at once, each over a connection of its own, from its first event to its end. Says how many
// events came.
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/connection.h"
#include "common/error.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/operation_service.grpc.pb.h"

namespace dmgr {
namespace {

// Calls of one address whose user is not known yet are limited.
constexpr int kComing = 32;

class Audience {
 public:
  // Waits until fewer than kComing are on their way.
  void Come() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return coming_ < kComing; });
    ++coming_;
  }
  void HasCome() {
    const std::lock_guard lock(mutex_);
    --coming_;
    changed_.notify_all();
  }
  void HasGone(std::uint64_t events, const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    ++gone_;
    events_ += events;
    if (!status.ok()) problem_ = status.error_message();
    changed_.notify_all();
  }
  // How many events all of them got. Not OK when one was turned away.
  absl::StatusOr<std::uint64_t> AwaitAllGone(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gone_ == count; });
    if (!problem_.empty()) return absl::UnavailableError(problem_);
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int coming_ = 0;
  int gone_ = 0;
  std::uint64_t events_ = 0;
  std::string problem_;
};

class Watching final : public grpc::ClientReadReactor<v1::WatchOperationResponse> {
 public:
  Watching(const client::Connection& connection, const v1::WatchOperationRequest* request,
           Audience* audience)
      : audience_(*audience) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::OperationService::NewStub(grpc::CreateCustomChannel(
        connection.address(), grpc::InsecureChannelCredentials(), arguments));
    connection.Prepare(&context_, absl::InfiniteDuration());
    stub_->async()->WatchOperation(&context_, request, this);
    StartRead(&message_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    Arrive();
    if (!ok) return;
    if (message_.has_event()) ++events_;
    StartRead(&message_);
  }
  void OnDone(const grpc::Status& status) override { audience_.HasGone(events_, status); }

 private:
  void Arrive() {
    if (!has_come_) audience_.HasCome();
    has_come_ = true;
  }

  Audience& audience_;
  std::unique_ptr<v1::OperationService::Stub> stub_;
  grpc::ClientContext context_;
  v1::WatchOperationResponse message_;
  bool has_come_ = false;
  std::uint64_t events_ = 0;
};

absl::StatusOr<std::string> LogIn(const std::string& address, const std::string& password_file) {
  client::Connection connection(address, "");
  v1::LoginRequest request;
  request.set_user_name("admin");
  std::ifstream in(password_file);
  if (!std::getline(in, *request.mutable_password())) {
    return absl::NotFoundError("no password in " + password_file);
  }
  ASSIGN_OR_RETURN(const auto response, connection.Call<v1::LoginResponse>(request));
  return response.session().token();
}

absl::Status Run(const std::string& address, const std::string& password_file,
                 const std::string& operation, int count) {
  ASSIGN_OR_RETURN(const std::string token, LogIn(address, password_file));
  const client::Connection connection(address, token);
  v1::WatchOperationRequest request;
  request.set_operation_id(operation);
  Audience audience;
  std::vector<std::unique_ptr<Watching>> all;
  for (int i = 0; i < count; ++i) {
    audience.Come();
    all.push_back(std::make_unique<Watching>(connection, &request, &audience));
  }
  ASSIGN_OR_RETURN(const std::uint64_t events, audience.AwaitAllGone(count));
  std::cout << events << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace dmgr

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: fleet_watchers ADDRESS PASSWORD_FILE OPERATION COUNT\n";
    return 2;
  }
  const absl::Status ran = dmgr::Run(argv[1], argv[2], argv[3], std::atoi(argv[4]));
  if (!ran.ok()) std::cerr << "fleet_watchers: " << dmgr::Message(ran) << "\n";
  return ran.ok() ? 0 : 1;
}
