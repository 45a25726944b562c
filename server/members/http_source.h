// The processes themselves, asked over HTTP; for sources and tasks over gRPC.
#ifndef DMGR_SERVER_MEMBERS_HTTP_SOURCE_H_
#define DMGR_SERVER_MEMBERS_HTTP_SOURCE_H_

#include <string>

#include "common/thread_pool.h"
#include "server/auth/secret_box.h"
#include "server/members/master_migrations.h"
#include "server/members/source.h"

namespace dmgr::members {

class HttpMemberSource final : public MemberSource {
 public:
  // Instances of a cluster are asked side by side, with the help of `threads`. secrets: what opens
  // the keys of clusters with TLS; nullptr: there are none. Both outlive this.
  HttpMemberSource(ThreadPool* threads, const auth::SecretBox* secrets)
      : threads_(threads), secrets_(secrets), migrations_(secrets) {}

  absl::StatusOr<dm::Members> GetMembers(const topology::Cluster& cluster, absl::Time deadline,
                                         const dm::Cancelled& cancelled) override;
  HttpHealth Probe(const topology::Instance& instance, absl::Time deadline) override;
  absl::StatusOr<absl::Time> StartTime(const topology::Instance& instance, absl::Time deadline,
                                       const dm::Cancelled& cancelled) override;
  absl::StatusOr<std::string> Metrics(const topology::Instance& instance, absl::Time deadline,
                                      const dm::Cancelled& cancelled) override;
  absl::StatusOr<std::string> Page(const topology::Instance& instance, const std::string& path,
                                   absl::Time deadline, const dm::Cancelled& cancelled) override;
  absl::Status DeleteMaster(const topology::Cluster& others, const std::string& name,
                            absl::Time deadline, const dm::Cancelled& cancelled) override;
  absl::Status DeleteWorker(const topology::Cluster& cluster, const std::string& name,
                            absl::Time deadline, const dm::Cancelled& cancelled) override;
  absl::Status EvictLeader(const topology::Instance& master, absl::Time deadline,
                           const dm::Cancelled& cancelled) override;
  absl::Status CancelEvict(const topology::Instance& master, absl::Time deadline,
                           const dm::Cancelled& cancelled) override;
  absl::Status TransferSource(const topology::Cluster& cluster, const std::string& source,
                              const std::string& worker, absl::Time deadline,
                              const dm::Cancelled& cancelled) override;
  Migrations& migrations() override { return migrations_; }

 private:
  dm::TlsMaterial TlsOf(const topology::Instance& instance) const;
  dm::Client ClientOf(const topology::Cluster& cluster) const;
  dm::Client ClientOf(const topology::Instance& master) const;

  ThreadPool* const threads_;
  const auth::SecretBox* const secrets_;
  MasterMigrations migrations_;
};

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_HTTP_SOURCE_H_
