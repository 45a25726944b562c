#include "server/host/far/dispatch.h"

#include <algorithm>
#include <exception>
#include <iterator>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

using hv1::FromHost;
using hv1::ToHost;

enum class Access {
  kBegin,   // The first request, and only once.
  kRead,    // Changes nothing.
  kChange,  // For a changing far end.
  kByHand,  // For one that does what an operator asks for.
};
enum class InBatch { kYes, kNo };

// How a request is done.
struct Action {
  ToHost::BodyCase body;
  Access access;
  InBatch in_batch;
  void (*run)(Context& context, const ToHost& request, FromHost* reply);
};

// kAction's answer is the reply's body.
template <auto kAction, auto kRequest, auto kReply>
void Answered(Context& context, const ToHost& request, FromHost* reply) {
  *(reply->*kReply)() = kAction(context, (request.*kRequest)());
}

// kAction has nothing to say.
template <auto kAction, auto kRequest>
void Done(Context& context, const ToHost& request, FromHost* reply) {
  kAction(context, (request.*kRequest)());
  reply->mutable_done();
}

void Receive(Context& context, const ToHost& request, FromHost* reply) {
  if (DoReceiveRelease(context, request.receive_release())) {
    reply->mutable_done();
  } else {
    reply->mutable_receive_release()->set_wanted(false);
  }
}

void DoBatch(Context& context, const ToHost& request, FromHost* reply);

constexpr auto kByHand = Access::kByHand;
constexpr auto kBegin = Access::kBegin;
constexpr auto kRead = Access::kRead;
constexpr auto kChange = Access::kChange;
constexpr auto kYes = InBatch::kYes;
constexpr auto kNo = InBatch::kNo;

constexpr Action kActions[] = {
    {ToHost::kBegin, kBegin, kNo, Answered<DoBegin, &ToHost::begin, &FromHost::mutable_begin>},
    {ToHost::kGetFacts, kRead, kYes,
     Answered<DoGetFacts, &ToHost::get_facts, &FromHost::mutable_facts>},
    {ToHost::kInspect, kRead, kYes,
     Answered<DoInspect, &ToHost::inspect, &FromHost::mutable_inspect>},
    {ToHost::kReachPorts, kRead, kYes,
     Answered<DoReachPorts, &ToHost::reach_ports, &FromHost::mutable_reach_ports>},
    {ToHost::kQueryReleases, kRead, kYes,
     Answered<DoQueryReleases, &ToHost::query_releases, &FromHost::mutable_query_releases>},
    {ToHost::kQueryPlacements, kRead, kYes,
     Answered<DoQueryPlacements, &ToHost::query_placements, &FromHost::mutable_query_placements>},
    {ToHost::kQueryUnits, kRead, kYes,
     Answered<DoQueryUnits, &ToHost::query_units, &FromHost::mutable_unit_states>},
    {ToHost::kReadLogs, kRead, kYes,
     Answered<DoReadLogs, &ToHost::read_logs, &FromHost::mutable_log_text>},
    {ToHost::kMarkLogs, kRead, kYes,
     Answered<DoMarkLogs, &ToHost::mark_logs, &FromHost::mutable_log_marks>},
    {ToHost::kReadNewLogs, kRead, kYes,
     Answered<DoReadNewLogs, &ToHost::read_new_logs, &FromHost::mutable_new_logs>},
    {ToHost::kGetSpace, kRead, kYes,
     Answered<DoGetSpace, &ToHost::get_space, &FromHost::mutable_space>},
    {ToHost::kReadFiles, kRead, kYes,
     Answered<DoReadFiles, &ToHost::read_files, &FromHost::mutable_read_files>},
    {ToHost::kSurvey, kRead, kYes, Answered<DoSurvey, &ToHost::survey, &FromHost::mutable_survey>},
    {ToHost::kReadSettings, kRead, kYes,
     Answered<DoReadSettings, &ToHost::read_settings, &FromHost::mutable_read_settings>},
    {ToHost::kStreamLogs, kRead, kNo, Done<DoStreamLogs, &ToHost::stream_logs>},
    {ToHost::kRunProgram, kByHand, kNo,
     Answered<DoRunProgram, &ToHost::run_program, &FromHost::mutable_program_ended>},
    {ToHost::kFetchFile, kByHand, kNo, Done<DoFetchFile, &ToHost::fetch_file>},
    {ToHost::kStoreFile, kByHand, kNo, Done<DoStoreFile, &ToHost::store_file>},
    // Its parts are asked one by one whether they change anything.
    {ToHost::kBatch, kRead, kNo, DoBatch},
    {ToHost::kEnsureAccount, kChange, kYes,
     Answered<DoEnsureAccount, &ToHost::ensure_account, &FromHost::mutable_ensure_account>},
    {ToHost::kMakeDirs, kChange, kYes, Done<DoMakeDirs, &ToHost::make_dirs>},
    {ToHost::kReceiveRelease, kChange, kNo, Receive},
    {ToHost::kPlaceReleases, kChange, kYes, Done<DoPlaceReleases, &ToHost::place_releases>},
    {ToHost::kWriteFiles, kChange, kYes, Done<DoWriteFiles, &ToHost::write_files>},
    {ToHost::kCheckFile, kChange, kYes, Done<DoCheckFile, &ToHost::check_file>},
    {ToHost::kInstallUnits, kChange, kYes, Done<DoInstallUnits, &ToHost::install_units>},
    {ToHost::kEnableUnits, kChange, kYes, Done<DoEnableUnits, &ToHost::enable_units>},
    {ToHost::kControlUnits, kChange, kYes, Done<DoControlUnits, &ToHost::control_units>},
    {ToHost::kWriteSettings, kChange, kYes, Done<DoWriteSettings, &ToHost::write_settings>},
    {ToHost::kSetAside, kChange, kYes, Done<DoSetAside, &ToHost::set_aside>},
    {ToHost::kPutBack, kChange, kYes, Done<DoPutBack, &ToHost::put_back>},
    {ToHost::kSetDataAside, kChange, kYes,
     Answered<DoSetDataAside, &ToHost::set_data_aside, &FromHost::mutable_clear_dirs>},
    {ToHost::kRemovePaths, kChange, kYes,
     Answered<DoRemovePaths, &ToHost::remove_paths, &FromHost::mutable_remove_paths>},
    {ToHost::kClearDirs, kChange, kYes,
     Answered<DoClearDirs, &ToHost::clear_dirs, &FromHost::mutable_clear_dirs>},
    {ToHost::kDropOldKeys, kChange, kYes, Done<DoDropOldKeys, &ToHost::drop_old_keys>},
    {ToHost::kDropReleases, kChange, kYes, Done<DoDropReleases, &ToHost::drop_releases>},
    {ToHost::kHandOver, kChange, kYes, Done<DoHandOver, &ToHost::hand_over>},
    {ToHost::kLeaveCluster, kChange, kYes,
     Answered<DoLeaveCluster, &ToHost::leave_cluster, &FromHost::mutable_leave_cluster>},
};

