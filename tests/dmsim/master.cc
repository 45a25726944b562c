#include "master.h"

#include <thread>

#include "keys.h"
#include "process.h"
#include "tls.h"

namespace dmsim {
namespace {

constexpr milliseconds kEtcdStartTimeout(10'000);
constexpr milliseconds kStopTime(900);       // how long the real one takes to stop
constexpr milliseconds kGatewayDelay(1300);  // from the start to the first member list
constexpr milliseconds kSessionTick(1000);
constexpr milliseconds kCommand(5000);
constexpr milliseconds kDial(1000);
// How long the last of all masters to stop takes: the real one 7 to 10 s, at times more than 60.
constexpr char kLastMasterSeconds[] = "DMSIM_LAST_MASTER_SECONDS";

}  // namespace

void Master::Start() {
  gateway_ready_ = Clock::now() + kGatewayDelay;
  Consensus::Options options{config_.data_dir, config_.peer_url, FirstDocument()};
  std::string error;
  // The ports are bound before membership is ready; clients connect and wait.
  if (!peer_server_.Listen(config_.peer_listen, &error) ||
      !client_server_.Listen(config_.listen_address, &error)) {
    ExitWith(2, "fail to start dm-master: " + DmError(38038, "start embed etcd: " + error));
  }
  consensus_ = std::make_unique<Consensus>(std::move(options));
  peer_server_.Serve([this](const HttpRequest& request) { return HandlePeer(request); });
  consensus_->Start();
  PublishSelf();
  calls_ = std::make_unique<Calls>(consensus_.get());
  kv_ = std::make_unique<EtcdKv>(consensus_.get());
  grpc_ = std::make_unique<GrpcPort>([this](const std::string& method, const std::string& request) {
    return HandleCall(method, request);
  });
  client_server_.Serve([this](const HttpRequest& request) { return Handle(request); },
                       [this](int fd) { grpc_->Take(fd); });
  std::thread([this] { RunSession(); }).detach();
  std::thread([this] { RunLeadership(); }).detach();
  Info("dm-master " + config_.name + " is ready, version " + ReleaseVersion());
}

// Makes name and client URL known, which needs a majority: this is what a start waits for.
void Master::PublishSelf() {
  const auto deadline = Clock::now() + kEtcdStartTimeout;
  while (Clock::now() < deadline) {
    const std::uint64_t id = consensus_->self_id();
    if (id != 0 && !consensus_->IsRemoved()) {
      const Json command = {
          {"op", "publish"},
          {"id", id},
          {"name", config_.name},
          {"client_urls", {(HasTls() ? "https://" : "http://") + config_.advertise_address}}};
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
      if (!consensus_->Execute(command, left).contains("error")) return;
    }
    consensus_->WaitForChange(consensus_->Local(), milliseconds(20));
  }
  ExitWith(2, "fail to start dm-master: " + DmError(38038, "start embed etcd timeout 10s"));
}

// Leads when its entry is the first of the campaign. Only the name counts, so a process that was
// killed and restarted leads on by the entry that its predecessor left, until that lease ends.
bool Master::IsLeader() const {
  const Json first = LeaderOf(*consensus_->Local());
  if (first["name"] != config_.name || consensus_->IsRemoved()) return false;
  const std::lock_guard lock(mutex_);
  return office_ == first["lease"] && Clock::now() < session_end_;
}

// As in the real one, the first of the campaign leads only after a read that a majority confirmed.
void Master::TakeOffice(const Json& document) {
  const Json first = LeaderOf(document);
  {
    const std::lock_guard lock(mutex_);
    if (first["name"] != config_.name) office_.clear();
    if (first["name"] != config_.name || first["lease"] == office_) return;
  }
  const DocumentPtr confirmed = consensus_->Read(kCommand);
  if (!confirmed) return;
  // Only now is read what was put into the keys; a leader that leads does not look again.
  if (const Json load = LoadOf(*confirmed); !load.is_null()) {
    if (consensus_->Execute(load, kCommand).contains("error")) return;
  }
  {
    const std::lock_guard lock(mutex_);
    office_ = first["lease"];
  }
  Info("became the leader");
  DialWorkers(document);
}

// A new leader connects to every worker and has nothing to say yet.
void Master::DialWorkers(const Json& document) {
  {
    const std::lock_guard lock(mutex_);
    dialled_.clear();
  }
  for (const auto& [name, worker] : document["workers"].items()) {
    if (StageOf(document, name) == "offline") continue;
    std::thread([this, address = worker["addr"].get<std::string>()] {
      std::string error;
      Socket socket = ConnectTcp(address, kDial, &error);
      const std::lock_guard lock(mutex_);
      dialled_.push_back(std::move(socket));
    }).detach();
  }
}

void Master::RunSession() {
  while (true) {
    bool evicted = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      evicted = evicted_;
    }
    if (evicted) {
      consensus_->Execute({{"op", "resign"}, {"name", config_.name}}, kCommand);
      const std::lock_guard lock(mutex_);
      office_.clear();
    } else {
      Campaign();
    }
    KeepSession();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::min<milliseconds>(kSessionTick, milliseconds(LeaseSeconds() * 250)),
                   [&] { return stopping_ || evicted_ != evicted; });
  }
}

