#include "common/error.h"

#include "absl/strings/cord.h"

namespace dmgr {
namespace {

constexpr std::string_view kTypePrefix = "type.googleapis.com/";

template <typename M>
std::string TypeUrl() {
  return std::string(kTypePrefix) + M::descriptor()->full_name();
}

template <typename M>
void Attach(absl::Status& status, const M& message) {
  status.SetPayload(ToAbsl(TypeUrl<M>()), absl::Cord(message.SerializeAsString()));
}

template <typename M>
bool Extract(const absl::Status& status, M* message) {
  auto payload = status.GetPayload(ToAbsl(TypeUrl<M>()));
  return payload.has_value() && message->ParseFromString(std::string(*payload));
}

}  // namespace

v1::NextAction MakeNextAction(v1::Action action, std::initializer_list<Argument> arguments) {
  v1::NextAction next;
  next.set_action(action);
  for (const auto& [key, value] : arguments) {
    (*next.mutable_arguments())[std::string(key)] = std::string(value);
  }
  return next;
}

Error::Error(absl::StatusCode code, std::string_view reason, Text text)
    : code_(code), message_(std::move(text.value)) {
  info_.set_reason(std::string(reason));
  info_.set_domain("dmgr");
}

Error& Error::With(std::string_view key, std::string_view value) & {
  (*info_.mutable_metadata())[std::string(key)] = std::string(value);
  return *this;
}
Error&& Error::With(std::string_view key, std::string_view value) && {
  return std::move(With(key, value));
}
Error& Error::Remedy(std::string_view text) & { return With("remedy", text); }
Error&& Error::Remedy(std::string_view text) && { return std::move(With("remedy", text)); }

Error& Error::Next(v1::Action action, std::initializer_list<Argument> arguments) & {
  *next_.add_actions() = MakeNextAction(action, arguments);
  return *this;
}
Error&& Error::Next(v1::Action action, std::initializer_list<Argument> arguments) && {
  return std::move(Next(action, arguments));
}

Error& Error::Next(const v1::NextAction& action) & {
  *next_.add_actions() = action;
  return *this;
}

Error&& Error::Next(const v1::NextAction& action) && { return std::move(Next(action)); }

Error& Error::Field(std::string_view field, std::string_view description) & {
  auto* violation = bad_request_.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description));
  return *this;
}
Error&& Error::Field(std::string_view field, std::string_view description) && {
  return std::move(Field(field, description));
}

Error& Error::Precondition(std::string_view type, std::string_view subject,
                           std::string_view description) & {
  auto* violation = precondition_.add_violations();
  violation->set_type(std::string(type));
  violation->set_subject(std::string(subject));
  violation->set_description(std::string(description));
  return *this;
}

Error::operator absl::Status() const {
  absl::Status status(code_, ToAbsl(message_));
  Attach(status, info_);
  if (bad_request_.field_violations_size() > 0) Attach(status, bad_request_);
  if (precondition_.violations_size() > 0) Attach(status, precondition_);
  if (next_.actions_size() > 0) Attach(status, next_);
  return status;
}

std::string Reason(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  return Extract(status, &info) ? info.reason() : std::string();
}

std::string Metadata(const absl::Status& status, std::string_view key) {
  google::rpc::ErrorInfo info;
  if (!Extract(status, &info)) return {};
  auto it = info.metadata().find(std::string(key));
  return it == info.metadata().end() ? std::string() : it->second;
}

std::vector<v1::NextAction> NextActionsOf(const absl::Status& status) {
  v1::NextActions next;
  Extract(status, &next);
  return {next.actions().begin(), next.actions().end()};
}

google::rpc::BadRequest FieldViolations(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  Extract(status, &bad_request);
  return bad_request;
}

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), ToAbsl(fmt::format("{}: {}", context, Message(status))));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

google::rpc::Status ToProto(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(std::string(Message(status)));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    auto* any = proto.add_details();
    any->set_type_url(std::string(url));
    any->set_value(std::string(payload));
  });
  return proto;
}

absl::Status FromProto(const google::rpc::Status& proto) {
  absl::Status status(static_cast<absl::StatusCode>(proto.code()), ToAbsl(proto.message()));
  for (const auto& any : proto.details()) {
    status.SetPayload(ToAbsl(any.type_url()), absl::Cord(ToAbsl(any.value())));
  }
  return status;
}

}  // namespace dmgr
