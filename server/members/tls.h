// What dmgrd shows to the processes of a cluster that has TLS.
#ifndef DMGR_SERVER_MEMBERS_TLS_H_
#define DMGR_SERVER_MEMBERS_TLS_H_

#include "server/auth/secret_box.h"
#include "server/dm/tls.h"
#include "server/topology/topology.h"

namespace dmgr::members {

// tls: of a cluster or of one of its instances; nullptr: it has none. secrets: what opens its keys.
dm::TlsMaterial MaterialOf(const topology::Tls* tls, const auth::SecretBox* secrets);

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_TLS_H_
