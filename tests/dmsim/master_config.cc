#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "master.h"
#include "process.h"
#include "tls.h"

namespace dmsim {
namespace {

ConfigSpec MasterSpec() {
  ConfigSpec spec;
  spec.program = "dm-master";
  spec.unknown_options_text = "master config contained unknown configuration options";
  spec.strings = {"L",
                  "config",
                  "master-addr",
                  "advertise-addr",
                  "log-file",
                  "log-format",
                  "name",
                  "data-dir",
                  "initial-cluster",
                  "peer-urls",
                  "advertise-peer-urls",
                  "join",
                  "auto-compaction-mode",
                  "auto-compaction-retention",
                  "ssl-ca",
                  "ssl-cert",
                  "ssl-key",
                  "cert-allowed-cn",
                  "v1-sources-path"};
  spec.ints = {"max-txn-ops", "max-request-bytes", "quota-backend-bytes"};
  spec.bools = {"V", "print-sample-config"};
  spec.file_only = {"log-level",      "log-rotate",      "rpc-timeout",
                    "rpc-rate-limit", "rpc-rate-burst",  "initial-cluster-state",
                    "ssl-ca-base64",  "ssl-cert-base64", "ssl-key-base64"};
  spec.flag_only = {"L", "V", "config", "print-sample-config"};
  if (VersionAtLeast(5, 4)) spec.bools.insert("openapi");
  if (VersionAtLeast(5, 3)) spec.file_only.insert("experimental");
  if (VersionAtLeast(8, 0)) spec.strings.insert("secret-key-path");
  return spec;
}

std::string First(const std::string& list) {
  const std::vector<std::string> parts = Split(list, ',');
  return parts.empty() ? "" : parts.front();
}

std::string HostName() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return name;
}

// etcd compares URLs without a path.
std::string WithoutSlash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

// "30s", "1h2.5m": what Go's time.ParseDuration takes, without a sign.
bool IsDuration(std::string_view text) {
  constexpr std::string_view kUnits[] = {"ns", "us", "µs", "ms", "s", "m", "h"};
  if (text.empty()) return false;
  while (!text.empty()) {
    const auto number = text.find_first_not_of("0123456789.");
    if (number == 0 || number == text.npos || text.substr(0, number) == ".") return false;
    text.remove_prefix(number);
    const auto unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                   [&](std::string_view name) { return text.starts_with(name); });
    if (unit == std::end(kUnits)) return false;
    text.remove_prefix(unit->size());
  }
  return true;
}

}  // namespace

MasterConfig LoadMasterConfig(const std::vector<std::string>& arguments) {
  const Settings settings = LoadSettings(MasterSpec(), arguments);
  MasterConfig config;
  config.listen_address = Setting(settings, "master-addr", ":8261");
  config.advertise_address =
      AdvertiseAddress("master-addr", config.listen_address, Setting(settings, "advertise-addr"));
  config.name = Setting(settings, "name", "dm-master-" + HostName());
  config.data_dir = Setting(settings, "data-dir", "default." + config.name);
  const std::string peer_urls = Setting(settings, "peer-urls", "http://127.0.0.1:8291");
  config.peer_listen = First(peer_urls);
  config.peer_url = WithoutSlash(First(Setting(settings, "advertise-peer-urls", peer_urls)));
  config.initial_cluster =
      Setting(settings, "initial-cluster", config.name + "=" + config.peer_url);
  config.join = Setting(settings, "join");
  config.openapi = Setting(settings, "openapi") == "true";
  if (!IsDuration(Setting(settings, "rpc-timeout", "30s"))) {
    ExitWithConfigError("parse rpc timeout str");
  }
  HostPort port;
  if (!ParseHostPort(config.peer_listen, &port) || !ParseHostPort(config.peer_url, &port)) {
    ExitWithConfigError("URL address does not have the form \"host:port\": " + config.peer_url);
  }
  UseTlsFromSettings(settings);
  for (const std::string& url : {config.peer_listen, config.peer_url}) {
    if (url.starts_with("https://") != HasTls()) {
      ExitWithConfigError("the scheme of " + url + " is not that of the certificates");
    }
  }
  OpenLogFromSettings(settings);
  return config;
}

}  // namespace dmsim
