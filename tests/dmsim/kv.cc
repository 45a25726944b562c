#include "kv.h"

#include <algorithm>
#include <limits>
#include <set>

#include "dm/etcd.pb.h"
#include "keys.h"

namespace dmsim {
namespace {

namespace etcd = ::etcdserverpb;

constexpr milliseconds kEtcdTimeout(7000);
constexpr std::size_t kRemembered = 32;
constexpr int kMaxOperations = 128;

using KeyMap = std::map<std::string, KeptKey>;

bool IsWithin(const std::string& key, const std::string& begin, const std::string& end) {
  if (end.empty()) return key == begin;
  return key >= begin && (end == std::string(1, '\0') || key < end);
}

std::int64_t RevisionOf(const Json& document) { return document["version"]; }

// JSON holds text only, and so does everything that DM keeps.
bool IsText(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

void Fill(const KeyMap& keys, const etcd::RangeRequest& request, etcd::RangeResponse* response) {
  const std::int64_t limit =
      request.limit() > 0 ? request.limit() : std::numeric_limits<std::int64_t>::max();
  for (auto it = keys.lower_bound(request.key()); it != keys.end(); ++it) {
    if (!IsWithin(it->first, request.key(), request.range_end())) break;
    response->set_count(response->count() + 1);
    if (request.count_only()) continue;
    if (response->kvs_size() >= limit) {
      response->set_more(true);
      continue;
    }
    etcd::KeyValue* item = response->add_kvs();
    item->set_key(it->first);
    item->set_create_revision(static_cast<std::int64_t>(it->second.create));
    item->set_mod_revision(static_cast<std::int64_t>(it->second.mod));
    item->set_version(it->second.mod == it->second.create ? 1 : 2);
    if (!request.keys_only()) item->set_value(it->second.value);
  }
}

// Nulls for the keys that are there; how many they are.
std::int64_t Erase(const KeyMap& keys, const etcd::DeleteRangeRequest& request, Json* changes) {
  std::int64_t count = 0;
  for (const auto& [key, kept] : keys) {
    if (!IsWithin(key, request.key(), request.range_end())) continue;
    (*changes)[key] = nullptr;
    ++count;
  }
  return count;
}

RpcAnswer NotText() { return {RpcCode::kInvalidArgument, "the stand-in keeps UTF-8 only", ""}; }

}  // namespace

DocumentPtr EtcdKv::At(std::int64_t revision, RpcAnswer* error) {
  DocumentPtr now = consensus_->Read(kEtcdTimeout);
  if (!now) {
    *error = {RpcCode::kUnavailable, "etcdserver: request timed out", ""};
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  if (seen_.empty() || RevisionOf(*seen_.back()) != RevisionOf(*now)) seen_.push_back(now);
  if (seen_.size() > kRemembered) seen_.pop_front();
  if (revision == 0) return now;
  if (revision > RevisionOf(*now)) {
    *error = {RpcCode::kOutOfRange, "etcdserver: mvcc: required revision is a future revision", ""};
    return nullptr;
  }
  for (const DocumentPtr& document : seen_) {
    if (RevisionOf(*document) == revision) return document;
  }
  *error = {RpcCode::kOutOfRange, "etcdserver: mvcc: required revision has been compacted", ""};
  return nullptr;
}

RpcAnswer EtcdKv::Change(const Json& keys, std::int64_t* revision) {
  if (!keys.empty()) {
    const Json answer = consensus_->Execute({{"op", "put_keys"}, {"keys", keys}}, kEtcdTimeout);
    if (answer.contains("error")) {
      return {RpcCode::kUnavailable, "etcdserver: request timed out", ""};
    }
  }
  RpcAnswer error;
  const DocumentPtr document = At(0, &error);
  if (document) *revision = RevisionOf(*document);
  return error;
}

RpcAnswer EtcdKv::Range(const etcd::RangeRequest& request, etcd::RangeResponse* response) {
  RpcAnswer error;
  const DocumentPtr document = At(request.revision(), &error);
  if (!document) return error;
  Fill(KeysOf(*document), request, response);
  response->mutable_header()->set_revision(RevisionOf(*consensus_->Local()));
  if (request.revision() == 0) response->mutable_header()->set_revision(RevisionOf(*document));
  return {};
}

RpcAnswer EtcdKv::Put(const etcd::PutRequest& request, etcd::PutResponse* response) {
  if (!IsText(request.key()) || !IsText(request.value())) return NotText();
  if (request.key().empty())
    return {RpcCode::kInvalidArgument, "etcdserver: key is not provided", ""};
  std::int64_t revision = 0;
  const RpcAnswer answer = Change({{request.key(), request.value()}}, &revision);
  response->mutable_header()->set_revision(revision);
  return answer;
}

RpcAnswer EtcdKv::DeleteRange(const etcd::DeleteRangeRequest& request,
                              etcd::DeleteRangeResponse* response) {
  RpcAnswer error;
  const DocumentPtr document = At(0, &error);
  if (!document) return error;
  Json changes = Json::object();
  response->set_deleted(Erase(KeysOf(*document), request, &changes));
  std::int64_t revision = 0;
  error = Change(changes, &revision);
  response->mutable_header()->set_revision(revision);
  return error;
}

RpcAnswer EtcdKv::Transact(const etcd::TxnRequest& request, etcd::TxnResponse* response) {
  if (request.success_size() > kMaxOperations) {
    return {RpcCode::kInvalidArgument, "etcdserver: too many operations in txn request", ""};
  }
  RpcAnswer error;
  const DocumentPtr document = At(0, &error);
  if (!document) return error;
  const KeyMap keys = KeysOf(*document);
  Json changes = Json::object();
  std::set<std::string> put;
  for (const etcd::RequestOp& operation : request.success()) {
    etcd::ResponseOp* answer = response->add_responses();
    if (operation.has_request_range()) {
      Fill(keys, operation.request_range(), answer->mutable_response_range());
    } else if (operation.has_request_delete_range()) {
      answer->mutable_response_delete_range()->set_deleted(
          Erase(keys, operation.request_delete_range(), &changes));
    } else {
      const etcd::PutRequest& one = operation.request_put();
      if (!IsText(one.key()) || !IsText(one.value())) return NotText();
      if (!put.insert(one.key()).second) {
        return {RpcCode::kInvalidArgument, "etcdserver: duplicate key given in txn request", ""};
      }
      changes[one.key()] = one.value();
      answer->mutable_response_put();
    }
  }
  std::int64_t revision = 0;
  error = Change(changes, &revision);
  response->mutable_header()->set_revision(revision);
  response->set_succeeded(true);
  return error;
}

template <typename Request, typename Response>
RpcAnswer EtcdKv::Serve(const std::string& bytes,
                        RpcAnswer (EtcdKv::*serve)(const Request&, Response*)) {
  Request request;
  if (!request.ParseFromString(bytes)) return {RpcCode::kInternal, "not a request", ""};
  Response response;
  RpcAnswer answer = (this->*serve)(request, &response);
  if (answer.code == RpcCode::kOk) answer.body = response.SerializeAsString();
  return answer;
}

RpcAnswer EtcdKv::Answer(const std::string& method, const std::string& request) {
  if (method == "Range") return Serve(request, &EtcdKv::Range);
  if (method == "Put") return Serve(request, &EtcdKv::Put);
  if (method == "DeleteRange") return Serve(request, &EtcdKv::DeleteRange);
  if (method == "Txn") return Serve(request, &EtcdKv::Transact);
  return {RpcCode::kUnimplemented, "unknown method " + method + " for service etcdserverpb.KV", ""};
}

}  // namespace dmsim
