// Private to this room: errors that all stores have.
#ifndef DMGR_SERVER_OBJECTS_ERRORS_H_
#define DMGR_SERVER_OBJECTS_ERRORS_H_

#include <string>

#include "common/error.h"

namespace dmgr::objects {

inline absl::Status ObjectMissing(const std::string& store, const std::string& sha256) {
  return Error(absl::StatusCode::kNotFound, "SHARED_OBJECT_MISSING",
               "the shared warehouse {} has no file {}", store, sha256)
      .With("sha256", sha256)
      .Remedy("upload the package or patch again, by whichever dmgrd");
}

}  // namespace dmgr::objects

#endif  // DMGR_SERVER_OBJECTS_ERRORS_H_
