// What operations are rehearsed on: a database, a warehouse with packages, hosts that are
// directories, a DM without processes.
#ifndef DMGR_TESTS_OPERATIONS_STAGE_H_
#define DMGR_TESTS_OPERATIONS_STAGE_H_

#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <vector>

#include "common/thread_pool.h"
#include "dmgr/v1/topology.pb.h"
#include "server/auth/secret_box.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"
#include "tests/operations/scripted_members.h"
#include "tests/operations/stand_in_host.h"
#include "tests/support/host_tree.h"
#include "tests/support/pipe_connector.h"
#include "tests/support/postgres.h"
#include "tests/support/temp_dir.h"

namespace dmgr::test {

// All that an operation may change.
struct Scene {
  // By machine.
  std::map<std::string, testing::HostTree> hosts;
  std::map<std::string, std::set<std::string>> running;
  // Folders of clusters and the warehouse.
  testing::HostTree control;
  // Rows of the tables that describe clusters, without what is sealed anew each time.
  std::string record;
  std::string members;
};

// A line for each difference; empty when there is none.
std::string Difference(const Scene& before, const Scene& after);

class Stage {
 public:
  // Machines m1 to m4 at 10.0.0.1 to 10.0.0.4, package v7.5.1.
  Stage();

  const Resources& resources() const { return resources_; }
  const engine::Registry& registry() const { return registry_; }
  engine::ScopeFactory scopes() const;
  store::Database& database() { return *database_; }
  std::string dsn() const { return database_.dsn(); }
  ScriptedMembers& members() { return members_; }
  const StandInHost& host(const std::string& machine) const { return *hosts_.at(machine); }

  // One more machine.
  void AddMachine(const std::string& id, const std::string& address);
  // A package whose programs of DM differ from those of every other version; of two architectures,
  // if there is a second one.
  void AddPackage(const std::string& version, const std::string& second_arch = {});
  // What is recorded of a machine.
  void SetArch(const std::string& machine, const std::string& arch);
  // The id of a patch for dm-worker.
  std::string AddWorkerPatch();
  // Nothing runs on the machine any more, and it cannot be reached.
  void Lose(const std::string& machine);
  // It can be reached again; nothing runs there yet.
  void Recover(const std::string& machine);
  // It answers at another address, and is known to. Returns the clusters in which others have it at
  // the former one.
  std::vector<std::string> Readdress(const std::string& machine, const std::string& address);

  Scene Look();
  // Scene::record alone.
  std::string LookAtRecord();

 private:
  // Has the folders of the program made in memory, where there is enough of it.
  struct InMemory {
    InMemory();
  };

  InMemory in_memory_;  // Before the first folder.
  TempDir dir_;
  TestDatabase database_;
  pqxx::connection onlooker_;
  // What Look asks the database.
  std::string record_query_;
  std::optional<auth::SecretBox> secrets_;
  std::map<std::string, std::unique_ptr<StandInHost>> hosts_;
  PipeConnector connector_;
  ScriptedMembers members_;
  ThreadPool threads_{8};
  Resources resources_;
  engine::Registry registry_;
};

// Writes a file into the log and the data directory of every instance, as its user. Returns their
// real paths.
std::vector<std::string> FillDirs(Stage& stage, const std::string& cluster);

// Three dm-masters and two dm-workers on m1 to m3, monitoring on m1; of a user that dmgr makes.
v1::Topology SampleTopology();

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_STAGE_H_
