#include "server/members/http_source.h"

#include <utility>

#include "common/error.h"
#include "server/members/probe.h"
#include "server/members/tls.h"

namespace dmgr::members {

using topology::Cluster;
using topology::Instance;

dm::TlsMaterial HttpMemberSource::TlsOf(const Instance& instance) const {
  return MaterialOf(instance.AnswersOverTls() ? instance.tls.get() : nullptr, secrets_);
}

dm::Client HttpMemberSource::ClientOf(const Cluster& cluster) const {
  return dm::Client(MasterAddresses(cluster), MaterialOf(cluster.tls.get(), secrets_));
}

dm::Client HttpMemberSource::ClientOf(const Instance& master) const {
  return dm::Client({AddressOf(master)}, TlsOf(master));
}

absl::StatusOr<dm::Members> HttpMemberSource::GetMembers(const Cluster& cluster,
                                                         absl::Time deadline,
                                                         const dm::Cancelled& cancelled) {
  ASSIGN_OR_RETURN(dm::Members members,
                   members::GetMembers(threads_, cluster, deadline, cancelled,
                                       MaterialOf(cluster.tls.get(), secrets_)));
  // By the names of the record.
  for (const Instance* instance : cluster.Of(topology::Component::kDmWorker)) {
    for (dm::Worker& worker : members.workers) {
      if (worker.name == instance->DmName()) worker.name = instance->name;
    }
  }
  return members;
}

HttpHealth HttpMemberSource::Probe(const Instance& instance, absl::Time deadline) {
  return ProbeHttp(instance, deadline, TlsOf(instance));
}

absl::StatusOr<absl::Time> HttpMemberSource::StartTime(const Instance& instance,
                                                       absl::Time deadline,
                                                       const dm::Cancelled& cancelled) {
  return dm::ProcessStartTime(AddressOf(instance), deadline, cancelled, TlsOf(instance));
}

absl::StatusOr<std::string> HttpMemberSource::Metrics(const Instance& instance, absl::Time deadline,
                                                      const dm::Cancelled& cancelled) {
  const std::string scheme = instance.AnswersOverTls() ? "https://" : "http://";
  ASSIGN_OR_RETURN(auto reply,
                   dm::HttpGet(scheme + AddressOf(instance) + instance.WebPath() + "/metrics",
                               deadline, cancelled, TlsOf(instance)));
  return std::move(reply.body);
}

absl::StatusOr<std::string> HttpMemberSource::Page(const Instance& instance,
                                                   const std::string& path, absl::Time deadline,
                                                   const dm::Cancelled& cancelled) {
  const std::string address = AddressOf(instance) + instance.WebPath();
  const std::string scheme = instance.AnswersOverTls() ? "https://" : "http://";
  ASSIGN_OR_RETURN(auto reply,
                   dm::HttpGet(scheme + address + path, deadline, cancelled, TlsOf(instance)));
  if (reply.status != 200) {
    return Error(absl::StatusCode::kUnavailable, "PAGE_REFUSED", "{}{} answers {}", address, path,
                 reply.status);
  }
  return std::move(reply.body);
}

absl::Status HttpMemberSource::DeleteMaster(const Cluster& others, const std::string& name,
                                            absl::Time deadline, const dm::Cancelled& cancelled) {
  return ClientOf(others).DeleteMaster(name, deadline, cancelled);
}

absl::Status HttpMemberSource::DeleteWorker(const Cluster& cluster, const std::string& name,
                                            absl::Time deadline, const dm::Cancelled& cancelled) {
  return ClientOf(cluster).DeleteWorker(topology::DmNameOf(name), deadline, cancelled);
}

absl::Status HttpMemberSource::EvictLeader(const Instance& master, absl::Time deadline,
                                           const dm::Cancelled& cancelled) {
  const std::string address = AddressOf(master);
  return ClientOf(master).EvictLeader(address, deadline, cancelled);
}

absl::Status HttpMemberSource::CancelEvict(const Instance& master, absl::Time deadline,
                                           const dm::Cancelled& cancelled) {
  const std::string address = AddressOf(master);
  return ClientOf(master).CancelEvict(address, deadline, cancelled);
}

absl::Status HttpMemberSource::TransferSource(const Cluster& cluster, const std::string& source,
                                              const std::string& worker, absl::Time deadline,
                                              const dm::Cancelled& cancelled) {
  return ClientOf(cluster).TransferSource(source, topology::DmNameOf(worker), deadline, cancelled);
}

}  // namespace dmgr::members
