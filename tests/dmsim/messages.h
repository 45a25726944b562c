// dm-master's messages as JSON, by the names of proto/dm/master.proto; enums are numbers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace dmsim {

// `method`: "QueryStatus". The others are for methods that there are.
bool HasMethod(const std::string& method);
// False when the bytes are no such message.
bool DecodeRequest(const std::string& method, const std::string& bytes, nlohmann::json* request);
bool DecodeResponse(const std::string& method, const std::string& bytes, nlohmann::json* response);
// Throw std::runtime_error when the JSON does not fit.
std::string EncodeRequest(const std::string& method, const nlohmann::json& request);
std::string EncodeResponse(const std::string& method, const nlohmann::json& response);

}  // namespace dmsim
