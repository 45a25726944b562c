#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/host_facts.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/fence.h"
#include "server/host/far/state/own_programs.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {

hv1::BeginReply DoBegin(Context& context, const hv1::Begin& request) {
  if (request.mode() == hv1::Begin::MODE_CHANGE) {
    CheckUuid(request.cluster_uuid());
    // All that it starts is found by the session. It fails when this is a session already.
    setsid();
    context.session.fence = TakeFence(context, request);
    CancelJobs(context, request.units());
  } else if (request.mode() != hv1::Begin::MODE_READ &&
             request.mode() != hv1::Begin::MODE_BY_HAND) {
    throw BadRequest("Begin without a mode");
  }
  context.session.begin = request;
  hv1::BeginReply reply;
  reply.set_machine_id(MachineId(context.tree));
  utsname names = {};
  uname(&names);
  reply.set_arch(CleanText(names.machine));
  reply.set_highest_epoch(HighestEpoch(context.tree));
  if (request.mode() == hv1::Begin::MODE_CHANGE && request.unused_program_days() > 0) {
    const std::chrono::hours unused(std::int64_t{24} * request.unused_program_days());
    reply.set_removed_programs(RemoveOldPrograms(context.tree, unused));
  }
  return reply;
}

}  // namespace dmgr::far
