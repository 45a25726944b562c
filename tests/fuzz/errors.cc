// Errors as they come over the wire and out of the database, and what a person sees of them.
#include <set>

#include "client/output/next_actions.h"
#include "common/error.h"
#include "common/short_status.h"
#include "common/utf8.h"
#include "google/rpc/status.pb.h"
#include "server/rpc/hidden_names.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {

void FuzzErrors(std::string_view input) {
  const std::size_t most = 64 + 16 * TakeByte(&input);
  google::rpc::Status proto;
  if (!proto.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  const absl::Status status = FromProto(proto);
  const absl::Status again = FromProto(ToProto(status));
  Must(again.code() == status.code() && Message(again) == Message(status) &&
           Reason(again) == Reason(status),
       "an error changes on its way");
  if (status.ok()) return;
  const absl::Status brief = ShortStatus(status, most, 4 * most);
  Must(brief.code() == status.code(), "a short error has another code");
  Must(Message(brief).size() <= most, "a short error is too long");
  FieldViolations(status);
  for (const auto& action : NextActionsOf(status)) {
    const std::string command = client::CommandOf(action);
    Must(command.empty() || command.starts_with("dmgrctl "), "a command is none of ours");
    Must(command.find('\n') == std::string::npos, "a command has two lines");
  }
  client::NextText(Metadata(status, "remedy"), NextActionsOf(status));
  const absl::Status hidden = rpc::WithoutNames({"c1", "prod"}, Annotate(status, "cluster c1"));
  Must(hidden.code() == status.code(), "an error without names has another code");
  Must(Message(hidden).substr(0, 15) == "another cluster", "a name is told");
}

}  // namespace dmgr::fuzz
