// A bucket of S3, or of what speaks as it does (MinIO, Ceph).
#ifndef DMGR_SERVER_OBJECTS_S3_STORE_H_
#define DMGR_SERVER_OBJECTS_S3_STORE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "common/secret.h"
#include "server/objects/object_store.h"

namespace dmgr::objects {

struct S3Place {
  // "https://host[:port]", without a path.
  std::string endpoint;
  std::string region;
  std::string bucket;
  // Without slashes at its ends; may be empty.
  std::string prefix;
  std::string access_key;
  Secret secret_key;
};

// {endpoint}/{bucket}/{prefix}/{sha256}, each request signed by libcurl (AWS Signature Version 4).
// What fails with 429, 5xx or on the way is tried again, some times. A file goes in one request:
// S3 takes 5 GiB at most so.
class S3Store : public ObjectStore {
 public:
  explicit S3Store(S3Place place) : place_(std::move(place)) {}
  absl::Status Put(const std::string& sha256, const std::string& path,
                   const Putter& putter) override;
  absl::Status Get(const std::string& sha256, const std::string& path, const Alive& alive) override;
  absl::StatusOr<bool> Has(const std::string& sha256, const Alive& alive) override;
  absl::Status Remove(const std::string& sha256, const Alive& alive) override;
  // An object is there as a whole, or not at all.
  absl::Status RemoveUnfinished(const std::string&, const std::string&) override {
    return absl::OkStatus();
  }
  std::uint64_t MaxBytes() const override { return 5ULL << 30; }
  std::string Name() const override;

 private:
  struct Request;
  struct Answer;
  // Tries again what may work later. NOT_FOUND is an answer; any other one but 2xx an error.
  absl::StatusOr<Answer> Send(const Request& request) const;
  Answer Try(const Request& request) const;
  absl::Status Failed(const Request& request, const Answer& answer) const;

  const S3Place place_;
};

}  // namespace dmgr::objects

#endif  // DMGR_SERVER_OBJECTS_S3_STORE_H_
