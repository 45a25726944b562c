// Table "warehouse".
#ifndef DMGR_SERVER_STORE_PACKAGE_STORE_H_
#define DMGR_SERVER_STORE_PACKAGE_STORE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

// ALREADY_EXISTS when the version is there.
absl::Status InsertPackage(Transaction& tx, const v1::Package& package);
// What its file became this time, in place of what is on record of the same file; it must be there.
absl::Status UpdatePackage(Transaction& tx, const v1::Package& package);
absl::StatusOr<v1::Package> GetPackage(Transaction& tx, const std::string& version);
// By version, after `after_version`, at most limit.
absl::StatusOr<std::vector<v1::Package>> ListPackages(Transaction& tx,
                                                      const std::string& after_version, int limit);
// Nobody deletes it until the transaction ends.
absl::Status KeepPackage(Transaction& tx, const std::string& version);
// FAILED_PRECONDITION naming the clusters that use it, or are on their way from it or to it.
absl::Status DeletePackage(Transaction& tx, const std::string& version);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_PACKAGE_STORE_H_
