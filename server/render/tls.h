// Where the certificates of an instance are, and who is told. Private to this room.
#ifndef DMGR_SERVER_RENDER_TLS_H_
#define DMGR_SERVER_RENDER_TLS_H_

#include <map>
#include <string>

#include "server/render/template.h"
#include "server/topology/topology.h"

namespace dmgr::render {

// Below the deploy directory, where TiUP puts them.
struct TlsPaths {
  std::string trusted;
  std::string certificate;
  std::string key;
};
TlsPaths TlsPathsOf(const topology::Instance& instance);

// What dm-master's or dm-worker's configuration says of them, with full paths; empty without TLS.
std::map<std::string, std::string> TlsKeysOf(const topology::Instance& instance);
// For the template of Prometheus' configuration.
void AddTlsValues(const topology::Instance& instance, Values* values);
// Of a dm-master at its peers' port, by one of its hosts.
std::string PeerUrl(const topology::Instance& instance, const std::string& host);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_TLS_H_
