// dmgrd's rooms, wired together.
#ifndef DMGR_SERVER_DAEMON_H_
#define DMGR_SERVER_DAEMON_H_

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config.h"
#include "server/high_water.h"
#include "server/objects/object_store.h"
#include "server/secrets/key_source.h"
#include "server/store/database.h"

namespace dmgr {

// Everything that dmgrd holds, from its start to its end. For one thread.
class Daemon {
 public:
  // shared: the shared warehouse, or nullptr. prepare: called when the database is there and has
  // this build's schema, before anybody is served. Tells the service manager what is done, and that
  // it takes its time.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(
      const Config& config, const secrets::KeySource& key,
      std::unique_ptr<objects::ObjectStore> shared,
      const std::function<absl::Status(store::Database*)>& prepare);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Looks after the embedded database, and forgets a piece of the history when it is time. To be
  // called every second, and again at once when it returns true: then there is more to forget.
  bool LookAfter();
  // Not OK when it must not go on: its master key is not the database's any more.
  absl::Status Check() const;
  // Whether its work goes round: false when something that should take seconds hangs.
  bool IsAlive() const;
  // What callers may have at once, from now on.
  void SetPlaces(const rpc::Limits& limits);
  // Serves no more; what runs gets the rest of the grace to end.
  void Shutdown(absl::Duration grace);

 private:
  struct Rooms;
  explicit Daemon(const Config& config);
  absl::Status OpenDatabase();
  absl::Status StartRooms(const secrets::KeySource& key);
  // False when nothing more is to be forgotten for now.
  bool Prune();

  const Config config_;
  std::unique_ptr<Rooms> rooms_;
  std::optional<HighWater> high_water_;
  absl::Time next_prune_ = absl::InfinitePast();
  int prune_rows_;
};

}  // namespace dmgr

#endif  // DMGR_SERVER_DAEMON_H_
