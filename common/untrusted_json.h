// The one way to read JSON that comes from a host, or from whoever stands between.
#ifndef DMGR_COMMON_UNTRUSTED_JSON_H_
#define DMGR_COMMON_UNTRUSTED_JSON_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace dmgr {

struct JsonLimits {
  std::size_t bytes = 64 << 10;
  // Values of all lists and objects together: each takes some 50 times of what its text does.
  std::size_t values = 10'000;
  // What walks or copies a document calls itself once a level.
  int depth = 32;
};

// The limits of what a program lists: the members of a cluster, the targets of a Prometheus.
inline constexpr JsonLimits kListLimits = {.bytes = 8 << 20, .values = 400'000};

// nullopt when it is not JSON, or above the limits, which is seen before anything is made of it.
std::optional<nlohmann::json> ParseUntrustedJson(std::string_view text,
                                                 const JsonLimits& limits = {});

}  // namespace dmgr

#endif  // DMGR_COMMON_UNTRUSTED_JSON_H_
