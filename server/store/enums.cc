#include "server/store/enums.h"

#include <google/protobuf/descriptor.h>

#include <cctype>

namespace dmgr::store {
namespace {

// "OPERATION_STATE_" of OPERATION_STATE_UNSPECIFIED, the zero value of every enum.
std::string Prefix(const google::protobuf::EnumDescriptor* descriptor) {
  const std::string& zero = descriptor->FindValueByNumber(0)->name();
  return zero.substr(0, zero.size() - std::string_view("UNSPECIFIED").size());
}

// "Offline" of "OFFLINE", and back.
std::string Capitalized(std::string text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    text[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
  }
  return text;
}
std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

}  // namespace

std::string EnumText(const google::protobuf::EnumDescriptor* descriptor, int value) {
  const auto* found = descriptor->FindValueByNumber(value);
  // The schema's CHECK refuses it.
  if (found == nullptr) return "?";
  return found->name().substr(Prefix(descriptor).size());
}

int ParseEnumText(const google::protobuf::EnumDescriptor* descriptor, std::string_view text) {
  const auto* found = descriptor->FindValueByName(Prefix(descriptor) + std::string(text));
  return found == nullptr ? 0 : found->number();
}

template <>
std::string ToText(v1::ClusterState value) {
  return Capitalized(EnumText(v1::ClusterState_descriptor(), value));
}
template <>
v1::ClusterState FromText(std::string_view text) {
  return static_cast<v1::ClusterState>(ParseEnumText(v1::ClusterState_descriptor(), Upper(text)));
}

}  // namespace dmgr::store
