// Whether a release is what its name says, and whether an instance has it.
#ifndef DMGR_SERVER_HOST_FAR_STATE_RELEASE_CHECK_H_
#define DMGR_SERVER_HOST_FAR_STATE_RELEASE_CHECK_H_

#include <string>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// Reads all of {store_dir}/{hash}. Throws CANCELLED.
hv1::ReleaseSeen CheckRelease(Context& context, const std::string& store_dir,
                              const std::string& hash);

// What lies where PlaceReleases puts it.
hv1::PlacedSeen CheckPlaced(Context& context, const hv1::SurveyPlaced& asked);

// nullopt when it is not there, or the way there leads over something of a user's.
std::optional<Entry> FindQuietly(const Tree& tree, const std::string& path);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_RELEASE_CHECK_H_
