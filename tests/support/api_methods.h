// The methods of the API, all of them, by their descriptors.
#ifndef DMGR_TESTS_SUPPORT_API_METHODS_H_
#define DMGR_TESTS_SUPPORT_API_METHODS_H_

#include <google/protobuf/descriptor.h>

#include <vector>

namespace dmgr::testing {

// Of every file in proto/dmgr/v1, by name. Throws when one of them is not compiled in.
std::vector<const google::protobuf::ServiceDescriptor*> ApiServices();
std::vector<const google::protobuf::MethodDescriptor*> ApiMethods();

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_API_METHODS_H_
