// Values that DM refuses, or cannot work with, when it starts. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_DM_VALUES_H_
#define DMGR_SERVER_TOPOLOGY_DM_VALUES_H_

#include <google/protobuf/struct.pb.h>

#include <string>
#include <string_view>

namespace dmgr::topology {

// What a value of a key of DM's configuration must be like beside its type.
enum class ValueForm {
  kAny,
  kLogLevel,
  kLogFormat,
  kDuration,
  kCompactionMode,
  kCompactionRetention,
  kNotNegative,
  kLeaseTtl,
};

// What Go's time.ParseDuration takes: "30s", "1h2.5m", "-1.5ms", "0".
bool IsGoDuration(std::string_view text);

// Why DM would not start with a value, which is of the key's type; empty when it would, or when
// that is not known for sure.
std::string FormProblem(ValueForm form, const google::protobuf::Value& value);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_DM_VALUES_H_
