// What tests ask of the stand-in and the real DM does not have; see README.md.
#include <map>

#include "master.h"

namespace dmsim {
namespace {

// Errors as they were seen, by their kind.
Json ErrorOfKind(const std::string& kind) {
  const std::string place =
      "startLocation: [position: (bin.000002, 1234), gtid-set: ], endLocation: "
      "[position: (bin.000002, 1300), gtid-set: ]";
  Json error;
  if (kind == "ddl") {
    error = DmErrorParts(44006,
                         place +
                             ", origin SQL: [alter table t add column w int]: cannot track "
                             "DDL: ALTER TABLE `db`.`t` ADD COLUMN `w` INT",
                         "[schema:1060]Duplicate column name 'w'");
    error["ddl"] = true;
  } else if (kind == "dump") {
    error = DmErrorParts(32001, "mydumper/dumpling runs with error, with output (may empty): ",
                         "dial tcp 127.0.0.1:3306: connect: connection refused");
  } else if (kind == "load") {
    error = DmErrorParts(34002, "restoring failed",
                         "Error 1062 (23000): Duplicate entry '1' for key 'PRIMARY'");
  } else {
    error = DmErrorParts(10006,
                         place +
                             ": execute statement failed: INSERT INTO `db`.`t` (`id`,`v`) "
                             "VALUES (?,?)",
                         "Error 1054 (42S22): Unknown column 'v' in 'INSERT INTO'");
  }
  return error;
}

Json FailCommand(const Json& body) {
  Json error = ErrorOfKind(body.value("kind", "dml"));
  const Json changes = body.value("error", Json::object());
  for (const auto& [name, value] : changes.items()) {
    error[name] = value;
  }
  return {{"op", "fail"},
          {"task", body["task"]},
          {"sources", body.value("sources", Json::array())},
          {"error", error}};
}

}  // namespace

bool Master::IsKnob(const std::string& path) const {
  return path == "/dmsim/knobs" || path == "/dmsim/fail" || path == "/dmsim/mend" ||
         path == "/dmsim/lock" || path == "/dmsim/validation-error";
}

Json Master::HandleKnob(const std::string& path, const Json& body) {
  Json command;
  if (path == "/dmsim/knobs") command = {{"op", "knobs"}, {"knobs", body}};
  if (path == "/dmsim/fail") command = FailCommand(body);
  if (path == "/dmsim/mend") {
    command = {{"op", "fail"},
               {"task", body["task"]},
               {"sources", body.value("sources", Json::array())},
               {"error", nullptr}};
  }
  if (path == "/dmsim/lock") command = {{"op", "add_lock"}, {"lock", body}};
  if (path == "/dmsim/validation-error") {
    command = {{"op", "add_validation_error"},
               {"task", body["task"]},
               {"source", body["source"]},
               {"error", body.value("error", Json::object())}};
  }
  return consensus_->Execute(command, kRequestTimeout);
}

}  // namespace dmsim
