// dm-worker: registers, then binds its port, then keeps its lease.
#include <atomic>
#include <mutex>
#include <thread>

#include "config.h"
#include "http.h"
#include "process.h"
#include "state.h"

namespace dmsim {
namespace {

constexpr int kJoinTries = 5;
constexpr milliseconds kJoinPause(600);
constexpr milliseconds kCall(3000);
// How long a worker that ends waits for the first request of a connection: the real one 10 s.
constexpr char kFirstRequestSeconds[] = "DMSIM_FIRST_REQUEST_SECONDS";

ConfigSpec WorkerSpec() {
  ConfigSpec spec;
  spec.program = "dm-worker";
  spec.unknown_options_text = "worker config contains unknown configuration options";
  spec.strings = {"L",    "config", "worker-addr", "advertise-addr", "log-file", "log-format",
                  "join", "name",   "ssl-ca",      "ssl-cert",       "ssl-key",  "cert-allowed-cn"};
  spec.ints = {"keepalive-ttl", "relay-keepalive-ttl"};
  spec.bools = {"V", "print-sample-config"};
  spec.file_only = {"log-level", "log-rotate", "ssl-ca-base64", "ssl-cert-base64",
                    "ssl-key-base64"};
  spec.flag_only = {"L", "V", "config", "print-sample-config"};
  if (VersionAtLeast(5, 4)) spec.file_only.insert("relay-dir");
  if (VersionAtLeast(9, 0)) spec.bools.insert("redact-info-log");
  return spec;
}

class Worker {
 public:
  explicit Worker(const Settings& settings)
      : listen_(Setting(settings, "worker-addr", ":8262")),
        address_(AdvertiseAddress("worker-addr", listen_, Setting(settings, "advertise-addr"))),
        name_(Setting(settings, "name", address_)),
        ttl_(std::getenv("DMSIM_LEASE_SECONDS") != nullptr
                 ? LeaseSeconds()
                 : std::atoi(Setting(settings, "keepalive-ttl", "60").c_str())),
        masters_(Split(Setting(settings, "join"), ',')) {}

  void Start() {
    if (masters_.empty()) ExitWithConfigError("parameter join is empty");
    Register();
    std::string error;
    // By now the name is registered: with the port taken it stays behind, offline.
    if (!server_.Listen(listen_, &error)) ExitWith(1, "fail to start dm-worker: " + error);
    server_.Serve([](const HttpRequest& request) { return Handle(request); });
    Info("dm-worker " + name_ + " is ready, version " + ReleaseVersion());
    std::thread([this] { KeepLease(); }).detach();
  }

  void Stop() {
    stopping_ = true;
    const auto silent = server_.YoungestSilent();
    server_.Stop();
    // KeepLease() holds the mutex while a lease begins: so none is left behind.
    const std::lock_guard lock(mutex_);
    if (!lease_.empty()) AskMasters("/dmsim/worker/revoke", {{"lease", lease_}});
    // A leader that has just taken office has connected and says nothing: only the process stays.
    if (silent) {
      std::this_thread::sleep_until(*silent +
                                    std::chrono::seconds(SecondsOf(kFirstRequestSeconds, 0)));
    }
    Info("dm-worker exit");
  }

 private:
  static HttpResponse Handle(const HttpRequest& request) {
    if (request.path == "/metrics") {
      return MetricsResponse(
          "# HELP dm_worker_task_state state of task\n"
          "# TYPE dm_worker_task_state gauge\n");
    }
    if (request.path != "/status") return NotFoundResponse();
    HttpResponse response;
    response.body = VersionText();
    return response;
  }

  // Asks one master after another; null when none answers with JSON.
  Json AskMasters(const std::string& path, const Json& body) {
    Json last;
    for (const std::string& master : masters_) {
      const HttpResult result = HttpCall(master, "POST", path, body.dump(), kCall);
      const Json answer = Json::parse(result.body, nullptr, false);
      if (result.status == 0 || !answer.is_object()) continue;
      last = answer;
      if (answer.contains("ok")) break;
    }
    return last;
  }

  void Register() {
    for (int attempt = 0; attempt < kJoinTries; ++attempt) {
      const Json answer =
          AskMasters("/dmsim/worker/register", {{"name", name_}, {"addr", address_}});
      if (answer.is_object() && answer.contains("ok")) return;
      if (answer.is_object() && answer.value("code", 0) == 46003) {
        ExitWith(2, "join the cluster meet error: " + answer["error"].get<std::string>());
      }
      std::this_thread::sleep_for(kJoinPause);
    }
    ExitWith(2, "join the cluster meet error: cannot join with master endpoints: " +
                    Json(masters_).dump());
  }

  void KeepLease() {
    const milliseconds pause = std::min(milliseconds(1000), milliseconds(ttl_ * 250));
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        const bool begin = lease_.empty();
        if (begin) lease_ = std::to_string(RandomId());
        const Json answer =
            AskMasters("/dmsim/worker/keep",
                       {{"name", name_}, {"lease", lease_}, {"ttl", ttl_}, {"begin", begin}});
        if (answer.is_object() && answer.contains("ok")) {
          if (!answer["masters"].empty()) masters_ = answer["masters"];
        } else if (begin || (answer.is_object() &&
                             answer["error"] == "etcdserver: requested lease not found")) {
          Warn("lease of " + name_ + " is lost, a new one is needed");
          lease_.clear();
        }
      }
      std::this_thread::sleep_for(lease_.empty() ? milliseconds(200) : pause);
    }
  }

  const std::string listen_;
  const std::string address_;
  const std::string name_;
  const int ttl_;
  HttpServer server_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<std::string> masters_;
  std::string lease_;
};

}  // namespace
}  // namespace dmsim

int main(int argc, char** argv) {
  dmsim::BlockStopSignals();
  const dmsim::Settings settings =
      dmsim::LoadSettings(dmsim::WorkerSpec(), dmsim::Arguments(argc, argv));
  dmsim::OpenLogFromSettings(settings);
  dmsim::UseTlsFromSettings(settings);
  dmsim::Worker worker(settings);
  std::atomic<bool> ready = false;
  std::thread([&] {
    const int number = dmsim::WaitForStopSignal();
    dmsim::Info("got signal " + std::to_string(number) + " to exit");
    if (ready) worker.Stop();
    dmsim::ExitNow(0);
  }).detach();
  worker.Start();
  ready = true;
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}
