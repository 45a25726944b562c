// Which operation a command is about: by its id, the beginning of it, or as the newest one.
#ifndef DMGR_CLIENT_COMMANDS_OPERATION_CHOICE_H_
#define DMGR_CLIENT_COMMANDS_OPERATION_CHOICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/environment.h"
#include "client/syntax.h"

namespace dmgr::client {

struct OperationChoice {
  std::string id;
  bool last = false;
};

// Declares OPERATION and --last, and returns the first. The choice must live as the command does.
Option DeclareOperation(const Syntax& syntax, OperationChoice* choice);

// The operation's whole id: the words name it by its beginning, or with --last a cluster, or
// nothing. NOT_FOUND; INVALID_ARGUMENT when several begin so, with all of them.
absl::StatusOr<std::string> OperationOf(Environment& environment, const OperationChoice& choice);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_OPERATION_CHOICE_H_
