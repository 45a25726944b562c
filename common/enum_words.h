// Values of the API's enums as the words that people type and read.
#ifndef DMGR_COMMON_ENUM_WORDS_H_
#define DMGR_COMMON_ENUM_WORDS_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <string>
#include <string_view>

namespace dmgr {

// "dm-master" of COMPONENT_DM_MASTER; empty for the zero value, and for one that is none.
std::string EnumWord(const google::protobuf::EnumDescriptor* descriptor, int value);
// The value with that word; 0 when there is none.
int EnumOfWord(const google::protobuf::EnumDescriptor* descriptor, std::string_view word);

template <typename E>
std::string ToWord(E value) {
  return EnumWord(google::protobuf::GetEnumDescriptor<E>(), static_cast<int>(value));
}
template <typename E>
E FromWord(std::string_view word) {
  return static_cast<E>(EnumOfWord(google::protobuf::GetEnumDescriptor<E>(), word));
}

}  // namespace dmgr

#endif  // DMGR_COMMON_ENUM_WORDS_H_
