// Reaching a registered machine: its record, its unsealed credential, a far end on it.
#ifndef DMGR_SERVER_MACHINES_ACCESS_H_
#define DMGR_SERVER_MACHINES_ACCESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/host/near/far_end.h"
#include "server/resources/resources.h"
#include "server/store/machine_store.h"

namespace dmgr::machines {

// How to log in to a machine and become root there. Holds secrets.
struct MachineAccess {
  host::HostLogin login;
  v1::Privilege privilege = v1::PRIVILEGE_UNSPECIFIED;
};

inline constexpr char kDefaultFarEndDir[] = "/var/lib/dmgr";

// Time for a look at a host before a change: one whose disk is busy is slow to start a program.
inline constexpr absl::Duration kHostLookTimeout = absl::Seconds(60);

// "amd64" for "x86_64", "arm64" for "aarch64", else the same word.
std::string ArchName(const std::string& uname);

// Where and as whom to log in, without the way there.
ssh::Endpoint EndpointOf(const v1::Machine& machine, const v1::Credential& credential,
                         const std::string& host_key);

// Context under which a machine's credential is sealed: whom it is sent to. A row whose address,
// login or pinned host key was changed by anybody but dmgrd opens it no more. The way there does
// not count: whoever is on it cannot read along.
std::string CredentialContext(const store::MachineRecord& record);
// The same before there was more to it than the id.
std::string FormerCredentialContext(const std::string& machine_id);
// Overwrites what is secret in it.
void WipeCredential(v1::Credential* credential);
// To be wiped. DATA_LOSS with reason CREDENTIAL_UNREADABLE when it was sealed for another address,
// login or host key, or with another master key.
absl::StatusOr<v1::Credential> OpenCredential(const Resources& resources,
                                              const store::MachineRecord& record);
absl::StatusOr<MachineAccess> AccessOf(const Resources& resources,
                                       const store::MachineRecord& record);
// The way to a machine that is reached through this one, which is "" for none.
absl::StatusOr<std::vector<ssh::Endpoint>> JumpsThrough(const Resources& resources,
                                                        const std::string& via);
absl::StatusOr<MachineAccess> LoadAccess(const Resources& resources, const std::string& machine_id);

// Starts a far end, over a connection that was in use a moment ago if there is one. Errors name the
// machine.
absl::StatusOr<std::unique_ptr<host::FarEnd>> OpenFarEnd(
    const Resources& resources, const MachineAccess& access, const host::hv1::Begin& begin,
    absl::Time deadline, const std::function<bool()>& cancelled = {});

// Starts a far end that reads only.
absl::StatusOr<std::unique_ptr<host::FarEnd>> OpenReader(const Resources& resources,
                                                         const MachineAccess& access,
                                                         absl::Time deadline);

// The same by a new login: for who wants to know whether that works.
absl::StatusOr<std::unique_ptr<host::FarEnd>> LogInAndRead(const Resources& resources,
                                                           const MachineAccess& access,
                                                           absl::Time deadline);

}  // namespace dmgr::machines

#endif  // DMGR_SERVER_MACHINES_ACCESS_H_
