#include "server/machines/access.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/error.h"
#include "common/secret.h"

namespace dmgr::machines {
namespace {

host::hv1::Begin ReadOnly() {
  host::hv1::Begin begin;
  begin.set_mode(host::hv1::Begin::MODE_READ);
  return begin;
}

}  // namespace

std::string ArchName(const std::string& uname) {
  if (uname == "x86_64") return "amd64";
  if (uname == "aarch64") return "arm64";
  return uname;
}

ssh::Endpoint EndpointOf(const v1::Machine& machine, const v1::Credential& credential,
                         const std::string& host_key) {
  return {.host = machine.host(),
          .port = static_cast<int>(machine.ssh_port()),
          .user = machine.user(),
          .private_key = credential.private_key(),
          .passphrase = credential.passphrase(),
          .password = credential.password(),
          .pinned_host_key = host_key};
}

std::string CredentialContext(const store::MachineRecord& record) {
  const v1::Machine& machine = record.machine;
  std::string context = "login";
  // With their lengths: no part can pass for the end of the one before.
  for (const std::string& part :
       {machine.machine_id(), machine.host(), std::to_string(machine.ssh_port()), machine.user(),
        record.host_key}) {
    fmt::format_to(std::back_inserter(context), " {}:{}", part.size(), part);
  }
  return context;
}

std::string FormerCredentialContext(const std::string& machine_id) {
  return "machine:" + machine_id;
}

void WipeCredential(v1::Credential* credential) {
  for (std::string* text :
       {credential->mutable_password(), credential->mutable_private_key(),
        credential->mutable_passphrase(), credential->mutable_sudo_password()}) {
    Wipe(text);
  }
}

absl::StatusOr<v1::Credential> OpenCredential(const Resources& resources,
                                              const store::MachineRecord& record) {
  const std::string& id = record.machine.machine_id();
  auto opened = resources.secrets->Open(record.sealed_credential, CredentialContext(record));
  v1::Credential credential;
  if (record.sealed_credential.empty()) {
    return Error(absl::StatusCode::kDataLoss, "CREDENTIAL_UNREADABLE",
                 "the credential of machine {} was given up with a lost master key", id)
        .With("machine", id)
        .Remedy("set the credential again")
        .Next(v1::ACTION_UPDATE_MACHINE, {{"machine_id", id}, {"credential", ""}});
  }
  if (opened.ok()) {
    const WipeAtEnd wiped(&*opened);
    if (credential.ParseFromString(*opened)) return credential;
  }
  return Error(absl::StatusCode::kDataLoss, "CREDENTIAL_UNREADABLE",
               "the kept credential of machine {} does not open for {}@{}:{} and its host key: {}",
               id, record.machine.user(), record.machine.host(), record.machine.ssh_port(),
               opened.ok() ? "it cannot be read" : Message(opened.status()))
      .With("machine", id)
      .Remedy("if this address and host key are right, set the credential again")
      .Next(v1::ACTION_UPDATE_MACHINE, {{"machine_id", id}, {"credential", ""}});
}

absl::StatusOr<std::vector<ssh::Endpoint>> JumpsThrough(const Resources& resources,
                                                        const std::string& via) {
  std::vector<ssh::Endpoint> jumps;
  if (via.empty()) return jumps;
  std::vector<store::MachineRecord> records;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(records, store::ListJumps(tx, via));
    return absl::OkStatus();
  }));
  for (const auto& record : records) {
    ASSIGN_OR_RETURN(v1::Credential credential, OpenCredential(resources, record));
    const absl::Cleanup wiped = [&] { WipeCredential(&credential); };
    jumps.push_back(EndpointOf(record.machine, credential, record.host_key));
  }
  return jumps;
}

absl::StatusOr<MachineAccess> AccessOf(const Resources& resources,
                                       const store::MachineRecord& record) {
  const v1::Machine& machine = record.machine;
  ASSIGN_OR_RETURN(v1::Credential credential, OpenCredential(resources, record));
  const absl::Cleanup wiped = [&] { WipeCredential(&credential); };
  MachineAccess access;
  host::HostLogin& login = access.login;
  login.name = machine.machine_id();
  login.endpoint = EndpointOf(machine, credential, record.host_key);
  ASSIGN_OR_RETURN(login.endpoint.jumps, JumpsThrough(resources, machine.via()));
  access.privilege = machine.privilege();
  login.root.without_root = machine.privilege() == v1::PRIVILEGE_NONE;
  login.root.is_root = machine.privilege() == v1::PRIVILEGE_ROOT;
  if (machine.privilege() == v1::PRIVILEGE_SUDO_PASSWORD) {
    login.root.sudo_password =
        credential.sudo_password().empty() ? credential.password() : credential.sudo_password();
  }
  login.far_end_dir = machine.far_end_dir().empty() ? kDefaultFarEndDir : machine.far_end_dir();
  return access;
}

absl::StatusOr<MachineAccess> LoadAccess(const Resources& resources,
                                         const std::string& machine_id) {
  store::MachineRecord record;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetMachine(tx, machine_id));
    return absl::OkStatus();
  }));
  return AccessOf(resources, record);
}

absl::StatusOr<std::unique_ptr<host::FarEnd>> OpenFarEnd(const Resources& resources,
                                                         const MachineAccess& access,
                                                         const host::hv1::Begin& begin,
                                                         absl::Time deadline,
                                                         const std::function<bool()>& cancelled) {
  return resources.hosts->Connect(access.login, begin, deadline, cancelled);
}

absl::StatusOr<std::unique_ptr<host::FarEnd>> OpenReader(const Resources& resources,
                                                         const MachineAccess& access,
                                                         absl::Time deadline) {
  return OpenFarEnd(resources, access, ReadOnly(), deadline);
}

absl::StatusOr<std::unique_ptr<host::FarEnd>> LogInAndRead(const Resources& resources,
                                                           const MachineAccess& access,
                                                           absl::Time deadline) {
  return resources.hosts->LogIn(access.login, ReadOnly(), deadline);
}

}  // namespace dmgr::machines
