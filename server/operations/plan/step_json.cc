#include "server/operations/plan/step_json.h"

#include <google/protobuf/util/json_util.h>

#include "common/error.h"

namespace dmgr::operations {

std::string StepJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  // Fails only for an Any, which no message of a step has.
  google::protobuf::util::MessageToJsonString(message, &json, options);
  return json;
}

absl::Status ReadStep(const std::string& json, google::protobuf::Message* message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  message->Clear();
  const auto status = google::protobuf::util::JsonStringToMessage(json, message, options);
  if (status.ok()) return absl::OkStatus();
  return Error(absl::StatusCode::kInternal, "STEP_UNREADABLE",
               "the stored {} of a step cannot be read: {}", message->GetDescriptor()->name(),
               std::string(status.message()))
      .With("message", message->GetTypeName())
      .Remedy("abandon the operation and begin it anew; report this as a bug of dmgr");
}

}  // namespace dmgr::operations
