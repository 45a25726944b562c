#include "client/output/structured.h"

#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"

namespace dmgr::client {
namespace {

// Words that YAML 1.1 or 1.2 reads as something else than a string; nothing else that begins with a
// letter is.
bool IsPlain(const std::string& text) {
  static constexpr std::array<std::string_view, 9> kWords = {"y",   "n",    "yes",   "no",  "on",
                                                             "off", "true", "false", "null"};
  const bool is_safe =
      !text.empty() && absl::ascii_isalpha(text.front()) &&
      std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '/' || c == '-';
      });
  return is_safe &&
         std::find(kWords.begin(), kWords.end(), absl::AsciiStrToLower(text)) == kWords.end();
}

void EmitText(YAML::Emitter* out, const std::string& text) {
  if (!IsPlain(text)) *out << YAML::DoubleQuoted;
  *out << text;
}

void Emit(YAML::Emitter* out, const Json& value) {
  if (value.is_object() && !value.empty()) {
    *out << YAML::BeginMap;
    for (const auto& [key, item] : value.items()) {
      *out << YAML::Key;
      EmitText(out, key);
      *out << YAML::Value;
      Emit(out, item);
    }
    *out << YAML::EndMap;
  } else if (value.is_array() && !value.empty()) {
    *out << YAML::BeginSeq;
    for (const auto& item : value) Emit(out, item);
    *out << YAML::EndSeq;
  } else if (value.is_structured()) {
    *out << YAML::Flow;
    value.is_object() ? *out << YAML::BeginMap << YAML::EndMap
                      : *out << YAML::BeginSeq << YAML::EndSeq;
  } else if (value.is_string()) {
    EmitText(out, value.get<std::string>());
  } else {
    // Numbers, booleans and null are written as in JSON.
    *out << value.dump();
  }
}

std::string Print(const google::protobuf::Message& message,
                  const google::protobuf::util::JsonPrintOptions& options) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : std::string("{}\n");
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  return Print(message, options);
}

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  return Print(message, options);
}

std::string ToYaml(const Json& value) {
  YAML::Emitter out;
  Emit(&out, value);
  return std::string(out.c_str()) + "\n";
}

std::string ToYaml(const google::protobuf::Message& message) {
  return ToYaml(Json::parse(ToJson(message)));
}

}  // namespace dmgr::client
