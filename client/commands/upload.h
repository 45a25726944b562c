// Sending a file into the warehouse.
#ifndef DMGR_CLIENT_COMMANDS_UPLOAD_H_
#define DMGR_CLIENT_COMMANDS_UPLOAD_H_

#include <string>

#include "client/environment.h"
#include "dmgr/v1/types.pb.h"

namespace dmgr::v1 {
class UploadPackageResponse;
class UploadPatchResponse;
}  // namespace dmgr::v1

namespace dmgr::client {

// Each goes on where an upload of the same file stopped, and shows how far it is.
absl::StatusOr<v1::UploadPackageResponse> UploadPackage(Environment& environment,
                                                        const std::string& path);
// component: COMPONENT_UNSPECIFIED when the name of the program is to tell.
absl::StatusOr<v1::UploadPatchResponse> UploadPatch(Environment& environment,
                                                    const std::string& path,
                                                    v1::Component component);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_UPLOAD_H_
