#include "server/warehouse/warehouse.h"

#include <fmt/format.h>

#include <filesystem>
#include <mutex>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/render/render.h"
#include "server/store/package_store.h"

namespace dmgr::warehouse {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::vector<std::string> CheckPackageTree(const std::string& tree_dir) {
  auto files = render::LoadPackageFiles(tree_dir);
  if (!files.ok()) return {std::string(Message(files.status()))};
  return render::CheckTemplates(*files);
}

absl::StatusOr<v1::Package> LoadPackage(const Resources& resources, const std::string& version) {
  v1::Package package;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(package, store::GetPackage(tx, version));
    return absl::OkStatus();
  }));
  return package;
}

absl::StatusOr<std::unique_ptr<Warehouse::Upload>> Warehouse::Begin(
    const v1::UploadHeader& header) {
  RETURN_IF_ERROR(CheckUploadHeader(header));
  RETURN_IF_ERROR(CheckShareable(*resources_, header));
  ASSIGN_OR_RETURN(std::string version, package::VersionOfFileName(header.file_name()));
  std::unique_ptr<Upload> upload(new Upload(resources_, version));
  absl::StatusOr<v1::Package> existing = absl::UnknownError("");
  RETURN_IF_ERROR(resources_->database->Transact([&](store::Transaction& tx) {
    existing = store::GetPackage(tx, version);
    return absl::IsNotFound(existing.status()) ? absl::OkStatus() : existing.status();
  }));
  if (existing.ok() && existing->sha256() == header.sha256()) {
    ASSIGN_OR_RETURN(const bool is_there,
                     CanBeHad(*resources_, header.sha256(), PackageTree(*resources_, version)));
    upload->is_again_ = !is_there;
  }
  if (existing.ok() && !upload->is_again_) {
    if (existing->sha256() == header.sha256()) {
      upload->present_ = *existing;
      return upload;
    }
    return Error(absl::StatusCode::kAlreadyExists, "PACKAGE_EXISTS",
                 "package {} is in the warehouse with other content", version)
        .With("version", version)
        .Remedy("remove it first")
        .Next(v1::ACTION_DELETE_PACKAGE, {{"version", version}});
  }
  ASSIGN_OR_RETURN(upload->incoming_, uploads_.Begin(header, "package " + version));
  ASSIGN_OR_RETURN(upload->lease_, SharedLease::Begin(*resources_, header.sha256()));
  ASSIGN_OR_RETURN(upload->receiver_,
                   package::Receiver::Create(upload->incoming_->work_dir(), version));
  RETURN_IF_ERROR(
      upload->incoming_->Open([receiver = upload->receiver_.get()](std::string_view data) {
        return receiver->Append(data);
      }));
  return upload;
}

absl::Status Warehouse::Upload::Append(const v1::UploadChunk& chunk) {
  if (present_.has_value()) return absl::OkStatus();
  RETURN_IF_ERROR(lease_->Renew());
  return incoming_->Append(chunk);
}

absl::StatusOr<v1::Package> Warehouse::Upload::Finish() {
  if (present_.has_value()) return *present_;
  RETURN_IF_ERROR(incoming_->Close());
  const v1::UploadHeader& header = incoming_->header();
  auto package = receiver_->Finish(header.size_bytes(), header.sha256(), CheckPackageTree);
  // Where that fails nothing has to be sent again.
  if (package.ok()) RETURN_IF_ERROR(lease_->Put(incoming_->part_path()));
  incoming_->Discard();
  if (!package.ok()) return Annotate(package.status(), header.file_name());
  package->set_file_name(header.file_name());
  RETURN_IF_ERROR(MarkPackage(incoming_->work_dir(), header.sha256()));

  std::error_code error;
  const std::string dir = PackageDir(*resources_, version_);
  const std::lock_guard<std::mutex> lock(PackageDirs());
  fs::create_directories(fs::path(dir).parent_path(), error);
  // Without a row nobody uses it: what a killed upload left.
  fs::remove_all(dir, error);
  fs::rename(incoming_->work_dir(), dir, error);
  if (error) return WarehouseDiskError(dir);
  RETURN_IF_ERROR(resources_->database->Transact([&](store::Transaction& tx) -> absl::Status {
    absl::Status kept = absl::NotFoundError("");
    if (is_again_) kept = store::UpdatePackage(tx, *package);
    // Also where it was removed meanwhile.
    if (absl::IsNotFound(kept)) kept = store::InsertPackage(tx, *package);
    RETURN_IF_ERROR(kept);
    RETURN_IF_ERROR(lease_->End(tx));
    ASSIGN_OR_RETURN(*package, store::GetPackage(tx, version_));
    return absl::OkStatus();
  }));
  return *package;
}

absl::Status Warehouse::Delete(const std::string& version, const store::Finish& finish) {
  const std::lock_guard<std::mutex> lock(PackageDirs());
  RETURN_IF_ERROR(resources_->database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::DeletePackage(tx, version));
    return finish(tx, v1::DeletePackageResponse());
  }));
  std::error_code error;
  fs::remove_all(PackageDir(*resources_, version), error);
  return absl::OkStatus();
}

}  // namespace dmgr::warehouse
