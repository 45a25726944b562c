#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/system/reach.h"

namespace dmgr::far {
namespace {

constexpr int kMaxTargets = 10000;
constexpr std::size_t kMaxHostName = 255;

// The addresses of the targets' hosts.
class Names {
 public:
  Names(Context* context, milliseconds timeout)
      : context_(*context), deadline_(Clock::now() + timeout) {}

  // nullopt when nobody on the host can say.
  const std::optional<std::vector<SocketAddress>>& Of(const std::string& host) {
    const auto [it, added] = known_.try_emplace(host);
    if (!added) return it->second;
    if (const auto address = ParseAddress(host)) {
      it->second = std::vector{*address};
    } else {
      const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
      it->second = ResolveName(context_, host, std::max(left, milliseconds(1)));
    }
    return it->second;
  }

 private:
  Context& context_;
  const Clock::time_point deadline_;
  std::map<std::string, std::optional<std::vector<SocketAddress>>> known_;
};

// A refused connection was answered, and so was one that was reset.
bool IsReached(int result) { return result == 0 || result == ECONNREFUSED || result == ECONNRESET; }

// What is said of a target that no address of its host leads to.
void SetKind(const std::vector<int>& results, hv1::PortProblem* problem) {
  const auto said =
      std::find_if(results.begin(), results.end(), [](int result) { return result != ETIMEDOUT; });
  if (said == results.end()) {
    problem->set_kind(hv1::PortProblem::KIND_NO_ANSWER);
    return;
  }
  problem->set_kind(hv1::PortProblem::KIND_NO_WAY);
  // A route that drops packets on purpose says so only in this way.
  problem->set_text(*said == EINVAL ? "a route drops what is sent there" : std::strerror(*said));
}

// The addresses of all targets, one after another, and which are whose.
struct Attempts {
  std::vector<SocketAddress> addresses;
  struct Range {
    const hv1::PortTarget* target;
    std::size_t begin;
    std::size_t end;
  };
  std::vector<Range> ranges;
};

Attempts Prepare(Names* names, const hv1::ReachPorts& request, hv1::ReachPortsReply* reply) {
  Attempts attempts;
  for (const auto& target : request.targets()) {
    const auto& found = names->Of(target.host());
    if (!found.has_value()) continue;
    std::vector<SocketAddress> addresses = *found;
    if (!target.own()) {
      std::erase_if(addresses, [](const SocketAddress& address) { return address.IsLoopback(); });
    }
    if (addresses.empty()) {
      auto* problem = reply->add_problems();
      *problem->mutable_target() = target;
      problem->set_kind(found->empty() ? hv1::PortProblem::KIND_NAME_UNKNOWN
                                       : hv1::PortProblem::KIND_LEADS_BACK);
      continue;
    }
    const std::size_t begin = attempts.addresses.size();
    for (SocketAddress& address : addresses) {
      address.SetPort(static_cast<std::uint16_t>(target.port()));
      attempts.addresses.push_back(address);
    }
    attempts.ranges.push_back({&target, begin, attempts.addresses.size()});
  }
  return attempts;
}

}  // namespace

hv1::ReachPortsReply DoReachPorts(Context& context, const hv1::ReachPorts& request) {
  if (request.targets_size() > kMaxTargets) throw BadRequest("too many ports to reach");
  for (const auto& target : request.targets()) {
    if (target.port() == 0 || target.port() > 65535) throw BadRequest("not a port");
    if (target.host().size() > kMaxHostName) throw BadRequest("not a host's name");
  }
  const milliseconds timeout(request.timeout_ms());
  Names names(&context, timeout);
  hv1::ReachPortsReply reply;
  const Attempts attempts = Prepare(&names, request, &reply);
  const auto results = TryConnections(context.call, attempts.addresses, timeout);
  for (const auto& range : attempts.ranges) {
    const std::vector<int> own(results.begin() + static_cast<std::ptrdiff_t>(range.begin),
                               results.begin() + static_cast<std::ptrdiff_t>(range.end));
    // One address that works is enough: programs try them all.
    if (std::any_of(own.begin(), own.end(), IsReached)) continue;
    auto* problem = reply.add_problems();
    *problem->mutable_target() = *range.target;
    SetKind(own, problem);
  }
  return reply;
}

}  // namespace dmgr::far
