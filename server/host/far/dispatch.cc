#include "server/host/far/dispatch.h"

#include <exception>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

bool IsReading(hv1::ToHost::BodyCase body) {
  switch (body) {
    case hv1::ToHost::kGetFacts:
    case hv1::ToHost::kInspect:
    case hv1::ToHost::kQueryReleases:
    case hv1::ToHost::kQueryUnits:
    case hv1::ToHost::kReadLogs:
    case hv1::ToHost::kReadFiles:
    case hv1::ToHost::kBatch:  // Its parts are asked one by one.
      return true;
    default:
      return false;
  }
}

void CheckAllowed(const Session& session, hv1::ToHost::BodyCase body) {
  if (body == hv1::ToHost::kBegin) {
    if (session.begin.has_value()) throw BadRequest("the far end has begun already");
    return;
  }
  if (!session.begin.has_value()) throw BadRequest("the first request must be Begin");
  if (session.begin->mode() != hv1::Begin::MODE_CHANGE && !IsReading(body)) {
    throw BadRequest("a reading far end changes nothing");
  }
}

hv1::FromHost Act(Context& context, const hv1::ToHost& request, bool in_batch);

hv1::BatchReply DoBatch(Context& context, const hv1::Batch& batch) {
  hv1::BatchReply reply;
  for (const auto& request : batch.requests()) {
    context.call.CheckCancelled();
    *reply.add_replies() = Act(context, request, /*in_batch=*/true);
  }
  return reply;
}

hv1::FromHost Act(Context& context, const hv1::ToHost& request, bool in_batch) {
  const auto body = request.body_case();
  CheckAllowed(context.session, body);
  if (in_batch && (body == hv1::ToHost::kBatch || body == hv1::ToHost::kReceiveRelease)) {
    throw BadRequest("this request cannot be a part of a batch");
  }
  hv1::FromHost reply;
  switch (body) {
    case hv1::ToHost::kBegin:
      *reply.mutable_begin() = DoBegin(context, request.begin());
      break;
    case hv1::ToHost::kGetFacts:
      *reply.mutable_facts() = DoGetFacts(context, request.get_facts());
      break;
    case hv1::ToHost::kInspect:
      *reply.mutable_inspect() = DoInspect(context, request.inspect());
      break;
    case hv1::ToHost::kEnsureAccount:
      *reply.mutable_ensure_account() = DoEnsureAccount(context, request.ensure_account());
      break;
    case hv1::ToHost::kMakeDirs:
      DoMakeDirs(context, request.make_dirs());
      break;
    case hv1::ToHost::kQueryReleases:
      *reply.mutable_query_releases() = DoQueryReleases(context, request.query_releases());
      break;
    case hv1::ToHost::kReceiveRelease:
      if (!DoReceiveRelease(context, request.receive_release())) {
        reply.mutable_receive_release()->set_wanted(false);
      }
      break;
    case hv1::ToHost::kPlaceReleases:
      DoPlaceReleases(context, request.place_releases());
      break;
    case hv1::ToHost::kWriteFiles:
      DoWriteFiles(context, request.write_files());
      break;
    case hv1::ToHost::kCheckFile:
      DoCheckFile(context, request.check_file());
      break;
    case hv1::ToHost::kInstallUnits:
      DoInstallUnits(context, request.install_units());
      break;
    case hv1::ToHost::kEnableUnits:
      DoEnableUnits(context, request.enable_units());
      break;
    case hv1::ToHost::kControlUnits:
      DoControlUnits(context, request.control_units());
      break;
    case hv1::ToHost::kQueryUnits:
      *reply.mutable_unit_states() = DoQueryUnits(context, request.query_units());
      break;
    case hv1::ToHost::kReadLogs:
      *reply.mutable_log_text() = DoReadLogs(context, request.read_logs());
      break;
    case hv1::ToHost::kReadFiles:
      *reply.mutable_read_files() = DoReadFiles(context, request.read_files());
      break;
    case hv1::ToHost::kRemoveCluster:
      *reply.mutable_remove_cluster() = DoRemoveCluster(context, request.remove_cluster());
      break;
    case hv1::ToHost::kBatch:
      *reply.mutable_batch() = DoBatch(context, request.batch());
      break;
    case hv1::ToHost::kPing:
    case hv1::ToHost::kCancel:
    case hv1::ToHost::kReleaseChunk:
    case hv1::ToHost::BODY_NOT_SET:
      throw BadRequest("not a request");
  }
  if (reply.body_case() == hv1::FromHost::BODY_NOT_SET) reply.mutable_done();
  reply.set_id(request.id());
  return reply;
}

}  // namespace

hv1::FromHost Answer(Context& context, const hv1::ToHost& request) {
  hv1::FromHost reply;
  try {
    return Act(context, request, /*in_batch=*/false);
  } catch (const Failed& failed) {
    *reply.mutable_failure() = failed.message();
  } catch (const std::exception& e) {
    *reply.mutable_failure() = Failed(hv1::Failure::KIND_SYSTEM, e.what()).message();
  }
  reply.set_id(request.id());
  return reply;
}

}  // namespace dmgr::far
