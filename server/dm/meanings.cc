#include "server/dm/meanings.h"

namespace dmgr::dm {
namespace {

using absl::StatusCode;

constexpr std::string_view kLaterAgain = "try again in some seconds";

constexpr Meaning kSourceExists = {StatusCode::kAlreadyExists, "DM_SOURCE_EXISTS",
                                   "take another name, or change the source that there is"};
constexpr Meaning kSourceMissing = {StatusCode::kNotFound, "DM_SOURCE_MISSING",
                                    "create the source first, or see whether its name is right"};
constexpr Meaning kSourceInUse = {StatusCode::kFailedPrecondition, "DM_SOURCE_IN_USE",
                                  "delete its tasks and stop its relay first"};
constexpr Meaning kSourceUnbound = {StatusCode::kFailedPrecondition, "DM_SOURCE_UNBOUND",
                                    "see that there is a dm-worker that is free for each source"};
constexpr Meaning kTaskExists = {StatusCode::kAlreadyExists, "DM_TASK_EXISTS",
                                 "take another name, or delete the task that there is"};
constexpr Meaning kTaskMissing = {StatusCode::kNotFound, "DM_TASK_MISSING",
                                  "see whether its name is right, and whether it was started"};
constexpr Meaning kWorkerMissing = {StatusCode::kNotFound, "DM_WORKER_MISSING",
                                    "see in the cluster's status which dm-workers there are"};
constexpr Meaning kWorkerBusy = {StatusCode::kFailedPrecondition, "DM_WORKER_BUSY",
                                 "take a dm-worker that is free, or add one"};
constexpr Meaning kWorkerUnreachable = {StatusCode::kUnavailable, "DM_WORKER_UNREACHABLE",
                                        "see that the source's dm-worker runs, then try again"};
constexpr Meaning kDatabase = {
    StatusCode::kFailedPrecondition, "DM_DATABASE_UNREACHABLE",
    "see that the database runs, and that its host and port are right and "
    "reached from the hosts of the dm-masters and dm-workers"};
constexpr Meaning kLogin = {StatusCode::kFailedPrecondition, "DM_DATABASE_LOGIN",
                            "see that user and password are right, and that the database lets this "
                            "user in from the hosts of the dm-masters and dm-workers"};
constexpr Meaning kPrecheck = {StatusCode::kFailedPrecondition, "DM_PRECHECK_FAILED",
                               "check the task, and mend what the check finds"};
constexpr Meaning kConfig = {StatusCode::kInvalidArgument, "DM_CONFIG_INVALID", ""};
constexpr Meaning kLockMissing = {StatusCode::kNotFound, "DM_LOCK_MISSING",
                                  "list the shard locks: it may have been resolved meanwhile"};
constexpr Meaning kBusy = {StatusCode::kUnavailable, "DM_BUSY", kLaterAgain};
constexpr Meaning kNoLeader = {StatusCode::kUnavailable, "DM_NO_LEADER",
                               "start dm-masters until more than half of them run"};
constexpr Meaning kRefused = {StatusCode::kFailedPrecondition, "DM_REFUSED", ""};

struct CodeRange {
  int first;
  int last;
  const Meaning* meaning;
};

// The first range that has a code counts.
constexpr CodeRange kCodes[] = {
    {10001, 10003, &kDatabase},
    {20031, 20031, &kSourceMissing},
    {20001, 20999, &kConfig},
    {26001, 26999, &kPrecheck},
    {38004, 38008, &kWorkerUnreachable},
    {38019, 38019, &kLockMissing},
    {38020, 38020, &kBusy},
    {38043, 38043, &kNoLeader},
    {46001, 46001, &kBusy},
    {46004, 46004, &kWorkerMissing},
    {46006, 46006, &kWorkerBusy},
    {46007, 46007, &kSourceExists},
    {46008, 46008, &kSourceMissing},
    {46009, 46009, &kSourceUnbound},
    {46010, 46010, &kSourceInUse},
    {46012, 46012, &kSourceMissing},
    {46014, 46014, &kTaskExists},
    {46016, 46016, &kTaskMissing},
    {46017, 46017, &kSourceMissing},
    {46018, 46018, &kTaskMissing},
    {46020, 46021, &kWorkerBusy},
    {46023, 46023, &kSourceInUse},
    {46024, 46024, &kBusy},
};

bool Says(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

Meaning MeaningOf(const DmError& error) {
  for (const CodeRange& range : kCodes) {
    if (error.code < range.first || error.code > range.last) continue;
    // Who was reached and says no.
    if (range.meaning == &kDatabase && Says(error.raw_cause, "Access denied")) return kLogin;
    return *range.meaning;
  }
  // What has no code.
  if (error.code == 0 && Says(error.message, "has no source or not exist")) return kTaskMissing;
  return kRefused;
}

}  // namespace dmgr::dm
