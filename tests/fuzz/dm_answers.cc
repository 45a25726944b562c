// What answers where a DM process should be.
#include "common/error.h"
#include "server/dm/answers.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

// DM's words in an error are few, and no terminal obeys them.
void CheckRefusal(const absl::Status& status) {
  Must(Message(status).size() < 1000, "an error repeats all that was answered");
  Must(IsPlainText(Message(status)), "an error is no plain text");
}

}  // namespace

void FuzzDmAnswers(std::string_view input) {
  static constexpr int kStatuses[] = {200, 201, 204, 400, 404, 500, 503, 504};
  const int status = kStatuses[TakeByte(&input) % std::size(kStatuses)];
  const dm::HttpReply reply{status, std::string(input)};
  if (const auto members = dm::ReadMembers(reply); members.ok()) {
    for (const auto& master : members->masters) {
      Must(members->FindMaster(master.name) != nullptr, "a master is not found");
    }
    for (const auto& worker : members->workers) {
      Must(members->FindWorker(worker.name) != nullptr, "a worker is not found");
    }
  } else {
    Must(absl::IsUnavailable(members.status()), "no member list, and no reason to try again");
    CheckRefusal(members.status());
  }
  for (const absl::Status& result : {dm::ReadResult(reply), dm::ReadOpenApi(reply)}) {
    Must(result.ok() || !Reason(result).empty(), "an error without a reason");
    CheckRefusal(result);
  }
  (void)dm::ReadReleaseVersion(reply);
  (void)dm::ReadStartTime(reply);
}

}  // namespace dmgr::fuzz
