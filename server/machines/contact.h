// A look at a host that may not be registered yet. Included by no other room.
#ifndef DMGR_SERVER_MACHINES_CONTACT_H_
#define DMGR_SERVER_MACHINES_CONTACT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/host/near/far_end.h"
#include "server/resources/resources.h"

namespace dmgr::machines {

inline constexpr absl::Duration kContactTimeout = absl::Seconds(30);

// What a first contact found out.
struct Contact {
  std::string host_key;
  v1::Privilege privilege = v1::PRIVILEGE_UNSPECIFIED;
  // Where the far end is.
  std::string far_end_dir;
  v1::Facts facts;
};

// FAILED_PRECONDITION with reason NO_SYSTEMD; without root NO_LINGER or NO_USER_SYSTEMD.
absl::StatusOr<v1::Facts> ReadFacts(host::FarEnd* far_end, const std::string& far_end_dir,
                                    absl::Time deadline);

// Logs in, becomes root, unless the machine is one without, and reads the facts. expected_host_key:
// the key or its fingerprint; empty takes whatever the host shows, by key only: FAILED_PRECONDITION
// with reason HOST_KEY_UNCONFIRMED when the credential has a password, for the login or for sudo.
absl::StatusOr<Contact> TryContact(const Resources& resources, const v1::Machine& machine,
                                   const v1::Credential& credential,
                                   const std::string& expected_host_key);

}  // namespace dmgr::machines

#endif  // DMGR_SERVER_MACHINES_CONTACT_H_
