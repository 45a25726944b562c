// What dm-master's etcd answers by its own gRPC: service KV over the keys of keys.h.
#pragma once

#include <deque>
#include <mutex>
#include <string>

#include "consensus.h"
#include "grpc_port.h"

namespace etcdserverpb {
class DeleteRangeRequest;
class DeleteRangeResponse;
class PutRequest;
class PutResponse;
class RangeRequest;
class RangeResponse;
class TxnRequest;
class TxnResponse;
}  // namespace etcdserverpb

namespace dmsim {

class EtcdKv {
 public:
  explicit EtcdKv(Consensus* consensus) : consensus_(consensus) {}

  // `method`: "Range".
  RpcAnswer Answer(const std::string& method, const std::string& request);

 private:
  RpcAnswer Range(const etcdserverpb::RangeRequest& request, etcdserverpb::RangeResponse* response);
  RpcAnswer Put(const etcdserverpb::PutRequest& request, etcdserverpb::PutResponse* response);
  RpcAnswer DeleteRange(const etcdserverpb::DeleteRangeRequest& request,
                        etcdserverpb::DeleteRangeResponse* response);
  RpcAnswer Transact(const etcdserverpb::TxnRequest& request, etcdserverpb::TxnResponse* response);
  template <typename Request, typename Response>
  RpcAnswer Serve(const std::string& bytes, RpcAnswer (EtcdKv::*serve)(const Request&, Response*));

  RpcAnswer Change(const Json& keys, std::int64_t* revision);
  // The document as it was at a revision (0: now); nullptr with *error.
  DocumentPtr At(std::int64_t revision, RpcAnswer* error);

  Consensus* const consensus_;
  std::mutex mutex_;
  std::deque<DocumentPtr> seen_;  // so that a reader can turn pages at one revision
};

}  // namespace dmsim
