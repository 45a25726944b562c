#include "tests/support/daemon.h"

#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/support/files.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// A new database on a machine that does much else takes its time.
constexpr std::chrono::seconds kStartLimit(180);

bool IsFree(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return bound;
}

/// Below the range of which the kernel gives ports to clients: a daemon that is down finds its own
/// one free again.
int FreePort() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(20000, 32000);
  while (true) {
    const int port = ports(random);
    if (IsFree(port)) return port;
  }
}

void WriteFile(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string Tail(const std::string& text) {
  constexpr std::size_t kBytes = 4000;
  return text.size() <= kBytes ? text : text.substr(text.size() - kBytes);
}

std::string Quoted(const std::string& text) { return '"' + text + '"'; }

grpc::ByteBuffer ToBuffer(const std::string& text) {
  grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

std::string FromBuffer(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  for (const auto& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

}  // namespace

fs::path ProgramDir() { return DMGR_BINARY_DIR "/bin"; }

TestDaemon::TestDaemon(DaemonOptions options)
    : options_(std::move(options)),
      guard_(std::make_unique<Guard>(
          std::vector<std::string>{DMGR_SOURCE_DIR "/tests/support/reap.sh", dir_.string()})),
      address_(options_.listen_host.empty() ? "unix:" + (dir_ / "dmgrd.sock").string()
                                            : "127.0.0.1:" + std::to_string(FreePort())) {
  WriteConfig();
  WriteFile(dir_ / "password", std::string(kPassword) + "\n");
  Start();
}

TestDaemon::~TestDaemon() {
  try {
    Stop(std::chrono::seconds(30));
  } catch (const std::exception& error) {
    // The guard ends it.
    std::fprintf(stderr, "dmgrd of %s: %s\n", dir_.c_str(), error.what());
  }
}

void TestDaemon::WriteConfig() const {
  std::map<std::string, std::string> values = {
      {"server.listen", Quoted(options_.listen_host + address_.substr(address_.find(':')))},
      {"server.shutdown_grace_seconds", "10"},
      {"paths.data_dir", Quoted((dir_ / "data").string())},
      {"log.level", Quoted("debug")},
      // After a crash nobody waits longer than needed.
      {"engine.lease_seconds", "5"},
      // No test's login ends another's session.
      {"auth.sessions_per_user", "1000"},
  };
  if (options_.listen_host.empty()) {
    values["server.listen"] = Quoted("");
    values["server.socket"] = Quoted((dir_ / "dmgrd.sock").string());
  }
  for (const auto& [key, value] : options_.config) values[key] = value;
  std::string section, text;
  for (const auto& [key, value] : values) {
    const auto dot = key.find('.');
    if (key.substr(0, dot) != section) {
      section = key.substr(0, dot);
      text += "[" + section + "]\n";
    }
    text += key.substr(dot + 1) + " = " + value + "\n";
  }
  WriteFile(dir_ / "dmgrd.toml", text);
}

void TestDaemon::Start(const std::map<std::string, std::string>& env,
                       const std::vector<std::string>& more) {
  std::map<std::string, std::string> all = options_.env;
  all.insert(env.begin(), env.end());
  std::vector<std::string> args = {ProgramDir() / options_.program, "--config",
                                   dir_ / "dmgrd.toml"};
  if (options_.init_admin) {
    args.insert(args.end(),
                {"--init-admin", std::string(kAdmin) + ":" + (dir_ / "password").string()});
  }
  args.insert(args.end(), more.begin(), more.end());
  process_ =
      std::make_unique<Child>(Command{.args = args, .env = all, .directory = dir_}, dir_ / "log");
  // A connection that saw the daemon die may wait before it tries again.
  admin_.reset();
  const auto deadline = Clock::now() + kStartLimit;
  while (!Serves()) {
    const auto ended = process_->Poll();
    if (!ended.has_value() && Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    throw std::runtime_error((ended.has_value() ? "dmgrd ended with " + std::to_string(*ended)
                                                : std::string("dmgrd does not serve in time")) +
                             "; its log ends with:\n" + Tail(Log()));
  }
}

bool TestDaemon::Serves() const { return HealthOf(address_, Ca()) == 1; }

std::string TestDaemon::Ca() const { return options_.ca.empty() ? "" : Contents(options_.ca); }

void TestDaemon::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait(std::chrono::seconds(10));
}

int TestDaemon::Stop(std::chrono::seconds limit) {
  process_->Signal(SIGTERM);
  return process_->Wait(limit);
}

std::string TestDaemon::dsn() const {
  return "host=" + (dir_ / "data/postgresql/run").string() + " port=5432 dbname=dmgr user=dmgr";
}

std::string TestDaemon::Log() const { return Contents(dir_ / "log"); }

const std::string& TestDaemon::Token() {
  if (!token_.empty()) return token_;
  ApiClient connection(client::ConnectionOptions{.address = address_, .ca = Ca()});
  v1::LoginRequest request;
  request.set_user_name(kAdmin);
  request.set_password(kPassword);
  v1::LoginResponse response;
  const absl::Status status =
      connection.Call(connection.auth(), &v1::AuthService::Stub::Login, request, &response);
  if (!status.ok()) throw std::runtime_error("login: " + status.ToString());
  return token_ = response.session().token();
}

void TestDaemon::ForgetSession() {
  token_.clear();
  admin_.reset();
}

ApiClient& TestDaemon::Admin() {
  if (admin_ == nullptr) {
    admin_ = std::make_unique<ApiClient>(
        client::ConnectionOptions{.address = address_, .token = Token(), .ca = Ca()});
  }
  return *admin_;
}

Command TestDaemon::CtlCommand(std::vector<std::string> args, std::string input) const {
  args.insert(args.begin(), ProgramDir() / "dmgrctl");
  return {.args = std::move(args),
          .env = {{"XDG_CONFIG_HOME", dir_ / "config"},
                  {"DMGR_SERVER", address_},
                  {"DMGR_CA", options_.ca}},
          .directory = dir_,
          .input = std::move(input)};
}

Result TestDaemon::Ctl(std::vector<std::string> args, std::string input) const {
  return Run(CtlCommand(std::move(args), std::move(input)));
}

void TestDaemon::LogIn() const {
  const Result result = Ctl({"login", "--user", kAdmin}, std::string(kPassword) + "\n");
  if (result.exit_code != 0) throw std::runtime_error("dmgrctl login: " + result.err);
}

RawAnswer RawCall(const std::string& address, const std::string& method, const std::string& message,
                  const std::string& authorization, const std::string& ca,
                  std::chrono::seconds timeout) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // What an earlier call found out about the address is not to delay this one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  grpc::SslCredentialsOptions trusted;
  trusted.pem_root_certs = ca;
  grpc::GenericStub stub(grpc::CreateCustomChannel(
      address, ca.empty() ? grpc::InsecureChannelCredentials() : grpc::SslCredentials(trusted),
      arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  if (!authorization.empty()) context.AddMetadata("authorization", authorization);
  grpc::CompletionQueue queue;
  RawAnswer answer;
  // Each kind of call is a special case of a stream in both directions.
  const auto call = stub.PrepareCall(&context, "/" + method, &queue);
  const auto completed = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  call->StartCall(nullptr);
  bool open = completed();
  if (open) {
    call->WriteLast(ToBuffer(message), grpc::WriteOptions(), nullptr);
    open = completed();
  }
  grpc::ByteBuffer buffer;
  while (open) {
    call->Read(&buffer, nullptr);
    open = completed();
    if (open) answer.messages.push_back(FromBuffer(buffer));
  }
  call->Finish(&answer.status, nullptr);
  completed();
  queue.Shutdown();
  completed();
  return answer;
}

int HealthOf(const std::string& address, const std::string& ca) {
  const RawAnswer answer = RawCall(address, "grpc.health.v1.Health/Check", "", "", ca);
  if (!answer.status.ok() || answer.messages.size() != 1) return -1;
  // HealthCheckResponse: field 1, a varint.
  const std::string& message = answer.messages.front();
  return message.size() == 2 && message[0] == '\x08' ? message[1] : 0;
}

}  // namespace dmgr::testing
