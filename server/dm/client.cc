#include "server/dm/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/dm/answers.h"
#include "server/dm/http.h"

namespace dmgr::dm {
namespace {

constexpr const char* kApi = "/apis/v1alpha1";
constexpr const char* kEvict = "1";
constexpr const char* kCancelEvict = "2";

template <typename Item>
const Item* FindByName(const std::vector<Item>& items, const std::string& name) {
  const auto it = std::find_if(items.begin(), items.end(),
                               [&name](const Item& item) { return item.name == name; });
  return it == items.end() ? nullptr : &*it;
}

// Whether another master might answer differently: not when the leader itself has said no, which is
// what the others would forward to.
bool WorthAnotherTry(const absl::Status& status) {
  const std::string reason = Reason(status);
  if (reason == "DM_UNHEALTHY" || reason == "DM_NO_QUORUM" || reason == "DM_BUSY") return false;
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

absl::StatusOr<HttpReply> Get(const std::string& address, const std::string& path,
                              absl::Time deadline, const Cancelled& cancelled,
                              const TlsMaterial& tls) {
  ASSIGN_OR_RETURN(const std::string url, UrlOf(address, path, !tls.empty()));
  return HttpGet(url, deadline, cancelled, tls);
}

}  // namespace

const Master* Members::FindMaster(const std::string& name) const {
  return FindByName(masters, name);
}

const Worker* Members::FindWorker(const std::string& name) const {
  return FindByName(workers, name);
}

Client::Client(std::vector<std::string> master_addresses, TlsMaterial tls)
    : secure_(!tls.empty()),
      http_(std::make_unique<Http>(std::move(tls))),
      addresses_(std::move(master_addresses)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

std::vector<std::string> Client::TryOrder() const {
  std::vector<std::string> order = addresses_;
  for (const std::string* preferred : {&last_good_, &leader_}) {
    const auto it = std::find(order.begin(), order.end(), *preferred);
    if (it != order.end()) std::rotate(order.begin(), it, it + 1);
  }
  return order;
}

absl::Status Client::TryEach(const std::string& what, const std::string& method,
                             const std::string& path, absl::Time deadline,
                             const Cancelled& cancelled,
                             const std::function<absl::Status(const HttpReply&)>& read,
                             const std::string& body) {
  const std::vector<std::string> order = TryOrder();
  std::vector<std::string> answers;
  std::string reason = "DM_UNAVAILABLE";
  for (std::size_t i = 0; i < order.size(); ++i) {
    const absl::Time now = SteadyNow();
    const absl::Duration share =
        std::max(deadline - now, absl::ZeroDuration()) / static_cast<double>(order.size() - i);
    ASSIGN_OR_RETURN(const std::string url, UrlOf(order[i], path, secure_));
    auto reply = http_->Send(method, url, body, now + share, cancelled);
    const absl::Status status = reply.ok() ? read(*reply) : reply.status();
    if (status.ok()) {
      last_good_ = order[i];
      return status;
    }
    if (!WorthAnotherTry(status)) return Annotate(status, what + " through " + order[i]);
    // What a master says of its cluster tells more than that another one is down.
    if (reply.ok()) reason = Reason(status);
    const std::string answer(Message(status));
    const bool named = answer.find(order[i]) != std::string::npos;
    answers.push_back(named ? answer : fmt::format("{}: {}", order[i], answer));
  }
  // Of the only one that was asked, what it says says all.
  const bool single = answers.size() == 1;
  return Error(absl::StatusCode::kUnavailable, reason, "{}: {}{}", what,
               single ? "" : "no dm-master could do it: ",
               answers.empty() ? "there is no address to ask"
                               : fmt::format("{}", fmt::join(answers, "; ")))
      .With("tried", fmt::format("{}", fmt::join(order, ",")))
      .Remedy("see that more than half of the dm-masters run and can be reached, then try again");
}

absl::StatusOr<Members> Client::GetMembers(absl::Time deadline, const Cancelled& cancelled) {
  Members members;
  RETURN_IF_ERROR(TryEach("list the members", "GET", fmt::format("{}/members", kApi), deadline,
                          cancelled, [&members](const HttpReply& reply) -> absl::Status {
                            ASSIGN_OR_RETURN(members, ReadMembers(reply));
                            return absl::OkStatus();
                          }));
  leader_ = members.leader_addr;
  return members;
}

absl::Status Client::Delete(const std::string& type, const std::string& name, absl::Time deadline,
                            const Cancelled& cancelled) {
  const std::string path = fmt::format("{}/members/{}/{}", kApi, type, http_->Escape(name));
  return TryEach(fmt::format("remove the dm-{} \"{}\"", type, name), "DELETE", path, deadline,
                 cancelled, ReadResult);
}

absl::Status Client::DeleteMaster(const std::string& name, absl::Time deadline,
                                  const Cancelled& cancelled) {
  return Delete("master", name, deadline, cancelled);
}

absl::Status Client::DeleteWorker(const std::string& name, absl::Time deadline,
                                  const Cancelled& cancelled) {
  if (name.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "NO_NAME", "a dm-worker always has a name");
  }
  return Delete("worker", name, deadline, cancelled);
}

absl::Status Client::TransferSource(const std::string& source, const std::string& worker,
                                    absl::Time deadline, const Cancelled& cancelled) {
  const std::string body = nlohmann::json{{"worker_name", worker}}.dump();
  const std::string path = fmt::format("/api/v1/sources/{}/transfer", http_->Escape(source));
  return TryEach(fmt::format("move source {} to {}", source, worker), "POST", path, deadline,
                 cancelled, ReadOpenApi, body);
}

absl::Status Client::PutLeader(const std::string& address, const std::string& operation,
                               absl::Time deadline, const Cancelled& cancelled) {
  ASSIGN_OR_RETURN(const std::string url,
                   UrlOf(address, fmt::format("{}/leader/{}", kApi, operation), secure_));
  ASSIGN_OR_RETURN(const HttpReply reply, http_->Send("PUT", url, "{}", deadline, cancelled));
  return Annotate(ReadResult(reply), "dm-master " + address);
}

absl::Status Client::EvictLeader(const std::string& address, absl::Time deadline,
                                 const Cancelled& cancelled) {
  return PutLeader(address, kEvict, deadline, cancelled);
}

absl::Status Client::CancelEvict(const std::string& address, absl::Time deadline,
                                 const Cancelled& cancelled) {
  return PutLeader(address, kCancelEvict, deadline, cancelled);
}

absl::StatusOr<std::string> ProbeStatus(const std::string& address, absl::Time deadline,
                                        const Cancelled& cancelled, const TlsMaterial& tls) {
  ASSIGN_OR_RETURN(const HttpReply reply, Get(address, "/status", deadline, cancelled, tls));
  auto version = ReadReleaseVersion(reply);
  if (!version.ok()) return Annotate(version.status(), address + "/status");
  return version;
}

absl::StatusOr<absl::Time> ProcessStartTime(const std::string& address, absl::Time deadline,
                                            const Cancelled& cancelled, const TlsMaterial& tls) {
  ASSIGN_OR_RETURN(const HttpReply reply, Get(address, "/metrics", deadline, cancelled, tls));
  auto time = ReadStartTime(reply);
  if (!time.ok()) return Annotate(time.status(), address + "/metrics");
  return time;
}

}  // namespace dmgr::dm
