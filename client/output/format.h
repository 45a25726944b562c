// Values as people read them.
#ifndef DMGR_CLIENT_OUTPUT_FORMAT_H_
#define DMGR_CLIENT_OUTPUT_FORMAT_H_

#include <google/protobuf/repeated_field.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dmgr::client {

// Rows in columns as wide as their widest cell, two spaces between; the first row is the heading.
std::string Table(const std::vector<std::vector<std::string>>& rows);

// "-" for nothing.
std::string OrDash(const std::string& text);

// "1.5 GiB", "23 MiB", "12 B".
std::string Bytes(std::uint64_t bytes);
// "3d 4h", "5m 10s", "8s".
std::string Span(std::int64_t seconds);
// "2026-11-22 21:30:05", local time; empty for an unset time.
std::string LocalTime(const google::protobuf::Timestamp& time);
// What a new password leaves as it was: "; these API tokens are good all the same: a, b". "" for
// none.
std::string LiveTokensText(const google::protobuf::RepeatedPtrField<std::string>& names);
// The last words of an enum value's name in lower case: CLUSTER_STATE_UP -> "up".
std::string Word(const std::string& enum_name, const std::string& prefix);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_OUTPUT_FORMAT_H_
