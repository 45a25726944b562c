// Whoever reaches the port, and sends too much of something: refused, and dmgrd stays as it is.
#include <arpa/inet.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/create_channel.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <latch>
#include <set>
#include <vector>

#include "common/error.h"
#include "common/retry.h"
#include "tests/support/api_methods.h"
#include "tests/support/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

constexpr int kMany = 10'000;

// Connections of both ends.
void RaiseFiles() {
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

TestDaemon& Server() {
  static TestDaemon server([] {
    RaiseFiles();
    return DaemonOptions{.config = {{"limits.upload_seconds", "1"},
                                    {"limits.upload_kib", "64"},
                                    {"limits.handshake_seconds", "2"},
                                    {"limits.refusals_seconds", "1"},
                                    {"log.level", "\"info\""}}};
  }());
  return server;
}

// Of the daemon's process, KiB.
long PeakMemory() {
  std::ifstream in("/proc/" + std::to_string(Server().pid()) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  }
  return -1;
}

std::size_t OpenFiles() {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(Server().pid()) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// Fails when what happens meanwhile ends the daemon, or takes more memory than that.
class Calm {
 public:
  explicit Calm(long most_mib) : most_mib_(most_mib), pid_(Server().pid()) {
    // The peak begins anew.
    std::ofstream("/proc/" + std::to_string(pid_) + "/clear_refs") << "5";
    before_ = PeakMemory();
  }
  ~Calm() {
    CHECK(Server().pid() == pid_);
    CHECK_FALSE(Server().Poll().has_value());
    const long grown_mib = (PeakMemory() - before_) / 1024;
    CHECK(grown_mib < most_mib_);
    CHECK(Eventually([] { return HealthOf(Server().address()) == 1; }));
  }
  Calm(const Calm&) = delete;
  Calm& operator=(const Calm&) = delete;

 private:
  const long most_mib_;
  const pid_t pid_;
  long before_ = 0;
};

std::shared_ptr<grpc::Channel> NewChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(Server().address(), grpc::InsecureChannelCredentials(),
                                   arguments);
}

v1::LoginRequest LoginOf(const std::string& user) {
  v1::LoginRequest request;
  request.set_user_name(user);
  request.set_password("a wrong password");
  return request;
}

absl::Status Login(const v1::LoginRequest& request,
                   grpc_compression_algorithm compression = GRPC_COMPRESS_NONE) {
  const auto stub = v1::AuthService::NewStub(NewChannel());
  grpc::ClientContext context;
  context.set_compression_algorithm(compression);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::LoginResponse response;
  return FromGrpcStatus(stub->Login(&context, request, &response));
}

TEST_CASE("what is compressed is refused before it is inflated", "[security]") {
  for (const auto compression : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    const Calm calm(16);
    const absl::Status status = Login(LoginOf(std::string(128 << 20, 'x')), compression);
    CHECK(absl::IsUnimplemented(status));
  }
}

TEST_CASE("a name of 16 MB is not taken, and a shorter one is told to be too long", "[security]") {
  const Calm calm(32);
  CHECK(absl::IsResourceExhausted(Login(LoginOf(std::string(16 << 20, 'x')))));
  CHECK(Reason(Login(LoginOf(std::string(1 << 20, 'x')))) == "REQUEST_TOO_LARGE");
  CHECK(Reason(Login(LoginOf(std::string(1 << 10, 'x')))) == "FIELD_TOO_LONG");
  CHECK(test::Sql(Server().dsn(), "SELECT max(length(user_name)) <= 256 FROM audit_log") == "t");
}

TEST_CASE("headers are taken up to their limit", "[security]") {
  const Calm calm(32);
  for (const std::size_t bytes : {std::size_t{1} << 20, std::size_t{16} << 10}) {
    // The connection of a flood is closed after it was refused.
    const auto stub = v1::AuthService::NewStub(NewChannel());
    grpc::ClientContext context;
    context.AddMetadata("x-flood", std::string(bytes, 'x'));
    v1::WhoAmIResponse response;
    const auto status = stub->WhoAmI(&context, v1::WhoAmIRequest(), &response);
    INFO(bytes << " bytes: " << status.error_message());
    CHECK(status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
}

TEST_CASE("a thousand logins at once take the memory of a few, and are told to come later",
          "[security]") {
  constexpr int kLogins = 1000;
  const Calm calm(256);
  const auto stub = v1::AuthService::NewStub(NewChannel());
  std::vector<grpc::ClientContext> contexts(kLogins);
  std::vector<v1::LoginResponse> responses(kLogins);
  std::atomic<int> refused = 0, busy = 0, later = 0;
  std::latch ended(kLogins);
  // Half of them with what makes the first admin, whose new password would be hashed.
  std::vector<v1::LoginRequest> requests(kLogins, LoginOf("somebody"));
  for (int i = 0; i < kLogins; i += 2) {
    requests[static_cast<std::size_t>(i)].set_new_password("long enough for one");
  }
  for (std::size_t i = 0; i < kLogins; ++i) {
    contexts[i].set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stub->async()->Login(&contexts[i], &requests[i], &responses[i], [&](const grpc::Status& raw) {
      const absl::Status status = FromGrpcStatus(raw);
      if (absl::IsUnauthenticated(status)) ++refused;
      if (absl::IsResourceExhausted(status)) ++busy;
      if (RetryDelay(status) > absl::ZeroDuration()) ++later;
      ended.count_down();
    });
  }
  ended.wait();
  CHECK(refused + busy == kLogins);
  CHECK(busy > 0);
  CHECK(later > 0);
  // Counted, not stored one by one.
  const std::string count = "FROM audit_log WHERE user_name = 'somebody'";
  CHECK(Eventually([&] {
    return test::Sql(Server().dsn(), "SELECT coalesce(max(calls), 0) > 1 " + count) == "t";
  }));
  CHECK(std::stoi(test::Sql(Server().dsn(), "SELECT count(*) " + count)) < 100);
}

TEST_CASE("ten thousand silent connections go by themselves", "[security]") {
  const Calm calm(512);
  const std::size_t before = OpenFiles();
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  const int most = std::min<int>(kMany, static_cast<int>(files.rlim_cur) - 500);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string& text = Server().address();
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(text.find(':') + 1))));
  std::vector<int> sockets;
  for (int i = 0; i < most; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) break;
    static_cast<void>(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)));
    sockets.push_back(fd);
  }
  CHECK(sockets.size() > 1000);
  CHECK(Eventually([&] { return OpenFiles() < before + 50; }, std::chrono::seconds(30)));
  for (const int fd : sockets) ::close(fd);
}