void Master::Campaign() {
  std::string lease;
  {
    const std::lock_guard lock(mutex_);
    if (lease_.empty()) lease_ = std::to_string(RandomId());
    lease = lease_;
  }
  const DocumentPtr document = consensus_->Local();
  for (const Json& item : (*document)["campaign"]) {
    if (item["lease"] == lease) return;
  }
  const auto sent = Clock::now();
  const Json answer = consensus_->Execute({{"op", "campaign"},
                                           {"name", config_.name},
                                           {"addr", config_.advertise_address},
                                           {"lease", lease},
                                           {"ttl", LeaseSeconds()}},
                                          kCommand);
  if (answer.contains("error")) return;
  const std::lock_guard lock(mutex_);
  session_end_ = sent + std::chrono::seconds(LeaseSeconds());
}

void Master::KeepSession() {
  std::string lease;
  {
    const std::lock_guard lock(mutex_);
    lease = lease_;
  }
  if (lease.empty()) return;
  const auto sent = Clock::now();
  const Json answer = consensus_->Execute({{"op", "keep_alive"}, {"lease", lease}}, kCommand);
  const std::lock_guard lock(mutex_);
  if (!answer.contains("error")) {
    session_end_ = sent + std::chrono::seconds(LeaseSeconds());
  } else if (answer["error"] == "etcdserver: requested lease not found") {
    lease_.clear();  // it ended while this process did not run: a new session, a new campaign
  }
}

// The leader's scheduler: binds sources to free workers as soon as the document asks for it.
void Master::RunLeadership() {
  DocumentPtr document = consensus_->Local();
  while (true) {
    TakeOffice(*document);
    if (NeedsBinding(*document) && IsLeader()) consensus_->Execute({{"op", "bind"}}, kCommand);
    document = consensus_->WaitForChange(document, milliseconds(500));
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
}

void Master::Stop() {
  const auto asked = Clock::now();
  consensus_->AnnounceStop();
  // The real one closes slowly and gives its leadership up last.
  std::this_thread::sleep_for(kStopTime);
  std::string lease;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    lease = lease_;
  }
  wake_.notify_all();
  client_server_.Stop();
  grpc_->Stop();
  if (!lease.empty()) consensus_->Execute({{"op", "revoke"}, {"lease", lease}}, kStopTime);
  const int seconds = SecondsOf(kLastMasterSeconds, 0);
  if (seconds > 0 && consensus_->StopsLast()) {
    Warn("waits for a majority that is gone");
    std::this_thread::sleep_until(asked + std::chrono::seconds(seconds));
  }
  consensus_->StepDown();
  Info("dm-master exit");
}

}  // namespace dmsim

int main(int argc, char** argv) {
  dmsim::BlockStopSignals();
  dmsim::Master master(dmsim::LoadMasterConfig(dmsim::Arguments(argc, argv)));
  // A signal ends a start that still waits for a majority at once.
  std::atomic<bool> ready = false;
  std::thread([&] {
    const int number = dmsim::WaitForStopSignal();
    dmsim::Info("got signal " + std::to_string(number) + " to exit");
    if (ready) master.Stop();
    dmsim::ExitNow(0);
  }).detach();
  master.Start();
  ready = true;
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}
