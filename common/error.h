// Errors that say what to do next. Across rooms dmgr uses absl::Status; what a program needs to
// react to an error travels in its payloads as google.rpc messages, which server/rpc puts on the
// wire unchanged and the client prints.
#ifndef DMGR_COMMON_ERROR_H_
#define DMGR_COMMON_ERROR_H_

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dmgr/v1/next_action.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace dmgr {

// Debian's abseil has a string_view of its own, which converts to and from neither the standard
// one; these two are the only bridge.
inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view FromAbsl(absl::string_view s) { return {s.data(), s.size()}; }

// The message of a status.
inline std::string_view Message(const absl::Status& status) { return FromAbsl(status.message()); }

// A value of NextAction.arguments under its key.
using Argument = std::pair<std::string_view, std::string_view>;
// A call that helps, such as MakeNextAction(v1::ACTION_RESUME_OPERATION, {{"operation_id", id}}).
v1::NextAction MakeNextAction(v1::Action action, std::initializer_list<Argument> arguments = {});

// Builds a status with an ErrorInfo and, when there are violations or calls that help, a
// BadRequest, a PreconditionFailure, NextActions. Example:
//   return Error(absl::StatusCode::kNotFound, "PACKAGE_NOT_FOUND", "no package {}", version)
//       .With("version", version)
//       .Remedy("upload it")
//       .Next(v1::ACTION_UPLOAD_PACKAGE, {{"version", version}});
class Error {
 public:
  // reason: UPPER_SNAKE_CASE, at most 63 characters. The rest formats the message, which has no
  // period at its end and names the thing and the host.
  template <typename... Args>
  Error(absl::StatusCode code, std::string_view reason, fmt::format_string<Args...> format,
        Args&&... args)
      : Error(code, reason, Text{fmt::format(format, std::forward<Args>(args)...)}) {}

  // Puts a dynamic value of the message where programs find it.
  Error& With(std::string_view key, std::string_view value) &;
  Error&& With(std::string_view key, std::string_view value) &&;
  // What the operator should do next, in words that hold for every client.
  Error& Remedy(std::string_view text) &;
  Error&& Remedy(std::string_view text) &&;
  // A call of the API that helps. The words of Remedy() do not say how a client makes it; several
  // are alternatives, the most useful one first.
  Error& Next(v1::Action action, std::initializer_list<Argument> arguments = {}) &;
  Error&& Next(v1::Action action, std::initializer_list<Argument> arguments = {}) &&;
  Error& Next(const v1::NextAction& action) &;
  Error&& Next(const v1::NextAction& action) &&;
  // A wrong field of the request; field is its path, such as "topology.master_servers[1].port".
  Error& Field(std::string_view field, std::string_view description) &;
  Error&& Field(std::string_view field, std::string_view description) &&;
  // A violated precondition.
  Error& Precondition(std::string_view type, std::string_view subject,
                      std::string_view description) &;

  operator absl::Status() const;  // NOLINT(google-explicit-constructor): as absl's own builders.
  template <typename T>
  operator absl::StatusOr<T>() const {  // NOLINT(google-explicit-constructor)
    return static_cast<absl::Status>(*this);
  }

 private:
  struct Text {
    std::string value;
  };
  Error(absl::StatusCode code, std::string_view reason, Text text);

  absl::StatusCode code_;
  std::string message_;
  google::rpc::ErrorInfo info_;
  google::rpc::BadRequest bad_request_;
  google::rpc::PreconditionFailure precondition_;
  v1::NextActions next_;
};

// The reason of a status made by Error; empty when it has none.
std::string Reason(const absl::Status& status);
// A value of its metadata ("remedy", "host", ...); empty when it has none.
std::string Metadata(const absl::Status& status, std::string_view key);
// The calls that help; empty when it has none.
std::vector<v1::NextAction> NextActionsOf(const absl::Status& status);
// The violated fields; empty when it has none.
google::rpc::BadRequest FieldViolations(const absl::Status& status);
// The same status with "context: " before its message; payloads stay.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// To and from the wire and the store. An OK status has code 0.
google::rpc::Status ToProto(const absl::Status& status);
absl::Status FromProto(const google::rpc::Status& proto);

}  // namespace dmgr

#define DMGR_CONCAT_INNER(a, b) a##b
#define DMGR_CONCAT(a, b) DMGR_CONCAT_INNER(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are names and declarations.

// Returns the status from the enclosing function unless it is OK. The counter keeps names apart
// when a lambda in the expression uses these macros too.
#define RETURN_IF_ERROR(expression) \
  RETURN_IF_ERROR_IMPL(DMGR_CONCAT(dmgr_status_, __COUNTER__), expression)
#define RETURN_IF_ERROR_IMPL(status, expression)                         \
  do {                                                                   \
    if (absl::Status status = (expression); !status.ok()) return status; \
  } while (false)

// Declares or assigns lhs from a StatusOr, or returns its status.
#define ASSIGN_OR_RETURN(lhs, expression) \
  ASSIGN_OR_RETURN_IMPL(DMGR_CONCAT(dmgr_result_, __COUNTER__), lhs, expression)
#define ASSIGN_OR_RETURN_IMPL(result, lhs, expression) \
  auto result = (expression);                          \
  if (!result.ok()) return result.status();            \
  lhs = std::move(result).value()

// NOLINTEND(bugprone-macro-parentheses)

#endif  // DMGR_COMMON_ERROR_H_
