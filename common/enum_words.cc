#include "common/enum_words.h"

#include <algorithm>
#include <cctype>

namespace dmgr {
namespace {

// "COMPONENT_" of COMPONENT_UNSPECIFIED, the zero value of every enum of the API.
std::string_view PrefixOf(const google::protobuf::EnumDescriptor* descriptor) {
  const std::string_view zero = descriptor->FindValueByNumber(0)->name();
  return zero.substr(0, zero.size() - std::string_view("UNSPECIFIED").size());
}

}  // namespace

std::string EnumWord(const google::protobuf::EnumDescriptor* descriptor, int value) {
  const auto* found = value == 0 ? nullptr : descriptor->FindValueByNumber(value);
  if (found == nullptr) return {};
  std::string word = found->name().substr(PrefixOf(descriptor).size());
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) {
    return c == '_' ? '-' : static_cast<char>(std::tolower(c));
  });
  return word;
}

int EnumOfWord(const google::protobuf::EnumDescriptor* descriptor, std::string_view word) {
  for (int i = 0; i < descriptor->value_count(); ++i) {
    const int value = descriptor->value(i)->number();
    if (value != 0 && EnumWord(descriptor, value) == word) return value;
  }
  return 0;
}

}  // namespace dmgr
