// The keys that dm-masters keep in the etcd inside them, from which a DM cluster can be brought
// back: sources and subtasks with readable passwords, wanted stages, relay, shard DDL state,
// templates, and the version of all this. What processes make anew when they register (leader,
// workers, bindings), and whatever has a lease, is left out.
#ifndef DMGR_SERVER_DM_KEYS_H_
#define DMGR_SERVER_DM_KEYS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/copy.pb.h"
#include "server/dm/master_client.h"
#include "server/dm/tls.h"

namespace dmgr::dm {

// Talks to the etcd of one cluster, on the ports of its dm-masters. Not thread-safe: one per
// thread. Deadlines, cancelling and UNAVAILABLE (DM_UNAVAILABLE) as of MasterClient.
class KeyStore {
 public:
  explicit KeyStore(std::vector<std::string> addresses, TlsMaterial tls = {});
  ~KeyStore();
  KeyStore(KeyStore&&) noexcept;
  KeyStore& operator=(KeyStore&&) noexcept;

  // All of one revision. RESOURCE_EXHAUSTED (DM_COPY_TOO_LARGE) beyond 256 MiB or a million keys.
  absl::StatusOr<KeysCopy> Copy(const Within& within);

  // Puts all keys, as large parts at a time as etcd takes; when it fails, some are there and it may
  // be called again. Other keys stay. INVALID_ARGUMENT (DM_KEY_NOT_COPIED) when there is a key in
  // it that no copy has, before anything is put. A leader that runs does not look at what it finds:
  // evict it afterwards.
  absl::Status PutBack(const KeysCopy& copy, const Within& within);

 private:
  std::unique_ptr<Masters> masters_;
};

// Whether a copy may have this key.
bool IsCopied(std::string_view key);

// Equal when the keys and values are, whenever and wherever they are from. Lower-case hex.
std::string ContentHash(const KeysCopy& copy);

// What differs; keys only, as values have passwords. Sorted.
struct KeysDifference {
  std::vector<std::string> only_before;
  std::vector<std::string> only_after;
  std::vector<std::string> changed;

  bool empty() const { return only_before.empty() && only_after.empty() && changed.empty(); }
};
KeysDifference Compare(const KeysCopy& before, const KeysCopy& after);

// What keys begin with, and what follows it hex-encoded, a part for each name ("s1", "t1").
namespace keys {
inline constexpr std::string_view kSource = "/dm-master/v2/upstream/config/";
// Its value is a source: the dm-worker was told by name to keep a relay log of that.
inline constexpr std::string_view kRelayWorker = "/dm-master/relay-worker/";
// Parts: source, task.
inline constexpr std::string_view kSubTask = "/dm-master/upstream/subtask/";
inline constexpr std::string_view kSubTaskStage = "/dm-master/stage/subtask/";
}  // namespace keys

// The names in a key with this prefix; nullopt when it has another one, or they are not hex.
std::optional<std::vector<std::string>> NamesIn(std::string_view key, std::string_view prefix);
// The key of these names.
std::string KeyOf(std::string_view prefix, const std::vector<std::string>& names);

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_KEYS_H_
