#include "server/members/http_source.h"

#include <utility>

#include "common/error.h"
#include "server/members/probe.h"

namespace dmgr::members {

using topology::Cluster;
using topology::Instance;

absl::StatusOr<dm::Members> HttpMemberSource::GetMembers(const Cluster& cluster,
                                                         absl::Time deadline,
                                                         const dm::Cancelled& cancelled) {
  ASSIGN_OR_RETURN(dm::Members members,
                   members::GetMembers(threads_, cluster, deadline, cancelled));
  // By the names of the record.
  for (const Instance* instance : cluster.Of(topology::Component::kDmWorker)) {
    for (dm::Worker& worker : members.workers) {
      if (worker.name == instance->DmName()) worker.name = instance->name;
    }
  }
  return members;
}

HttpHealth HttpMemberSource::Probe(const Instance& instance, absl::Time deadline) {
  return ProbeHttp(instance, deadline);
}

absl::StatusOr<absl::Time> HttpMemberSource::StartTime(const Instance& instance,
                                                       absl::Time deadline,
                                                       const dm::Cancelled& cancelled) {
  return dm::ProcessStartTime(AddressOf(instance), deadline, cancelled);
}

absl::StatusOr<std::string> HttpMemberSource::Metrics(const Instance& instance, absl::Time deadline,
                                                      const dm::Cancelled& cancelled) {
  ASSIGN_OR_RETURN(auto reply,
                   dm::HttpGet("http://" + AddressOf(instance) + "/metrics", deadline, cancelled));
  return std::move(reply.body);
}

absl::StatusOr<std::string> HttpMemberSource::Page(const Instance& instance,
                                                   const std::string& path, absl::Time deadline,
                                                   const dm::Cancelled& cancelled) {
  const std::string address = AddressOf(instance);
  ASSIGN_OR_RETURN(auto reply, dm::HttpGet("http://" + address + path, deadline, cancelled));
  if (reply.status != 200) {
    return Error(absl::StatusCode::kUnavailable, "PAGE_REFUSED", "{}{} answers {}", address, path,
                 reply.status);
  }
  return std::move(reply.body);
}

absl::Status HttpMemberSource::DeleteMaster(const Cluster& others, const std::string& name,
                                            absl::Time deadline, const dm::Cancelled& cancelled) {
  return dm::Client(MasterAddresses(others)).DeleteMaster(name, deadline, cancelled);
}

absl::Status HttpMemberSource::DeleteWorker(const Cluster& cluster, const std::string& name,
                                            absl::Time deadline, const dm::Cancelled& cancelled) {
  return dm::Client(MasterAddresses(cluster))
      .DeleteWorker(topology::DmNameOf(name), deadline, cancelled);
}

absl::Status HttpMemberSource::EvictLeader(const Instance& master, absl::Time deadline,
                                           const dm::Cancelled& cancelled) {
  const std::string address = AddressOf(master);
  return dm::Client({address}).EvictLeader(address, deadline, cancelled);
}

absl::Status HttpMemberSource::CancelEvict(const Instance& master, absl::Time deadline,
                                           const dm::Cancelled& cancelled) {
  const std::string address = AddressOf(master);
  return dm::Client({address}).CancelEvict(address, deadline, cancelled);
}

absl::Status HttpMemberSource::TransferSource(const Cluster& cluster, const std::string& source,
                                              const std::string& worker, absl::Time deadline,
                                              const dm::Cancelled& cancelled) {
  return dm::Client(MasterAddresses(cluster))
      .TransferSource(source, topology::DmNameOf(worker), deadline, cancelled);
}

}  // namespace dmgr::members
