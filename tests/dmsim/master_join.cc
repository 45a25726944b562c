// How a master finds its first document: from --initial-cluster, or by joining others.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "master.h"
#include "process.h"

namespace dmsim {
namespace {

constexpr milliseconds kJoinTimeout(12'000);

[[noreturn]] void FailStart(const std::string& reason) {
  ExitWith(2, "fail to start dm-master: " + reason);
}

using NamesAndUrls = std::vector<std::pair<std::string, std::string>>;

NamesAndUrls ParseInitialCluster(const std::string& text) {
  NamesAndUrls members;
  for (const std::string& item : Split(text, ',')) {
    const auto equals = item.find('=');
    HostPort port;
    if (equals == std::string::npos || !ParseHostPort(item.substr(equals + 1), &port)) {
      FailStart("start embed etcd: URL address does not have the form \"host:port\": " + item);
    }
    members.emplace_back(item.substr(0, equals), item.substr(equals + 1));
  }
  return members;
}

}  // namespace

void Master::MakeDataDir() {
  for (std::size_t slash = config_.data_dir.find('/', 1);;
       slash = config_.data_dir.find('/', slash + 1)) {
    const std::string part = config_.data_dir.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      FailStart("cannot access data directory: mkdir " + part + ": " + std::strerror(errno));
    }
    if (slash == std::string::npos) break;
  }
  if (access(config_.data_dir.c_str(), W_OK | X_OK) != 0) {
    FailStart("cannot access data directory: " + config_.data_dir + ": " + std::strerror(errno));
  }
}

Json Master::FirstDocument() {
  MakeDataDir();
  if (Consensus::HasState(config_.data_dir)) return EmptyDocument();
  if (!config_.join.empty()) {
    const std::string join_file = config_.data_dir + "/join";
    if (access(join_file.c_str(), F_OK) != 0) {
      const std::string cluster = JoinCluster();
      std::ofstream(join_file) << cluster;
    }
    return EmptyDocument();
  }
  const NamesAndUrls members = ParseInitialCluster(config_.initial_cluster);
  for (const auto& [name, url] : members) {
    if (name != config_.name) continue;
    if (url == config_.peer_url) return InitialDocument(members);
    FailStart("start embed etcd: --initial-cluster has " + name + "=" + url +
              " but missing from --initial-advertise-peer-urls=" + config_.peer_url);
  }
  FailStart("start embed etcd: couldn't find local name \"" + config_.name +
            "\" in the initial cluster configuration");
}

// Adds this member by the first master that answers; returns the cluster as --initial-cluster has
// it.
std::string Master::JoinCluster() {
  const Json body = {{"name", config_.name}, {"peer_url", config_.peer_url}, {"id", RandomId()}};
  std::string reason = "no master to join";
  for (const std::string& address : Split(config_.join, ',')) {
    if (address == config_.advertise_address) {
      FailStart("fail to join embed etcd: join self " + address + " is forbidden");
    }
    const HttpResult result = HttpCall(address, "POST", "/dmsim/join", body.dump(), kJoinTimeout);
    if (result.status == 0) {
      reason = "fail to list member, " + result.error;
      continue;
    }
    const Json answer = Json::parse(result.body, nullptr, false);
    if (answer.is_object() && answer.contains("cluster")) return answer["cluster"];
    reason = answer.is_object() ? answer.value("error", result.body) : result.body;
    if (reason.starts_with("etcdserver: ")) reason = "add member: " + reason;
    break;
  }
  FailStart("fail to join embed etcd: " + reason);
}

}  // namespace dmsim
