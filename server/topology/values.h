// What single values must look like. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_VALUES_H_
#define DMGR_SERVER_TOPOLOGY_VALUES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dmgr/v1/topology.pb.h"
#include "server/topology/topology.h"

namespace dmgr::topology {

// The value between quotes for a message: unprintable bytes as '?', long ones cut.
std::string Quote(std::string_view value);

bool IsIpv6(std::string_view host);
// Part of file names and of DM's flags: [a-zA-Z0-9][a-zA-Z0-9._:-]{0,127}.
bool IsInstanceName(std::string_view name);
// A user name that an ini file takes: [a-zA-Z0-9._@+-]{1,64}.
bool IsGrafanaUser(std::string_view name);
// Numbers and ranges as numactl takes them: "0", "0,1", "0-3,8".
bool IsNumaNodes(std::string_view nodes);
// 1 to 99999 days: "30d".
bool IsRetention(std::string_view time);
// As Prometheus takes it: "512MB".
bool IsStorageSize(std::string_view size);
// Milliseconds of "1m30s"; 0 for what Prometheus would not take.
std::int64_t DurationMs(std::string_view duration);
// "host:8080", IPv6 in brackets.
bool IsHostPort(std::string_view address);
// The path of a URL without a slash at its end: "/grafana", or "".
std::string UrlPath(std::string_view url);
// Without characters that end or hide a line.
bool IsOneLine(std::string_view text);

// The values of own where it has any, else those of defaults.
v1::ResourceControl Merge(const v1::ResourceControl& defaults, const v1::ResourceControl& own);

// "amd64" or "arm64" from either way to say it, "" for anything else.
std::string_view NormalArch(std::string_view arch);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_VALUES_H_
