#include "server/warehouse/shared.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "common/ids.h"
#include "common/steady_time.h"
#include "server/objects/object_store.h"
#include "server/store/package_store.h"
#include "server/warehouse/uploads.h"

namespace dmgr::warehouse {
namespace {

namespace fs = std::filesystem;

// Long enough to check and compress a package meanwhile.
constexpr absl::Duration kSharedLease = absl::Minutes(15);
constexpr absl::Duration kSharedRenewal = absl::Minutes(1);
// Until what could not be cleaned up is tried again.
constexpr absl::Duration kSharedRetry = absl::Minutes(1);

absl::Status Wanted(bool is_wanted) {
  return is_wanted ? absl::OkStatus()
                   : Error(absl::StatusCode::kCancelled, "CANCELLED",
                           "this dmgrd ends while it waits for the shared warehouse")
                         .Remedy("ask again when it runs");
}

absl::Status CleanOne(const Resources& resources, const store::OverdueUpload& overdue,
                      const objects::ObjectStore::Alive& alive) {
  const store::SharedUpload& upload = overdue.upload;
  if (!upload.owner.empty()) {
    RETURN_IF_ERROR(resources.shared->RemoveUnfinished(upload.sha256, upload.owner));
  }
  if (overdue.is_needed) return absl::OkStatus();
  RETURN_IF_ERROR(resources.shared->Remove(upload.sha256, alive));
  spdlog::info("{} is removed from the shared warehouse: nobody needs it", upload.sha256);
  return absl::OkStatus();
}

}  // namespace

std::uint64_t MaxUploadBytes(const Resources& resources) {
  if (resources.shared == nullptr) return kMaxUploadBytes;
  return std::min(kMaxUploadBytes, resources.shared->MaxBytes());
}

absl::Status CheckShareable(const Resources& resources, const v1::UploadHeader& header) {
  if (resources.shared == nullptr) return absl::OkStatus();
  const std::uint64_t most = MaxUploadBytes(resources);
  if (header.size_bytes() <= most) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "{} has {} bytes; the shared warehouse {} takes {} at most", header.file_name(),
               header.size_bytes(), resources.shared->Name(), most)
      .Field("header.size_bytes", "out of range")
      .Remedy(
          "leave out what is not needed, or let the replicas share a folder: [warehouse] shared = "
          "\"file:///...\"");
}

SharedLease::SharedLease(const Resources* resources, store::SharedUpload upload)
    : resources_(resources),
      upload_(std::move(upload)),
      next_renewal_(SteadyNow() + kSharedRenewal) {}

absl::StatusOr<std::unique_ptr<SharedLease>> SharedLease::Begin(const Resources& resources,
                                                                const std::string& sha256) {
  const store::SharedUpload upload{.sha256 = sha256, .owner = NewUuid()};
  if (resources.shared != nullptr) {
    RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) {
      return store::BeginSharedUpload(tx, upload, kSharedLease);
    }));
  }
  return std::unique_ptr<SharedLease>(new SharedLease(&resources, upload));
}

SharedLease::~SharedLease() {
  if (resources_->shared == nullptr) return;
  // One that has come to its end is not there any more. When this fails the lease runs out.
  const absl::Status given_up = resources_->database->Transact(
      [&](store::Transaction& tx) { return store::GiveUpSharedUpload(tx, upload_); });
  if (!given_up.ok()) spdlog::debug("upload {}: {}", upload_.sha256, Message(given_up));
}

absl::Status SharedLease::Renew() {
  if (resources_->shared == nullptr || SteadyNow() < next_renewal_) return absl::OkStatus();
  RETURN_IF_ERROR(resources_->database->Transact(
      [&](store::Transaction& tx) { return store::RenewSharedUpload(tx, upload_, kSharedLease); }));
  next_renewal_ = SteadyNow() + kSharedRenewal;
  return absl::OkStatus();
}

absl::Status SharedLease::Put(const std::string& path) {
  if (resources_->shared == nullptr) return absl::OkStatus();
  // What it did before may have taken long.
  next_renewal_ = absl::InfinitePast();
  RETURN_IF_ERROR(Renew());
  const auto alive = [this]() -> absl::Status {
    if (resources_->ending == nullptr || !*resources_->ending) return Renew();
    return Error(absl::StatusCode::kCancelled, "CANCELLED",
                 "this dmgrd ends while {} goes into the shared warehouse", upload_.sha256)
        .Remedy("upload it again: no byte has to be sent twice");
  };
  return resources_->shared->Put(upload_.sha256, path, {.owner = upload_.owner, .alive = alive});
}

absl::Status SharedLease::End(store::Transaction& tx) const {
  return resources_->shared == nullptr ? absl::OkStatus() : store::EndSharedUpload(tx, upload_);
}

absl::StatusOr<bool> CanBeHad(const Resources& resources, const std::string& sha256,
                              const std::string& local_path) {
  if (resources.shared != nullptr) {
    return resources.shared->Has(
        sha256, [&] { return Wanted(resources.ending == nullptr || !*resources.ending); });
  }
  std::error_code error;
  return fs::exists(local_path, error);
}

absl::Status CleanShared(const Resources& resources, const std::function<bool()>& is_ending) {
  const auto alive = [&] { return Wanted(!is_ending()); };
  while (!is_ending()) {
    std::optional<store::OverdueUpload> overdue;
    RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(overdue, store::TakeOverdueUpload(tx, kSharedLease));
      return absl::OkStatus();
    }));
    if (!overdue.has_value()) return absl::OkStatus();
    const absl::Status cleaned = CleanOne(resources, *overdue, alive);
    RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) {
      return cleaned.ok() ? store::ForgetSharedUpload(tx, *overdue)
                          : store::PostponeSharedUpload(tx, *overdue, kSharedRetry);
    }));
    if (!absl::IsCancelled(cleaned)) RETURN_IF_ERROR(cleaned);
  }
  return absl::OkStatus();
}

absl::Status CleanCache(const Resources& resources, absl::Duration gone_for) {
  const std::lock_guard<std::mutex> lock(PackageDirs());
  std::set<std::string> kept;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto packages,
                     store::ListPackages(tx, "", std::numeric_limits<int>::max()));
    for (const auto& package : packages) kept.insert(package.version());
    return absl::OkStatus();
  }));
  // A younger one may be an upload whose row comes next.
  const auto oldest = fs::file_time_type::clock::now() - absl::ToChronoSeconds(gone_for);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(PackageDir(resources, ""), error)) {
    if (kept.contains(entry.path().filename())) continue;
    std::error_code gone;
    const auto changed = entry.last_write_time(gone);
    if (!gone && changed < oldest) fs::remove_all(entry.path(), gone);
  }
  return absl::OkStatus();
}

}  // namespace dmgr::warehouse
