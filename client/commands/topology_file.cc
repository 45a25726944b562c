#include "client/commands/topology_file.h"

#include "client/commands/command.h"
#include "client/topology/topology.h"
#include "common/error.h"

namespace dmgr::client {

absl::StatusOr<TopologyFile> TopologyFile::Read(const std::string& path, v1::Topology* topology) {
  TopologyFile file;
  file.path = path;
  ASSIGN_OR_RETURN(file.text, ReadInput(path));
  ASSIGN_OR_RETURN(*topology, ParseTopology(file.text, path));
  RETURN_IF_ERROR(AttachFiles(file.text, path, topology));
  return file;
}

absl::Status TopologyFile::WithLines(const absl::Status& status) const {
  const auto violations = FieldViolations(status);
  if (violations.field_violations_size() == 0) return status;
  const auto& first = violations.field_violations(0);
  const int first_line = LineOf(text, first.field());
  const auto with_next = [&](Error error) {
    for (const auto& next : NextActionsOf(status)) error.Next(next);
    return error;
  };
  if (violations.field_violations_size() == 1 && first_line > 0) {
    return with_next(Error(status.code(), Reason(status), "{}:{}: {}: {}", path, first_line,
                           KeyOf(first.field()), first.description()));
  }
  Error error(status.code(), Reason(status), "{}", Message(status));
  for (const auto& violation : violations.field_violations()) {
    const int line = LineOf(text, violation.field());
    error.Field(line > 0 ? fmt::format("{}:{}: {}", path, line, KeyOf(violation.field()))
                         : violation.field(),
                violation.description());
  }
  return with_next(error);
}

}  // namespace dmgr::client
