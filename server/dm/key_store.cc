#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "dm/etcd.pb.h"
#include "server/dm/keys.h"
#include "server/dm/masters.h"
#include "server/dm/text.h"

namespace dmgr::dm {
namespace {

// What a copy has. Older versions of DM kept sources and relay stages under the two without v2; the
// version tells a newer DM that it must move them.
constexpr std::string_view kPrefixes[] = {
    "/dm-cluster/id",
    "/dm-cluster/version",
    "/dm-master/last-bound-worker/",
    "/dm-master/lightning-coord/",
    "/dm-master/load-task/",
    "/dm-master/openapi-task-template/",
    keys::kRelayWorker,
    "/dm-master/shardddl-optimism/",
    "/dm-master/shardddl-pessimism/",
    "/dm-master/stage/relay/",
    keys::kSubTaskStage,
    "/dm-master/stage/validator/",
    "/dm-master/task-cli-args/",
    "/dm-master/upstream/config/",
    keys::kSubTask,
    "/dm-master/v2/stage/relay/",
    keys::kSource,
};

constexpr std::int64_t kPageKeys = 1000;
constexpr int kMaxPageBytes = 16 << 20;
constexpr std::size_t kMaxCopyBytes = 256 << 20;
constexpr int kMaxCopyKeys = 1'000'000;
// etcd's own limits are 128 operations and 1.5 MiB.
constexpr int kMaxPuts = 128;
constexpr std::size_t kMaxTxnBytes = 1 << 20;
// How often a copy begins anew when what it reads was compacted meanwhile.
constexpr int kMaxCopies = 3;
constexpr std::size_t kMaxShownKey = 300;

constexpr const char* kCopyWhat = "copy the keys of the dm-masters";
constexpr const char* kPutWhat = "put keys into the dm-masters";

// The first key behind all that begin with this.
std::string EndOfPrefix(std::string_view prefix) {
  std::string end(prefix);
  ++end.back();
  return end;
}

absl::Status Refused(std::string_view what, const absl::Status& status) {
  if (status.ok() || !Reason(status).empty()) return status;
  return Error(absl::StatusCode::kFailedPrecondition, "DM_KEYS_REFUSED",
               "{}: the etcd inside them answers: {}", what, Message(status))
      .Remedy("see the logs of the dm-masters");
}

absl::Status TooLarge() {
  return Error(absl::StatusCode::kResourceExhausted, "DM_COPY_TOO_LARGE",
               "{}: they are more than {} MiB or {} keys", kCopyWhat, kMaxCopyBytes >> 20,
               kMaxCopyKeys)
      .Remedy("delete tasks that are no longer needed");
}

// Reads all of one revision, that of its first answer.
class Reader {
 public:
  Reader(Masters& masters, const Within& within) : masters_(masters), within_(within) {}

  absl::Status Read(std::string_view prefix) {
    etcdserverpb::RangeRequest request;
    request.set_key(std::string(prefix));
    request.set_range_end(EndOfPrefix(prefix));
    while (true) {
      etcdserverpb::RangeResponse page;
      RETURN_IF_ERROR(ReadPage(&request, &page));
      if (page.kvs().empty()) return absl::OkStatus();
      request.set_key(page.kvs().rbegin()->key() + '\0');
      const bool more = page.more();
      RETURN_IF_ERROR(Take(&page));
      if (!more) return absl::OkStatus();
    }
  }

  KeysCopy Done() && {
    std::sort(copy_.mutable_keys()->pointer_begin(), copy_.mutable_keys()->pointer_end(),
              [](const Key* a, const Key* b) { return a->key() < b->key(); });
    return std::move(copy_);
  }