TEST_CASE("ten thousand streams of one caller are a few at a time", "[security]") {
  const Calm calm(512);
  const auto watch = v1::OperationService::NewStub(NewChannel());
  struct Reader final : grpc::ClientReadReactor<v1::WatchOperationsResponse> {
    grpc::ClientContext context;
    v1::WatchOperationsResponse response;
    std::latch* ended = nullptr;
    void OnReadDone(bool ok) override {
      if (ok) StartRead(&response);
    }
    void OnDone(const grpc::Status&) override { ended->count_down(); }
  };
  std::latch ended(kMany);
  const v1::WatchOperationsRequest request;
  std::vector<Reader> readers(kMany);
  const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(5);
  const std::string token = "Bearer " + Server().Token();
  for (Reader& reader : readers) {
    reader.ended = &ended;
    reader.context.set_deadline(deadline);
    reader.context.AddMetadata("authorization", token);
    watch->async()->WatchOperations(&reader.context, &request, &reader);
    reader.StartRead(&reader.response);
    reader.StartCall();
  }
  ended.wait();
}

TEST_CASE("an upload that stands still is ended, and keeps nobody out", "[security]") {
  const Calm calm(64);
  v1::UploadPackageRequest request;
  request.mutable_header()->set_file_name("dm-v1.2.3.tar.gz");
  request.mutable_header()->set_size_bytes(1 << 20);
  request.mutable_header()->set_sha256(std::string(64, 'a'));
  for (int i = 0; i < 2; ++i) {
    const auto stub = v1::WarehouseService::NewStub(NewChannel());
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + Server().Token());
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::UploadPackageResponse response;
    const auto writer = stub->UploadPackage(&context, &response);
    REQUIRE(writer->Write(request));
    // Without an end of its own.
    const absl::Status status = FromGrpcStatus(writer->Finish());
    INFO(status.ToString());
    CHECK((absl::IsCancelled(status) || absl::IsAborted(status)));
    CHECK(Reason(status) != "UPLOAD_IN_PROGRESS");
  }
}

// Sets a text that is too long in each field that can hold one, one at a time.
using Found = std::function<void(const std::string& path)>;
void ForEachText(google::protobuf::Message* root, google::protobuf::Message* part,
                 const std::string& path, int depth, const Found& found) {
  using google::protobuf::FieldDescriptor;
  const auto& fields = *part->GetDescriptor();
  const auto& reflection = *part->GetReflection();
  for (int i = 0; i < fields.field_count(); ++i) {
    const FieldDescriptor* field = fields.field(i);
    const std::string name = path + "." + field->name();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      // A configuration may be as long as a file.
      const std::size_t length = field->name() == "config_yaml" ? (1 << 20) + 1 : (2 << 17) - 1024;
      const std::string text(length, 'x');
      field->is_repeated() ? reflection.AddString(part, field, text)
                           : reflection.SetString(part, field, text);
      found(name);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && depth < 4) {
      auto* below = field->is_repeated() ? reflection.AddMessage(part, field)
                                         : reflection.MutableMessage(part, field);
      ForEachText(root, below, name, depth + 1, found);
    }
    reflection.ClearField(part, field);
  }
}

TEST_CASE("no field of any request may be long, by the descriptors", "[security]") {
  // A login hashes its password, with the memory that takes.
  const std::string token = "Bearer " + Server().Token();
  const Calm calm(64);
  // By name of a field: these hold contents.
  const std::set<std::string> contents = {"data", "content", "arguments"};
  google::protobuf::DynamicMessageFactory factory;
  int tried = 0;
  std::set<std::string> known;
  for (const auto* method : ApiMethods()) {
    if (method->client_streaming()) continue;
    const std::unique_ptr<google::protobuf::Message> request(
        factory.GetPrototype(method->input_type())->New());
    ForEachText(request.get(), request.get(), "", 0, [&](const std::string& path) {
      const std::string last = path.substr(path.rfind('.') + 1);
      // Each field of a message that many requests have is tried by one of them.
      const bool is_below = std::count(path.begin(), path.end(), '.') > 1;
      if (contents.contains(last) || (is_below && !known.insert(path).second)) return;
      const std::string call = method->service()->full_name() + "/" + method->name();
      INFO(call << " " << path);
      const auto answer = RawCall(Server().address(), call, request->SerializeAsString(), token);
      CHECK(Reason(FromGrpcStatus(answer.status)) == "FIELD_TOO_LONG");
      ++tried;
    });
  }
  CHECK(tried > 200);
}

}  // namespace
}  // namespace dmgr::testing
