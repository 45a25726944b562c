#include "test_support.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>
#include <thread>

namespace dmsim {

Process::Process(const std::string& program, const std::vector<std::string>& arguments,
                 const std::string& output_file)
    : output_file_(output_file) {
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = open(output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execv(program.c_str(), argv.data());
  _exit(127);
}

Process::~Process() {
  if (HasEnded()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, &status_, 0);
}

void Process::Signal(int number) {
  if (!HasEnded()) kill(pid_, number);
}

bool Process::HasEnded() {
  if (!ended_ && waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
  return ended_;
}

int Process::Wait(milliseconds timeout) {
  if (!Eventually(timeout, [this] { return HasEnded(); })) return -1000;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
}

std::string Process::Output() const {
  std::ifstream in(output_file_);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool Eventually(milliseconds timeout, const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + timeout;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

std::string FreeAddress() {
  static std::set<int> used;
  while (true) {
    const Socket probe(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(probe.fd(), reinterpret_cast<sockaddr*>(&address), size) != 0) continue;
    getsockname(probe.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    const int port = ntohs(address.sin_port);
    if (used.insert(port).second) return "127.0.0.1:" + std::to_string(port);
  }
}

std::string TestCluster::Program(const std::string& name) const {
  return std::string(DMGR_BINARY_DIR) + "/dmsim/" + name;
}

Process& TestCluster::Run(const std::string& name, const std::string& program,
                          const std::vector<std::string>& arguments) {
  processes_[name] = std::make_unique<Process>(Program(program), arguments, dir_ / (name + ".out"));
  return *processes_[name];
}

int TestCluster::Stop(const std::string& name, int signal_number) {
  process(name).Signal(signal_number);
  return process(name).Wait(milliseconds(5000));
}

std::string TestCluster::Address(const std::string& name) {
  auto& address = addresses_[name];
  if (address.empty()) address = FreeAddress();
  return address;
}

std::string TestCluster::PeerAddress(const std::string& name) { return Address(name + "-peer"); }

void TestCluster::PlanMasters(int count) {
  for (int i = 1; i <= count; ++i) {
    const std::string name = MasterName(i);
    const std::string comma = i == 1 ? "" : ",";
    initial_cluster_ += comma + name + "=http://" + PeerAddress(name);
    first_masters_ += comma + Address(name);
  }
}

std::vector<std::string> TestCluster::MasterFlags(const std::string& name) {
  return {"--name",
          name,
          "--master-addr=" + Address(name),
          "--advertise-addr=" + Address(name),
          "--peer-urls=http://" + PeerAddress(name),
          "--advertise-peer-urls=http://" + PeerAddress(name),
          "--log-file=" + dir_ / (name + ".log"),
          "--data-dir=" + dir_ / name,
          "--openapi"};
}

void TestCluster::StartMaster(const std::string& name) {
  std::vector<std::string> flags = MasterFlags(name);
  flags.push_back("--initial-cluster=" + initial_cluster_);
  Run(name, "dm-master", flags);
}

void TestCluster::JoinMaster(const std::string& name, const std::string& by) {
  std::vector<std::string> flags = MasterFlags(name);
  flags.push_back("--join=" + Address(by));
  Run(name, "dm-master", flags);
}

void TestCluster::StartWorker(const std::string& name) {
  Run(name, "dm-worker",
      {"--name", name, "--worker-addr=" + Address(name), "--advertise-addr=" + Address(name),
       "--log-file=" + dir_ / (name + ".log"), "--join=" + first_masters_});
}

std::string TestCluster::Bootstrap(int count) {
  PlanMasters(count);
  for (int i = 1; i <= count; ++i) StartMaster(MasterName(i));
  std::string leader;
  Eventually(milliseconds(5000), [&] { return !(leader = Leader("m1")).empty(); });
  return leader;
}

HttpResult TestCluster::Get(const std::string& name, const std::string& target, int timeout_ms) {
  return HttpCall(Address(name), "GET", target, "", milliseconds(timeout_ms));
}

nlohmann::json TestCluster::Json(const std::string& name, const std::string& method,
                                 const std::string& target, const std::string& body) {
  const HttpResult result = HttpCall(Address(name), method, target, body, milliseconds(13'000));
  return nlohmann::json::parse(result.body, nullptr, false);
}

std::string TestCluster::Leader(const std::string& by) {
  const HttpResult result = Get(by, "/apis/v1alpha1/members?leader=true", 3000);
  const nlohmann::json answer = nlohmann::json::parse(result.body, nullptr, false);
  if (!answer.is_object() || !answer.contains("members")) return "";
  return answer["members"][0]["leader"]["name"];
}

std::map<std::string, nlohmann::json> TestCluster::Members(const std::string& by,
                                                           const std::string& kind) {
  const nlohmann::json answer = Json(by, "GET", "/apis/v1alpha1/members?" + kind + "=true");
  std::map<std::string, nlohmann::json> members;
  if (!answer.is_object() || !answer.contains("members")) return members;
  for (const auto& member : answer["members"][0][kind][kind + "s"]) {
    members[member["name"]] = member;
  }
  return members;
}

std::string TestCluster::Stage(const std::string& by, const std::string& worker) {
  const auto workers = Members(by, "worker");
  const auto it = workers.find(worker);
  return it == workers.end() ? "" : it->second["stage"].get<std::string>();
}

nlohmann::json TestCluster::Delete(const std::string& by, const std::string& kind,
                                   const std::string& name) {
  return Json(by, "DELETE", "/apis/v1alpha1/members/" + kind + "/" + name);
}

}  // namespace dmsim
