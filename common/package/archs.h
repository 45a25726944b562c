// What a package says of architectures.
#ifndef DMGR_COMMON_PACKAGE_ARCHS_H_
#define DMGR_COMMON_PACKAGE_ARCHS_H_

#include <string>
#include <vector>

#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::package {

// Of a component's programs. One that was uploaded before packages had several says nothing of it.
const std::string& ArchOfPart(const v1::Package& package, const v1::PackageComponent& part);

// All that a package has programs for, its own first: "amd64", "arm64".
std::vector<std::string> ArchsOf(const v1::Package& package);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_ARCHS_H_
