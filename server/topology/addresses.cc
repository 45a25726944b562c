// Whom a cluster runs as, and by which addresses it listens and is reached.
#include <fmt/format.h>

#include <unordered_set>

#include "common/address.h"
#include "server/topology/draft.h"
#include "server/topology/values.h"

namespace dmgr::topology {

void CheckAccount(const std::string& field, const std::string& name, bool is_there,
                  std::vector<Problem>* problems) {
  if (IsUserName(name) || (is_there && IsOtherUserName(name))) return;
  std::string text = Quote(name) + " is not a name that useradd takes: [a-z_][a-z0-9_-]{0,30}";
  if (IsOtherUserName(name)) {
    text += "; one that the hosts have already may be used as it is, when it is not to be created";
  }
  problems->push_back({field, std::move(text)});
}

void CheckSshPort(const std::string& field, std::uint32_t port, std::vector<Problem>* problems) {
  if (port <= 65535) return;
  problems->push_back({field, fmt::format("{} is not a port: 1 to 65535", port)});
}

void CheckListenHost(const std::string& field, const std::string& host,
                     std::vector<Problem>* problems) {
  if (host.empty() || IsHost(host)) return;
  problems->push_back(
      {field, Quote(host) + " is not a host name or an address (IPv6 without brackets)"});
}

void CheckBindAddress(const std::string& field, const std::string& host,
                      std::vector<Problem>* problems) {
  // etcd, which is a part of dm-master, binds to no other name.
  if (host.empty() || host == "localhost" || IsIpAddress(host)) return;
  problems->push_back(
      {field, IsHost(host) ? Quote(host) + " is a name, and dm-master binds to addresses only: "
                                           "0.0.0.0, or one of the host's own"
                           : Quote(host) + " is not a host name or an address (IPv6 without "
                                           "brackets)"});
}

void CheckLoopback(const std::vector<Draft>& drafts, const std::string& listen_host,
                   const Cluster* existing, std::vector<Problem>* problems) {
  std::unordered_set<std::string_view> machines;
  for (const Draft& draft : drafts) machines.insert(draft.instance.machine_id);
  if (existing != nullptr) {
    for (const Instance& one : existing->instances) machines.insert(one.machine_id);
  }
  // Of what has no machine something else is wrong.
  machines.erase("");
  if (machines.size() < 2) return;
  constexpr std::string_view kWhy =
      " is reached from its own host only, and the cluster has several";
  if (IsLoopback(listen_host)) {
    problems->push_back({"topology.global.listen_host", fmt::format("{}{}", listen_host, kWhy)});
  }
  for (const Draft& draft : drafts) {
    if (!draft.instance.IsDm() || !IsLoopback(draft.instance.host)) continue;
    problems->push_back(
        {draft.Field("placement.host"), fmt::format("{}{}", draft.instance.host, kWhy)});
  }
}

}  // namespace dmgr::topology
