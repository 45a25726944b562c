// The keys of TiUP DM's topology file, and those of them that dmgr refuses. Private to this room.
#ifndef DMGR_CLIENT_TOPOLOGY_KEYS_H_
#define DMGR_CLIENT_TOPOLOGY_KEYS_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>
#include <vector>

namespace dmgr::client {

struct UnsupportedKey {
  // Message of the API for the section that has the key; "Placement" for every instance.
  std::string_view section;
  std::string_view key;
  // What is said of it, after its name.
  std::string_view why;
  // The value that changes nothing in TiUP, beside an empty one, false and 0.
  std::string_view no_change = {};
  // A cluster that has it cannot be taken over; what the others say is noted, and left out.
  bool hinders = false;
};

// nullptr when TiUP has no such key in this section either.
const UnsupportedKey* FindUnsupported(const google::protobuf::Descriptor& section,
                                      std::string_view key);

// The field of a section by its key, those of its placement included; nullptr for none.
const google::protobuf::FieldDescriptor* FindField(const google::protobuf::Descriptor& section,
                                                   const std::string& key);

// Whether a field is configuration of DM itself, whose keys have types. In all others the reader of
// the file they end up in decides what is a number.
bool IsDmConfig(const google::protobuf::FieldDescriptor& field);

// The key of a section that an unknown one is probably meant to be; empty when none is near.
std::string Nearest(const google::protobuf::Descriptor& section, std::string_view key);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_TOPOLOGY_KEYS_H_
