#include "messages.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <stdexcept>

#include "dm/master.pb.h"

namespace dmsim {
namespace {

namespace pb = google::protobuf;

// The messages of the wire, with texts where dmgr has bytes: the stand-in's own texts are UTF-8,
// and JSON would have bytes in base64.
const pb::FileDescriptor* Words() {
  static pb::DescriptorPool pool;
  static const pb::FileDescriptor* const words = [] {
    pb::FileDescriptorProto file;
    ::pb::StartTaskRequest::descriptor()->file()->CopyTo(&file);
    for (auto& message : *file.mutable_message_type()) {
      for (auto& field : *message.mutable_field()) {
        if (field.type() == pb::FieldDescriptorProto::TYPE_BYTES) {
          field.set_type(pb::FieldDescriptorProto::TYPE_STRING);
        }
      }
    }
    return pool.BuildFile(file);
  }();
  return words;
}

const pb::MethodDescriptor* FindMethod(const std::string& method) {
  const pb::ServiceDescriptor* service = Words()->FindServiceByName("Master");
  return service == nullptr ? nullptr : service->FindMethodByName(method);
}

std::unique_ptr<pb::Message> NewMessage(const pb::Descriptor* descriptor) {
  static pb::DynamicMessageFactory factory;
  return std::unique_ptr<pb::Message>(factory.GetPrototype(descriptor)->New());
}

bool ToJson(const pb::Descriptor* descriptor, const std::string& bytes, nlohmann::json* value) {
  const auto message = NewMessage(descriptor);
  if (!message->ParseFromString(bytes)) return false;
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.always_print_enums_as_ints = true;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!pb::util::MessageToJsonString(*message, &text, options).ok()) return false;
  *value = nlohmann::json::parse(text);
  return true;
}

std::string ToBytes(const pb::Descriptor* descriptor, const nlohmann::json& value) {
  const auto message = NewMessage(descriptor);
  const auto status = pb::util::JsonStringToMessage(value.dump(), message.get());
  if (!status.ok()) throw std::runtime_error(descriptor->name() + ": " + status.ToString());
  return message->SerializeAsString();
}

}  // namespace

bool HasMethod(const std::string& method) { return FindMethod(method) != nullptr; }

bool DecodeRequest(const std::string& method, const std::string& bytes, nlohmann::json* request) {
  return ToJson(FindMethod(method)->input_type(), bytes, request);
}

bool DecodeResponse(const std::string& method, const std::string& bytes, nlohmann::json* response) {
  return ToJson(FindMethod(method)->output_type(), bytes, response);
}

std::string EncodeRequest(const std::string& method, const nlohmann::json& request) {
  return ToBytes(FindMethod(method)->input_type(), request);
}

std::string EncodeResponse(const std::string& method, const nlohmann::json& response) {
  return ToBytes(FindMethod(method)->output_type(), response);
}

}  // namespace dmsim
