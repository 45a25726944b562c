// One gRPC call at a time to any of several dm-masters. Private to this room; not thread-safe.
#ifndef DMGR_SERVER_DM_MASTERS_H_
#define DMGR_SERVER_DM_MASTERS_H_

#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/dm/master_client.h"
#include "server/dm/tls.h"

namespace dmgr::dm {

// What a call does, which says how often it may be sent and how long one master may take.
enum class CallKind {
  kRead,
  kChange,
  // A change or a look of which the answer may take minutes: the first master that is reached gets
  // all the time there is.
  kLong,
};

struct UnaryCall {
  // For messages, such as "create source s1".
  std::string_view what;
  // "/package.Service/Method".
  const char* method;
  CallKind kind;
  const google::protobuf::Message& request;
  google::protobuf::Message* response;
  // Of the request; its passwords get into no error, also where DM repeats them.
  std::string_view yaml{};
};

class Masters {
 public:
  Masters(std::vector<std::string> addresses, TlsMaterial tls, int max_answer_bytes);
  ~Masters();

  void SetLeader(const std::string& address) { leader_ = address; }

  // UNAVAILABLE (DM_UNAVAILABLE), CANCELLED, INVALID_ARGUMENT (BAD_ADDRESS), FAILED_PRECONDITION
  // (DM_CALL_UNKNOWN); what else a master answers as it is, without a reason. *repeated says
  // whether a change was sent to an earlier master too.
  absl::Status Call(const UnaryCall& call, const Within& within, bool* repeated = nullptr);

 private:
  struct Line;

  absl::StatusOr<Line*> LineTo(const std::string& address);
  std::vector<std::string> TryOrder() const;
  // The first that a connection can be made to comes first; one that is silent, as of a dead host,
  // holds up nobody.
  void PutReachableFirst(std::vector<std::string>* order, const Within& within);
  absl::Status Try(const std::string& address, const UnaryCall& call, const Within& within,
                   absl::Time until, bool* sent);

  const std::vector<std::string> addresses_;
  const TlsMaterial tls_;
  const int max_answer_bytes_;
  std::map<std::string, std::unique_ptr<Line>> lines_;
  std::string leader_;
  std::string last_good_;
};

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_MASTERS_H_
