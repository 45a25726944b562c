// What dm-master keeps in its etcd, as keys of the document.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "state.h"

namespace dmsim {

struct KeptKey {
  std::string value;
  std::uint64_t create = 0;
  std::uint64_t mod = 0;
};

// Sorted by their bytes. What was put since a leader took office counts.
std::map<std::string, KeptKey> KeysOf(const Json& document);

// What a new leader makes of the keys that were put: the command load_kept, or null.
Json LoadOf(const Json& document);

}  // namespace dmsim