const Action& Find(ToHost::BodyCase body) {
  const auto* found = std::find_if(std::begin(kActions), std::end(kActions),
                                   [body](const Action& action) { return action.body == body; });
  if (found == std::end(kActions)) throw BadRequest("not a request");
  return *found;
}

void CheckAllowed(const Session& session, Access access) {
  if (access == Access::kBegin) {
    if (session.begin.has_value()) throw BadRequest("the far end has begun already");
    return;
  }
  if (!session.begin.has_value()) throw BadRequest("the first request must be Begin");
  if (session.begin->mode() != hv1::Begin::MODE_CHANGE && access == Access::kChange) {
    throw BadRequest("a reading far end changes nothing");
  }
  if (session.begin->mode() != hv1::Begin::MODE_BY_HAND && access == Access::kByHand) {
    throw BadRequest("this is for a far end that does what is asked for by hand");
  }
}

FromHost Act(Context& context, const Action& action, const ToHost& request) {
  CheckAllowed(context.session, action.access);
  FromHost reply;
  action.run(context, request, &reply);
  reply.set_id(request.id());
  return reply;
}

void DoBatch(Context& context, const ToHost& request, FromHost* reply) {
  auto* replies = reply->mutable_batch()->mutable_replies();
  for (const auto& part : request.batch().requests()) {
    context.call.CheckCancelled();
    const Action& action = Find(part.body_case());
    if (action.in_batch == InBatch::kNo) {
      throw BadRequest("this request cannot be a part of a batch");
    }
    *replies->Add() = Act(context, action, part);
  }
}

}  // namespace

FromHost Answer(Context& context, const ToHost& request) {
  FromHost reply;
  try {
    return Act(context, Find(request.body_case()), request);
  } catch (const Failed& failed) {
    *reply.mutable_failure() = failed.message();
  } catch (const std::exception& e) {
    *reply.mutable_failure() = Failed(hv1::Failure::KIND_SYSTEM, e.what()).message();
  }
  reply.set_id(request.id());
  return reply;
}

}  // namespace dmgr::far
