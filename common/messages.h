// What can be done with any message of the API, by its descriptor.
#ifndef DMGR_COMMON_MESSAGES_H_
#define DMGR_COMMON_MESSAGES_H_

#include <google/protobuf/message.h>

#include <string>

namespace dmgr {

// Clears every field that is declared (dmgr.v1.sensitive), in the message and in all within it.
void Redact(google::protobuf::Message* message);

// The same bytes for equal messages, in whatever order their maps were filled.
std::string CanonicalBytes(const google::protobuf::Message& message);

}  // namespace dmgr

#endif  // DMGR_COMMON_MESSAGES_H_
