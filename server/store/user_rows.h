// What the stores of users, sessions and tokens share. Private to this room.
#ifndef DMGR_SERVER_STORE_USER_ROWS_H_
#define DMGR_SERVER_STORE_USER_ROWS_H_

#include <google/protobuf/repeated_field.h>

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/user_service.pb.h"
#include "server/store/pg.h"

// Columns of the table "user" as u: those of ReadCaller, without those of its session or token.
#define DMGR_USER_COLUMNS                                                      \
  "u.user_name, u.role, u.disabled, u.grants, u.access_version, " DMGR_MICROS( \
      "u.create_time") " AS create_us, " DMGR_MICROS("u.update_time") " AS update_us"

namespace dmgr::store {

using Grants = google::protobuf::RepeatedPtrField<v1::Grant>;

// An array of protobuf JSON, and back.
absl::StatusOr<std::string> GrantsJson(const Grants& grants);
absl::Status ReadGrants(const pqxx::field& field, Grants* grants);

absl::StatusOr<v1::User> ReadUser(const pqxx::row& row);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_USER_ROWS_H_
