// Enums as the readable text that the tables hold.
#ifndef DMGR_SERVER_STORE_ENUMS_H_
#define DMGR_SERVER_STORE_ENUMS_H_

#include <google/protobuf/generated_enum_reflection.h>

#include <string>
#include <string_view>

#include "dmgr/v1/cluster_service.pb.h"

namespace dmgr::store {

// The value's name without its enum's prefix: OPERATION_STATE_RUNNING is "RUNNING".
std::string EnumText(const google::protobuf::EnumDescriptor* descriptor, int value);
// 0, the unspecified value, for a text that this build does not know.
int ParseEnumText(const google::protobuf::EnumDescriptor* descriptor, std::string_view text);

template <typename E>
std::string ToText(E value) {
  return EnumText(google::protobuf::GetEnumDescriptor<E>(), value);
}
template <typename E>
E FromText(std::string_view text) {
  return static_cast<E>(ParseEnumText(google::protobuf::GetEnumDescriptor<E>(), text));
}

// The column cluster_status has words of its own: 'Offline', 'Up', ...
template <>
std::string ToText(v1::ClusterState value);
template <>
v1::ClusterState FromText(std::string_view text);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_ENUMS_H_
