// How many calls a caller may have under way. Private to this room.
#ifndef DMGR_SERVER_RPC_ADMISSION_H_
#define DMGR_SERVER_RPC_ADMISSION_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace dmgr::rpc {

// Thread-safe; outlives the places that it gives.
class Admission {
 public:
  // Kept while a call is under way.
  class Place {
   public:
    Place(Admission* admission, std::string key) : admission_(admission), key_(std::move(key)) {}
    ~Place() { admission_->Leave(key_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Admission* const admission_;
    const std::string key_;
  };

  // what: the kind of call, in the plural, of which `caller` may have `most`. RESOURCE_EXHAUSTED
  // (TOO_BUSY), with when to try again.
  absl::StatusOr<std::shared_ptr<const Place>> Take(const char* what, const std::string& caller,
                                                    int most);

 private:
  void Leave(const std::string& key);

  std::mutex mutex_;  // Guards taken_.
  std::map<std::string, int> taken_;
};

// Where a call comes from, without its port: "ipv4:10.0.0.1" of "ipv4:10.0.0.1:41234". Who comes by
// the page, "page:ipv4:10.0.0.1:41234", is counted by itself.
std::string AddressOf(const std::string& peer);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_ADMISSION_H_