 private:
  // With large values, fewer keys at a time.
  absl::Status ReadPage(etcdserverpb::RangeRequest* request, etcdserverpb::RangeResponse* page) {
    for (std::int64_t limit = kPageKeys;; limit = std::max<std::int64_t>(limit / 10, 1)) {
      request->set_limit(limit);
      request->set_revision(copy_.revision());
      const absl::Status status = masters_.Call(
          {kCopyWhat, "/etcdserverpb.KV/Range", CallKind::kRead, *request, page}, within_);
      if (limit > 1 && absl::IsResourceExhausted(status)) continue;
      RETURN_IF_ERROR(status);
      if (copy_.revision() == 0) {
        copy_.set_revision(page->header().revision());
        copy_.set_etcd_cluster_id(page->header().cluster_id());
      }
      if (copy_.etcd_cluster_id() == page->header().cluster_id()) return status;
      return Error(absl::StatusCode::kFailedPrecondition, "DM_KEYS_REFUSED",
                   "{}: their addresses are those of two clusters", kCopyWhat)
          .Remedy("see which dm-masters the addresses belong to");
    }
  }

  absl::Status Take(etcdserverpb::RangeResponse* page) {
    for (etcdserverpb::KeyValue& from : *page->mutable_kvs()) {
      if (from.lease() != 0) continue;
      bytes_ += from.key().size() + from.value().size();
      if (bytes_ > kMaxCopyBytes || copy_.keys_size() == kMaxCopyKeys) return TooLarge();
      Key* key = copy_.add_keys();
      key->set_key(std::move(*from.mutable_key()));
      key->set_value(std::move(*from.mutable_value()));
    }
    return absl::OkStatus();
  }

  Masters& masters_;
  const Within& within_;
  KeysCopy copy_;
  std::size_t bytes_ = 0;
};

absl::StatusOr<KeysCopy> CopyOnce(Masters& masters, const Within& within) {
  Reader reader(masters, within);
  for (const std::string_view prefix : kPrefixes) RETURN_IF_ERROR(reader.Read(prefix));
  return std::move(reader).Done();
}

absl::Status PutAll(Masters& masters, const etcdserverpb::TxnRequest& puts, const Within& within) {
  if (puts.success().empty()) return absl::OkStatus();
  etcdserverpb::TxnResponse response;
  const absl::Status status = Refused(
      kPutWhat,
      masters.Call({kPutWhat, "/etcdserverpb.KV/Txn", CallKind::kChange, puts, &response}, within));
  if (status.ok()) return status;
  const std::string& first = puts.success(0).request_put().key();
  return Annotate(status, "from key " + CleanLine(first, kMaxShownKey) + " on");
}

}  // namespace

bool IsCopied(std::string_view key) {
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [key](std::string_view prefix) { return key.starts_with(prefix); });
}

KeyStore::KeyStore(std::vector<std::string> addresses, TlsMaterial tls)
    : masters_(std::make_unique<Masters>(std::move(addresses), std::move(tls), kMaxPageBytes)) {}
KeyStore::~KeyStore() = default;
KeyStore::KeyStore(KeyStore&&) noexcept = default;
KeyStore& KeyStore::operator=(KeyStore&&) noexcept = default;

absl::StatusOr<KeysCopy> KeyStore::Copy(const Within& within) {
  absl::StatusOr<KeysCopy> copy = CopyOnce(*masters_, within);
  for (int i = 1; i < kMaxCopies && absl::IsOutOfRange(copy.status()); ++i) {
    copy = CopyOnce(*masters_, within);
  }
  if (!copy.ok()) return Refused(kCopyWhat, copy.status());
  return copy;
}

absl::Status KeyStore::PutBack(const KeysCopy& copy, const Within& within) {
  for (const Key& key : copy.keys()) {
    if (IsCopied(key.key())) continue;
    return Error(absl::StatusCode::kInvalidArgument, "DM_KEY_NOT_COPIED",
                 "{}: no copy has a key such as {}", kPutWhat, CleanLine(key.key(), kMaxShownKey))
        .Remedy("take another copy");
  }
  etcdserverpb::TxnRequest puts;
  std::size_t bytes = 0;
  for (const Key& key : copy.keys()) {
    const std::size_t size = key.key().size() + key.value().size();
    if (puts.success_size() == kMaxPuts || bytes + size > kMaxTxnBytes) {
      RETURN_IF_ERROR(PutAll(*masters_, puts, within));
      puts.Clear();
      bytes = 0;
    }
    etcdserverpb::PutRequest* put = puts.add_success()->mutable_request_put();
    put->set_key(key.key());
    put->set_value(key.value());
    bytes += size;
  }
  return PutAll(*masters_, puts, within);
}

}  // namespace dmgr::dm
