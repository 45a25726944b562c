#ifndef DMGR_TESTS_FUZZ_METHOD_H_
#define DMGR_TESTS_FUZZ_METHOD_H_

#include <google/protobuf/descriptor.h>

#include <string_view>

namespace dmgr::fuzz {

// Takes a method's name, such as "DeployCluster", and the end of its line. Any other line stands
// for some method, so that the fuzzer comes to all of them without knowing their names.
const google::protobuf::MethodDescriptor* TakeMethod(std::string_view* input);

}  // namespace dmgr::fuzz

#endif  // DMGR_TESTS_FUZZ_METHOD_H_
