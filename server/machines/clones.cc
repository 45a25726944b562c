#include "server/machines/clones.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/machines/access.h"
#include "server/machines/contact.h"
#include "server/store/machine_store.h"

namespace dmgr::machines {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(10);
constexpr std::size_t kIdentitySize = 32;
constexpr int kAllMachines = 1000000;
constexpr char kNewIdentity[] =
    "give the host a machine-id of its own: rm -f /etc/machine-id /var/lib/dbus/machine-id; "
    "systemd-machine-id-setup";

bool IsIdentity(const std::string& text) {
  return text.size() == kIdentitySize &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

absl::StatusOr<std::vector<store::MachineRecord>> WithIdentity(const Resources& resources,
                                                               const std::string& identity) {
  std::vector<store::MachineRecord> found;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(found, store::ListMachines(tx, "", kAllMachines));
    return absl::OkStatus();
  }));
  std::erase_if(found, [&](const store::MachineRecord& one) {
    return one.machine.facts().machine_identity() != identity;
  });
  return found;
}

absl::StatusOr<std::string> BootIdOf(const Resources& resources,
                                     const store::MachineRecord& record) {
  const absl::Time deadline = SteadyNow() + kAskTimeout;
  ASSIGN_OR_RETURN(const auto access, AccessOf(resources, record));
  ASSIGN_OR_RETURN(const auto far_end, OpenReader(resources, access, deadline));
  ASSIGN_OR_RETURN(const auto facts, ReadFacts(far_end.get(), access.login.far_end_dir, deadline));
  return facts.boot_id();
}

Error Taken(const v1::Machine& machine, const v1::Machine& other, const std::string& why) {
  return Error(absl::StatusCode::kAlreadyExists, "MACHINE_IDENTITY_TAKEN",
               "{} has the machine-id of machine {} ({} port {}), {}", machine.host(),
               other.machine_id(), other.host(), other.ssh_port(), why)
      .With("machine_id", other.machine_id());
}

}  // namespace

absl::Status CheckNoClone(const Resources& resources, const v1::Machine& machine,
                          const v1::Facts& seen) {
  if (!IsIdentity(seen.machine_identity())) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_IDENTITY_INVALID",
                 "{} has no machine-id: what is in /etc/machine-id is not 32 hexadecimal digits",
                 machine.host())
        .With("host", machine.host())
        .Remedy(kNewIdentity);
  }
  ASSIGN_OR_RETURN(const auto others, WithIdentity(resources, seen.machine_identity()));
  for (const auto& other : others) {
    if (other.machine.machine_id() == machine.machine_id()) continue;
    // What was seen at the last contact is enough to say that it is the same host.
    if (other.machine.facts().boot_id() == seen.boot_id()) continue;
    const auto boot_id = BootIdOf(resources, other);
    if (!boot_id.ok()) {
      return Taken(machine, other.machine,
                   "which cannot be asked whether it is the same host: " +
                       std::string(Message(boot_id.status())))
          .Remedy("start that one, or remove it if it is gone for good");
    }
    if (*boot_id == seen.boot_id()) continue;
    return Taken(machine, other.machine,
                 "and was booted apart from it: one is a clone of the other")
        .Remedy(
            std::string(kNewIdentity) +
            ", and SSH host keys: rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh");
  }
  return absl::OkStatus();
}

}  // namespace dmgr::machines
