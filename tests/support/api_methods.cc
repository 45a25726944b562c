#include "tests/support/api_methods.h"

#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>

namespace dmgr::testing {

std::vector<const google::protobuf::ServiceDescriptor*> ApiServices() {
  const std::string package = "dmgr/v1/";
  std::set<std::string> names;
  for (const auto& file :
       std::filesystem::directory_iterator(DMGR_SOURCE_DIR "/proto/" + package)) {
    if (file.path().extension() == ".proto")
      names.insert(package + file.path().filename().string());
  }
  std::vector<const google::protobuf::ServiceDescriptor*> services;
  for (const std::string& name : names) {
    const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr) throw std::runtime_error(name + " is not compiled in");
    for (int s = 0; s < file->service_count(); ++s) services.push_back(file->service(s));
  }
  return services;
}

std::vector<const google::protobuf::MethodDescriptor*> ApiMethods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const auto* service : ApiServices()) {
    for (int m = 0; m < service->method_count(); ++m) methods.push_back(service->method(m));
  }
  return methods;
}

}  // namespace dmgr::testing
