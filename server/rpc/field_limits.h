// How long the fields of requests may be. Private to this room.
#ifndef DMGR_SERVER_RPC_FIELD_LIMITS_H_
#define DMGR_SERVER_RPC_FIELD_LIMITS_H_

#include <google/protobuf/message.h>

#include <cstddef>

#include "absl/status/status.h"

namespace dmgr::rpc {

// The most bytes of one value of a field that is a text or bytes: by a table of the fields that are
// not as all others. A field that is added needs no line in it.
std::size_t MostBytes(const google::protobuf::FieldDescriptor& field);

// The most bytes of a whole request.
std::size_t MostBytes(const google::protobuf::Descriptor& request);

// Goes through all that is in a request, also below maps and Structs. INVALID_ARGUMENT
// (FIELD_TOO_LONG) with each field that is too long, has too many elements, or lies too deep;
// RESOURCE_EXHAUSTED (REQUEST_TOO_LARGE) when all together are too much for this kind of call.
absl::Status CheckLengths(const google::protobuf::Message& request);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_FIELD_LIMITS_H_
