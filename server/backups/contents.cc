#include "server/backups/contents.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/untrusted_json.h"
#include "common/version.h"
#include "server/clusters/packed.h"
#include "server/dm/keys.h"

namespace dmgr::backups {
namespace {

constexpr int kMaxRecords = 100'000;
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxConfig = std::size_t{4} << 20;

absl::Status NotOurs(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "BACKUP_UNREADABLE",
               "what is in the backup is not a cluster's: {}", why)
      .Remedy("take another backup");
}

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

absl::Status CheckRecord(const pv1::BackupRecord& record) {
  const std::string& kind = record.kind();
  if (kind != "source" && kind != "target" && kind != "task")
    return NotOurs("a record has no kind");
  if (!IsName(record.name())) return NotOurs(fmt::format("a {} has no name", kind));
  if (record.config().empty() || record.config().size() > kMaxConfig) {
    return NotOurs(fmt::format("a {} has no configuration, or too long a one", kind));
  }
  static const std::set<std::string> kWanted = {"running", "paused", "stopped"};
  if ((kind == "task") != kWanted.contains(record.wanted())) {
    return NotOurs(fmt::format("it is not said what a {} was brought to", kind));
  }
  if (!record.target_name().empty() && (kind != "task" || !IsName(record.target_name()))) {
    return NotOurs(fmt::format("a {} names a target", kind));
  }
  const auto details = ParseUntrustedJson(record.details_json());
  if (!details.has_value() || !details->is_object()) {
    return NotOurs(fmt::format("details of a {} are missing", kind));
  }
  return absl::OkStatus();
}

absl::Status CheckRecords(const pv1::BackupRecords& records) {
  if (records.records_size() > kMaxRecords) return NotOurs("it has too many records");
  std::set<std::pair<std::string, std::string>> names;
  for (const auto& record : records.records()) {
    RETURN_IF_ERROR(CheckRecord(record));
    if (!names.emplace(record.kind(), record.name()).second) {
      return NotOurs(fmt::format("a {} is there twice", record.kind()));
    }
  }
  for (const auto& record : records.records()) {
    if (record.target_name().empty() || names.contains({"target", record.target_name()})) continue;
    return NotOurs("a task names a target that is not there");
  }
  return absl::OkStatus();
}

absl::Status CheckKeys(const dm::KeysCopy& keys) {
  const dm::Key* before = nullptr;
  for (const auto& key : keys.keys()) {
    if (!dm::IsCopied(key.key())) return NotOurs("it has a key that no copy has");
    if (before != nullptr && before->key() >= key.key()) return NotOurs("keys are not in order");
    before = &key;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> WriteContents(const Contents& contents) {
  pv1::Backup whole = contents.backup;
  whole.set_keys(contents.keys.SerializeAsString());
  const WipeAtEnd wiped_keys(whole.mutable_keys());
  std::string text = whole.SerializeAsString();
  const WipeAtEnd wiped(&text);
  return clusters::Pack(text);
}

absl::StatusOr<Contents> ReadContents(std::string_view plain) {
  std::string text = clusters::Unpack(plain);
  const WipeAtEnd wiped(&text);
  Contents contents;
  if (text.empty() || !contents.backup.ParseFromString(text)) {
    return NotOurs("it is not packed as a backup is");
  }
  if (!contents.keys.ParseFromString(contents.backup.keys())) return NotOurs("it has no keys");
  Wipe(contents.backup.mutable_keys());
  if (!IsName(contents.backup.cluster_name())) return NotOurs("the cluster has no name");
  if (!DmVersion::Parse(contents.backup.cluster_version()).has_value()) {
    return NotOurs("the cluster has no version");
  }
  contents.keys.clear_records();
  RETURN_IF_ERROR(CheckKeys(contents.keys));
  RETURN_IF_ERROR(CheckRecords(contents.backup.records()));
  return contents;
}

}  // namespace dmgr::backups
