// From the words of a configuration to a store.
#ifndef DMGR_SERVER_OBJECTS_OPEN_H_
#define DMGR_SERVER_OBJECTS_OPEN_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/secret.h"
#include "server/objects/object_store.h"

namespace dmgr::objects {

struct Place {
  // "file:///mnt/dmgr" or "s3://bucket/prefix".
  std::string url;
  // Empty: that of AWS for the region.
  std::string s3_endpoint{};
  std::string s3_region{};
};

// What is wrong with a place, in words; empty: nothing.
std::string WhyNoPlace(const Place& place);
inline bool IsS3(const std::string& url) { return url.starts_with("s3://"); }

// s3_key: "ACCESS_KEY_ID:SECRET_ACCESS_KEY", for S3. INVALID_ARGUMENT, SHARED_CONFIG_INVALID.
// Nothing is asked of the store.
absl::StatusOr<std::unique_ptr<ObjectStore>> OpenStore(const Place& place, const Secret& s3_key);

}  // namespace dmgr::objects

#endif  // DMGR_SERVER_OBJECTS_OPEN_H_
