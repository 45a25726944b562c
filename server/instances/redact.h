// Private to this room: texts that may leave the house.
#ifndef DMGR_SERVER_INSTANCES_REDACT_H_
#define DMGR_SERVER_INSTANCES_REDACT_H_

#include <google/protobuf/message.h>

#include <string>
#include <string_view>
#include <vector>

namespace dmgr::instances {

// The texts of all fields that are (sensitive), or in a message that is, however deep; of files and
// of maps without their names.
std::vector<std::string> SensitiveTexts(const google::protobuf::Message& message);

// Takes secrets out of texts of any kind: those that are known, wherever they stand; the values of
// keys whose name says that they are one; private keys; passwords in URLs. Thread-safe.
class Redactor {
 public:
  // Known ones of less than six bytes are left to their keys: they may be common words. So are
  // whole files.
  explicit Redactor(std::vector<std::string> known);

  std::string Clean(std::string text) const;
  // Of a configuration that is known to hold secrets: the names of its keys and sections only.
  std::string KeysOnly(const std::string& text) const;

 private:
  // Longest first.
  std::vector<std::string> known_;
};

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_REDACT_H_
