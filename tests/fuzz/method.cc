#include "tests/fuzz/method.h"

#include <map>
#include <string>
#include <vector>

#include "tests/fuzz/targets.h"
#include "tests/support/api_methods.h"

namespace dmgr::fuzz {
namespace {

using google::protobuf::MethodDescriptor;

struct Methods {
  std::vector<const MethodDescriptor*> all = testing::ApiMethods();
  std::map<std::string, const MethodDescriptor*> by_name;

  Methods() {
    for (const auto* method : all) by_name[method->name()] = method;
  }
};

}  // namespace

const MethodDescriptor* TakeMethod(std::string_view* input) {
  static const auto* const kMethods = new Methods;
  const std::string name = TakeUntil(input, '\n');
  const auto found = kMethods->by_name.find(name);
  if (found != kMethods->by_name.end()) return found->second;
  std::size_t sum = 0;
  for (const unsigned char c : name) sum = sum * 31 + c;
  return kMethods->all[sum % kMethods->all.size()];
}

}  // namespace dmgr::fuzz
