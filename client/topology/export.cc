#include <yaml-cpp/yaml.h>

#include <map>
#include <string_view>

#include "client/topology/keys.h"
#include "client/topology/topology.h"
#include "common/numbers.h"

namespace dmgr::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;
using google::protobuf::Value;

void Write(const Message& message, YAML::Emitter* out);
void Write(const Struct& tree, bool as_written, YAML::Emitter* out);

// In quotes, unless it can be nothing but a word.
void WriteText(const std::string& text, YAML::Emitter* out) {
  const bool is_word = !text.empty() && text.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789._/-") == std::string::npos;
  if (is_word) {
    *out << text;
  } else {
    *out << YAML::DoubleQuoted << text;
  }
}

// as_written: its reader keeps numbers as they are written.
void Write(const Value& value, bool as_written, YAML::Emitter* out) {
  switch (value.kind_case()) {
    case Value::kNumberValue:
      *out << NumberText(value.number_value());
      return;
    case Value::kStringValue:
      if (as_written && IsOddNumber(value.string_value())) {
        *out << value.string_value();
      } else {
        // A word here could be read as a number or as true.
        *out << YAML::DoubleQuoted << value.string_value();
      }
      return;
    case Value::kBoolValue:
      *out << value.bool_value();
      return;
    case Value::kStructValue:
      return Write(value.struct_value(), as_written, out);
    case Value::kListValue:
      *out << YAML::BeginSeq;
      for (const Value& element : value.list_value().values()) Write(element, as_written, out);
      *out << YAML::EndSeq;
      return;
    default:
      *out << YAML::Null;
  }
}

void Write(const Struct& tree, bool as_written, YAML::Emitter* out) {
  *out << YAML::BeginMap;
  // A protobuf map has no order of its own.
  const std::map<std::string, Value> sorted(tree.fields().begin(), tree.fields().end());
  for (const auto& [key, value] : sorted) {
    *out << YAML::Key << key << YAML::Value;
    Write(value, as_written, out);
  }
  *out << YAML::EndMap;
}

void WriteMessage(const Message& message, bool as_written, YAML::Emitter* out) {
  if (message.GetDescriptor() == Struct::descriptor()) {
    return Write(static_cast<const Struct&>(message), as_written, out);
  }
  *out << YAML::BeginMap;
  Write(message, out);
  *out << YAML::EndMap;
}

void WriteField(const Message& message, const FieldDescriptor& field, int index,
                YAML::Emitter* out) {
  const Reflection& reflection = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return WriteMessage(repeated ? reflection.GetRepeatedMessage(message, &field, index)
                                   : reflection.GetMessage(message, &field),
                          !IsDmConfig(field), out);
    case FieldDescriptor::CPPTYPE_STRING:
      return WriteText(repeated ? reflection.GetRepeatedString(message, &field, index)
                                : reflection.GetString(message, &field),
                       out);
    case FieldDescriptor::CPPTYPE_BOOL:
      *out << reflection.GetBool(message, &field);
      return;
    default:
      *out << reflection.GetUInt32(message, &field);
  }
}

// The entries of a message, those of its placement among them.
void Write(const Message& message, YAML::Emitter* out) {
  const Reflection& reflection = *message.GetReflection();
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const auto* type = field.message_type();
    if (type != nullptr && type->name() == "LocalFile") continue;
    const int size = field.is_repeated() ? reflection.FieldSize(message, &field) : 0;
    if (field.is_repeated() ? size == 0 : !reflection.HasField(message, &field)) continue;
    if (type != nullptr && type->name() == "Placement") {
      Write(reflection.GetMessage(message, &field), out);
      continue;
    }
    *out << YAML::Key << field.name() << YAML::Value;
    if (!field.is_repeated()) {
      WriteField(message, field, 0, out);
      continue;
    }
    *out << YAML::BeginSeq;
    for (int k = 0; k < size; ++k) WriteField(message, field, k, out);
    *out << YAML::EndSeq;
  }
}

}  // namespace

std::string TopologyText(const v1::Topology& topology) {
  YAML::Emitter out;
  out.SetIndent(2);
  out << YAML::BeginMap;
  Write(topology, &out);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace dmgr::client
