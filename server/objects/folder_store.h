// A folder that every replica has mounted, such as NFS.
#ifndef DMGR_SERVER_OBJECTS_FOLDER_STORE_H_
#define DMGR_SERVER_OBJECTS_FOLDER_STORE_H_

#include <string>
#include <utility>

#include "server/objects/object_store.h"

namespace dmgr::objects {

// {folder}/{sha256}; a file on its way is {sha256}.{owner}.part. The folder is never made: where it
// is not there, its file system is not mounted.
class FolderStore : public ObjectStore {
 public:
  explicit FolderStore(std::string folder) : folder_(std::move(folder)) {}
  absl::Status Put(const std::string& sha256, const std::string& path,
                   const Putter& putter) override;
  absl::Status Get(const std::string& sha256, const std::string& path, const Alive& alive) override;
  absl::StatusOr<bool> Has(const std::string& sha256, const Alive& alive) override;
  absl::Status Remove(const std::string& sha256, const Alive& alive) override;
  absl::Status RemoveUnfinished(const std::string& sha256, const std::string& owner) override;
  std::string Name() const override { return folder_; }

 private:
  std::string PathOf(const std::string& sha256) const { return folder_ + "/" + sha256; }
  std::string PartOf(const std::string& sha256, const std::string& owner) const {
    return PathOf(sha256) + "." + owner + ".part";
  }
  absl::Status Failed(const std::string& what) const;
  absl::Status RemoveFile(const std::string& path) const;

  const std::string folder_;
};

}  // namespace dmgr::objects

#endif  // DMGR_SERVER_OBJECTS_FOLDER_STORE_H_
