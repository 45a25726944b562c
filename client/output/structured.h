// Results for programs: JSON, and YAML with the same content.
#ifndef DMGR_CLIENT_OUTPUT_STRUCTURED_H_
#define DMGR_CLIENT_OUTPUT_STRUCTURED_H_

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dmgr::client {

using Json = nlohmann::ordered_json;

// The protobuf JSON of a response: original field names, default values printed. 64-bit integers
// are strings, as protobuf's JSON mapping has it.
std::string ToJson(const google::protobuf::Message& message);
// The same on one line, default values left out.
std::string ToJsonLine(const google::protobuf::Message& message);

// A YAML document. Strings that a YAML reader could take for something else are quoted.
std::string ToYaml(const Json& value);
std::string ToYaml(const google::protobuf::Message& message);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_OUTPUT_STRUCTURED_H_
