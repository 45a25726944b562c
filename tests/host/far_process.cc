#include "tests/host/far_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace dmgr::test {
namespace {

// Another program in place of the built one, such as an emulator with one of another architecture:
// see far_arm64.sh.
std::string Chosen(const std::string& program) {
  const char* other = std::getenv("DMGR_TEST_FAR_PROGRAM");
  return other != nullptr && program == DMGR_FAR_PROGRAM ? other : program;
}

void Check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

}  // namespace

bool WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

FarProcess::FarProcess(const TempRoot& root, const std::string& program, const std::string& home) {
  const std::string chosen = Chosen(program);
  int in[2];
  int out[2];
  Check(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe");
  pid_ = fork();
  Check(pid_ >= 0, "fork");
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    execl(chosen.c_str(), chosen.c_str(), "serve", "--root", root.path().c_str(),
          home.empty() ? nullptr : "--home", home.c_str(), nullptr);
    _exit(126);
  }
  close(in[0]);
  close(out[1]);
  in_ = in[1];
  out_ = out[0];
}

FarProcess::~FarProcess() {
  if (!Ended()) {
    kill(pid_, SIGKILL);
    ExitStatus();
  }
  if (in_ >= 0) close(in_);
  close(out_);
}

bool FarProcess::ReadExactly(char* data, std::size_t size) const {
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = read(out_, data + done, size - done);
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

std::string FarProcess::TakeHello() {
  std::string hello(12, '\0');
  return ReadExactly(hello.data(), hello.size()) ? hello : "";
}

void FarProcess::SendRaw(const std::string& bytes) const {
  // It may be gone: the test sees that by its answer.
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(in_, bytes.data() + done, bytes.size() - done);
    if (written <= 0) return;
    done += static_cast<std::size_t>(written);
  }
}

void FarProcess::Send(const hv1::ToHost& message) const {
  const std::string body = message.SerializeAsString();
  std::string frame(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) frame[i] = static_cast<char>(body.size() >> (8 * i) & 0xFF);
  SendRaw(frame + body);
}

std::optional<hv1::FromHost> FarProcess::Receive() {
  unsigned char header[4];
  if (!ReadExactly(reinterpret_cast<char*>(header), sizeof(header))) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size |= static_cast<std::size_t>(header[i]) << (8 * i);
  std::string body(size, '\0');
  hv1::FromHost message;
  if (!ReadExactly(body.data(), size)) return std::nullopt;
  REQUIRE(message.ParseFromString(body));
  return message;
}

hv1::FromHost FarProcess::Call(hv1::ToHost request) {
  request.set_id(++id_);
  progress_ = 0;
  Send(request);
  while (true) {
    auto reply = Receive();
    REQUIRE(reply.has_value());
    REQUIRE(reply->id() == id_);
    if (reply->has_progress()) ++progress_;
    if (!reply->has_progress() && !reply->has_note()) return *reply;
  }
}

hv1::FromHost FarProcess::Begin(const std::string& cluster, std::uint64_t epoch,
                                std::uint64_t start_number, const std::vector<std::string>& units) {
  REQUIRE(TakeHello() == "DMGR-HOST/1\n");
  hv1::ToHost request;
  auto* begin = request.mutable_begin();
  begin->set_mode(cluster.empty() ? hv1::Begin::MODE_READ : hv1::Begin::MODE_CHANGE);
  begin->set_cluster_uuid(cluster);
  begin->set_epoch(epoch);
  begin->set_start_number(start_number);
  for (const auto& unit : units) begin->add_units(unit);
  return Call(request);
}

void FarProcess::CloseInput() {
  close(in_);
  in_ = -1;
}

int FarProcess::ExitStatus() {
  if (!status_.has_value()) {
    int status = 0;
    Check(waitpid(pid_, &status, 0) == pid_, "waitpid");
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  return *status_;
}

bool FarProcess::Ended() {
  if (status_.has_value()) return true;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

}  // namespace dmgr::test
