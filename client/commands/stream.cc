#include "client/commands/stream.h"

#include <nlohmann/json.hpp>

#include "common/error.h"

namespace dmgr::client {

void DeclareWhere(const Syntax& syntax, WhereOptions* options) {
  DeclareSelection(syntax, &options->selection);
  syntax.Add("--host", &options->hosts, "only on these hosts, by address or machine").List();
}

v1::HostSelection WhereOf(const WhereOptions& options) {
  v1::HostSelection where;
  Select(options.selection, where.mutable_selection());
  for (const auto& host : options.hosts) where.add_hosts(host);
  return where;
}

void Problems::Tell(const std::string& host, const google::rpc::Status& error) {
  none_ = false;
  const absl::Status status = FromProto(error);
  if (environment_.structured()) {
    environment_.PrintEvent(
        Json{{"host", host}, {"error", std::string(Message(status))}, {"reason", Reason(status)}});
  }
  PrintError(environment_.terminal, status);
}

}  // namespace dmgr::client
