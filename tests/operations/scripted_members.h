// A DM without processes: what it says follows from the units that run on stand-in hosts.
#ifndef DMGR_TESTS_OPERATIONS_SCRIPTED_MEMBERS_H_
#define DMGR_TESTS_OPERATIONS_SCRIPTED_MEMBERS_H_

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "server/members/source.h"
#include "tests/operations/scripted_migrations.h"
#include "tests/operations/stand_in_host.h"

namespace dmgr::test {

// One cluster. An instance is listed as soon as its unit was seen to run, until it is deleted; a
// majority of the listed dm-masters must run; the first that runs and is not evicted leads; a
// source moves from a dm-worker that stops to one that is free. Otherwise than DM it forgets its
// dm-masters when none runs: whoever starts them one after another never waits for a majority.
class ScriptedMembers final : public members::MemberSource {
 public:
  // Before the first call; the host must outlive it.
  void AddHost(const std::string& machine, const StandInHost* host) { hosts_[machine] = host; }
  // Gives a dm-worker that is listed a source.
  void Bind(const std::string& source, const std::string& worker);
  void Unbind(const std::string& source);
  // Empty when it is bound to none.
  std::string WorkerOf(const std::string& source);
  // What every process of DM says it is; empty, as in the beginning: nothing.
  void SayVersion(const std::string& version);
  // Lists a dm-worker whose host is known, whether or not it runs.
  void Add(const topology::Instance& worker);
  // Names of all that are listed, of sources that are bound, and of dm-masters that were asked not
  // to lead.
  std::string State();

  absl::StatusOr<dm::Members> GetMembers(const topology::Cluster& cluster, absl::Time deadline,
                                         const dm::Cancelled& cancelled) override;
  members::HttpHealth Probe(const topology::Instance& instance, absl::Time deadline) override;
  absl::StatusOr<absl::Time> StartTime(const topology::Instance& instance, absl::Time deadline,
                                       const dm::Cancelled& cancelled) override;
  absl::StatusOr<std::string> Metrics(const topology::Instance& instance, absl::Time deadline,
                                      const dm::Cancelled& cancelled) override;
  // Of a Prometheus that runs: it scrapes nothing.
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
  ScriptedMigrations& migrations() override { return migrations_; }

 private:
  using Listed = std::map<std::string, topology::Instance>;

  bool Runs(const topology::Instance& instance) const;
  int StartNumber(const topology::Instance& instance) const;
  bool IsEvicted(const topology::Instance& master) const;
  // A dm-master that runs of those that may lead; nullptr without a majority.
  const topology::Instance* Leader() const;
  // A whole start makes its members one after the other here; a quorum of processes that have all
  // ended since is not waited for.
  void ForgetMastersIfAllStopped();
  std::string SourceOf(const std::string& worker) const;
  void MoveSources();

  ScriptedMigrations migrations_{this};
  std::map<std::string, const StandInHost*> hosts_;
  std::mutex mutex_;  // Guards all below.
  std::string version_;
  Listed masters_;
  // Of the processes of masters_ that were seen last.
  std::map<std::string, int> starts_;
  Listed workers_;
  std::map<std::string, std::string> bound_;  // source -> worker
  // Names, with the start of the process that was asked; another one knows nothing of it.
  std::map<std::string, int> evicted_;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_SCRIPTED_MEMBERS_H_
