// What every action works with.
#ifndef DMGR_SERVER_HOST_FAR_BASE_CONTEXT_H_
#define DMGR_SERVER_HOST_FAR_BASE_CONTEXT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "dmgr/host/v1/host.pb.h"
#include "server/host/far/base/call.h"
#include "server/host/far/base/fd.h"
#include "server/host/far/base/paths.h"
#include "server/host/far/base/programs.h"

namespace dmgr::far {

// Since Begin.
struct Session {
  std::optional<hv1::Begin> begin;
  // Of a changing far end: the lock that says that it is alone.
  Fd fence;
  // Number of the next temporary name.
  std::uint64_t next_name = 0;

  const std::string& cluster() const { return begin->cluster_uuid(); }
};

struct Context {
  const Tree& tree;
  Programs& programs;
  Session& session;
  Call& call;
};

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_CONTEXT_H_
