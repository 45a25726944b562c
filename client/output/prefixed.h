// Text of several sources in one place.
#ifndef DMGR_CLIENT_OUTPUT_PREFIXED_H_
#define DMGR_CLIENT_OUTPUT_PREFIXED_H_

#include <google/protobuf/message.h>

#include <ostream>
#include <string>
#include <string_view>

namespace dmgr::client {

// The text without what would act on a terminal: control characters, but for line ends and tabs,
// and bytes that are no UTF-8 become '?'.
std::string Harmless(std::string_view text);

// The same for every text of an answer, before anything is made of it: hosts, programs and other
// users have put words there. Bytes, such as a log's, stay: who shows them knows whether a person
// looks. So do topologies.
void MakeHarmless(google::protobuf::Message* message);

// One source: its lines go out whole, each behind a prefix. Without a prefix its bytes go out as
// they come.
class Prefixed {
 public:
  // harmless: a person looks at it.
  Prefixed(std::ostream* out, std::string prefix, bool harmless)
      : out_(out), prefix_(std::move(prefix)), harmless_(harmless) {}

  void Take(std::string_view data);
  // A last line that has no end.
  void End();

 private:
  void Put(std::string_view text);

  std::ostream* out_;
  std::string prefix_;
  bool harmless_;
  std::string begun_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_OUTPUT_PREFIXED_H_
