#include "server/machines/machines.h"

#include <fmt/format.h>
#include <google/protobuf/util/field_mask_util.h>
#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/cord.h"
#include "common/error.h"
#include "common/labels.h"
#include "common/secret.h"
#include "common/short_status.h"
#include "common/steady_time.h"
#include "server/machines/access.h"
#include "server/machines/clones.h"
#include "server/machines/contact.h"
#include "server/machines/follow.h"
#include "server/store/machine_store.h"
#include "server/topology/topology.h"

namespace dmgr::machines {
namespace {

constexpr int kMaxAllowedUsers = 64;

void CheckText(const std::string& field, const std::string& value, const char* pattern,
               const char* meaning, std::vector<topology::Problem>* problems) {
  if (re2::RE2::FullMatch(value, re2::RE2(pattern, re2::RE2::Latin1))) return;
  problems->push_back({field, fmt::format("must be {}", meaning)});
}

void CheckHost(const std::string& field, const std::string& host,
               std::vector<topology::Problem>* problems) {
  CheckText(field, host, "[a-zA-Z0-9][a-zA-Z0-9._-]{0,252}|[0-9a-fA-F:.]{2,45}",
            "a host name or an address", problems);
}

void CheckPort(const std::string& field, unsigned port, std::vector<topology::Problem>* problems) {
  if (port < 1 || port > 65535) problems->push_back({field, "must be 1 to 65535"});
}

absl::Status ToStatus(const std::string& subject, const std::vector<topology::Problem>& problems) {
  if (problems.empty()) return absl::OkStatus();
  std::vector<std::string> texts;
  for (const auto& problem : problems) texts.push_back(problem.field + " " + problem.text);
  Error error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{}",
              Findings(subject, texts));
  for (const auto& problem : problems) error.Field(problem.field, problem.text);
  return error;
}

absl::Status ValidateNames(const v1::Machine& machine) {
  const auto& names = machine.allowed_users();
  if (names.size() <= kMaxAllowedUsers &&
      std::all_of(names.begin(), names.end(),
                  [](const auto& name) { return topology::IsOtherUserName(name); })) {
    return absl::OkStatus();
  }
  return ToStatus(
      "machine " + machine.machine_id(),
      {{"machine.allowed_users",
        fmt::format("must be at most {} names of users and groups", kMaxAllowedUsers)}});
}

// Below folders that belong to users, or to everybody, on every host. Of others the host is asked
// when it is reached.
bool IsOpenToUsers(const std::string& dir) {
  constexpr std::string_view kOpen[] = {"/tmp/", "/var/tmp/", "/dev/", "/home/", "/run/user/"};
  return std::any_of(std::begin(kOpen), std::end(kOpen),
                     [&](std::string_view open) { return (dir + "/").starts_with(open); });
}

absl::Status Validate(const v1::Machine& machine, const v1::Credential& credential) {
  std::vector<topology::Problem> problems;
  CheckText("machine.machine_id", machine.machine_id(), "[a-zA-Z0-9][a-zA-Z0-9._:-]{0,127}",
            "1 to 128 of letters, digits and . _ : -", &problems);
  CheckHost("machine.host", machine.host(), &problems);
  CheckText("machine.user", machine.user(), "[a-zA-Z0-9_][a-zA-Z0-9._@\\\\-]{0,63}", "a login name",
            &problems);
  CheckPort("machine.ssh_port", machine.ssh_port(), &problems);
  if (!machine.far_end_dir().empty() && !topology::IsCleanPath(machine.far_end_dir())) {
    problems.push_back({"machine.far_end_dir", "must be a plain absolute path"});
  }
  const bool without_root = machine.privilege() == v1::PRIVILEGE_NONE;
  if (without_root && machine.user() == "root") {
    problems.push_back({"machine.user", "is root: name the user whom clusters run as there"});
  }
  if (!without_root && IsOpenToUsers(machine.far_end_dir())) {
    problems.push_back({"machine.far_end_dir",
                        "must not be where users may write: what is kept there runs as root"});
  }
  if (credential.password().empty() && credential.private_key().empty()) {
    problems.push_back({"credential", "a password or a private key is needed"});
  }
  return ToStatus("machine " + machine.machine_id(), problems);
}

void Seal(const Resources& resources, const v1::Credential& credential,
          store::MachineRecord* record) {
  const Secret serialised(credential.SerializeAsString());
  record->sealed_credential =
      resources.secrets->Seal(serialised.text(), CredentialContext(*record));
  record->machine.set_credential_kind(credential.private_key().empty()
                                          ? v1::CREDENTIAL_KIND_PASSWORD
                                          : v1::CREDENTIAL_KIND_PRIVATE_KEY);
}

void Apply(const Contact& contact, store::MachineRecord* record) {
  record->host_key = contact.host_key;
  record->machine.set_privilege(contact.privilege);
  if (contact.privilege == v1::PRIVILEGE_NONE) {
    record->machine.set_far_end_dir(contact.far_end_dir);
  }
  record->machine.set_host_key_fingerprint(ssh::Fingerprint(contact.host_key));
  *record->machine.mutable_facts() = contact.facts;
}

bool Names(const google::protobuf::FieldMask& mask, std::string_view path) {
  return std::find(mask.paths().begin(), mask.paths().end(), path) != mask.paths().end();
}

// Sets the fields of mask that an update may set.
absl::Status ApplyMask(const v1::Machine& wanted, const google::protobuf::FieldMask& mask,
                       store::MachineRecord* record) {
  using google::protobuf::util::FieldMaskUtil;
  google::protobuf::FieldMask known;
  FieldMaskUtil::FromString(
      "host,ssh_port,user,far_end_dir,host_key_fingerprint,description,labels,allowed_users,"
      "via",
      &known);
  for (const std::string& path : mask.paths()) {
    if (Names(known, path)) continue;
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{} cannot be updated",
                 path)
        .Field("update_mask", path + " cannot be updated");
  }
  FieldMaskUtil::MergeOptions as_wanted;
  as_wanted.set_replace_message_fields(true);
  as_wanted.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(wanted, mask, as_wanted, &record->machine);
  if (!Names(mask, "host_key_fingerprint")) return absl::OkStatus();
  // The word of an admin that the host has a new key, and which.
  if (!wanted.host_key_fingerprint().starts_with("SHA256:") &&
      ssh::Fingerprint(wanted.host_key_fingerprint()).empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "a host key is given as its fingerprint, SHA256:..., or in full")
        .Field("machine.host_key_fingerprint", "must begin with SHA256:");
  }
  record->host_key = wanted.host_key_fingerprint();
  return absl::OkStatus();
}

// The error of a first contact: what is not registered is neither checked nor replaced, and what
// would update it is said when it is added.
absl::Status ForNewMachine(absl::Status status) {
  v1::NextActions next;
  for (v1::NextAction& action : NextActionsOf(status)) {
    if (action.action() == v1::ACTION_CHECK_MACHINE) continue;
    if (action.action() == v1::ACTION_REPLACE_MACHINE) continue;
    if (action.action() == v1::ACTION_UPDATE_MACHINE) action.set_action(v1::ACTION_CREATE_MACHINE);
    *next.add_actions() = std::move(action);
  }
  status.SetPayload(ToAbsl("type.googleapis.com/" + v1::NextActions::descriptor()->full_name()),
                    absl::Cord(next.SerializeAsString()));
  return status;
}

absl::Status CheckSameHost(const v1::Machine& machine, const Contact& contact) {
  const std::string& known = machine.facts().machine_identity();
  if (known.empty() || contact.facts.machine_identity() == known) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DIFFERENT_HOST",
               "{} is another host than the one registered as {} (its machine-id differs)",
               machine.host(), machine.machine_id())
      .With("machine", machine.machine_id())
      .Remedy("register it as a machine of its own, or let it take that one's place")
      .Next(v1::ACTION_REPLACE_MACHINE, {{"machine_id", machine.machine_id()}})
      .Next(v1::ACTION_CREATE_MACHINE);
}

// Before anybody is asked on the way; it is looked at again when it is stored.
absl::Status CheckWay(const Resources& resources, const v1::Machine& machine) {
  return resources.database->Transact([&](store::Transaction& tx) {
    return store::CheckJumps(tx, machine.machine_id(), machine.via());
  });
}

// What is there without root is below the login's home, and is the login's.
absl::Status CheckSameLogin(const v1::Machine& known, const v1::Machine& wanted) {
  if (known.privilege() != v1::PRIVILEGE_NONE || known.user() == wanted.user()) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "LOGIN_STAYS",
               "machine {} is one without root, which belongs to its login {}: another login is "
               "another machine",
               known.machine_id(), known.user())
      .With("machine", known.machine_id())
      .Remedy("delete the machine, and register it with the other login")
      .Next(v1::ACTION_CREATE_MACHINE);
}

// Looks at the host as the record says now, and puts into the record what is seen.
absl::Status Reconnect(const Resources& resources, const v1::Credential& credential, bool replaces,
                       store::MachineRecord* record) {
  RETURN_IF_ERROR(Validate(record->machine, credential));
  RETURN_IF_ERROR(CheckWay(resources, record->machine));
  ASSIGN_OR_RETURN(const Contact contact,
                   TryContact(resources, record->machine, credential, record->host_key));
  if (!replaces) RETURN_IF_ERROR(CheckSameHost(record->machine, contact));
  RETURN_IF_ERROR(CheckNoClone(resources, record->machine, contact.facts));
  Apply(contact, record);
  Seal(resources, credential, record);
  return absl::OkStatus();
}

// UpdateMachine and ReplaceMachine.
template <typename Request, typename Response>
absl::Status Change(const Resources& resources, const Request& request, bool replaces,
                    const store::Finish& finish, Response* response) {
  const std::string& id = request.machine().machine_id();
  const google::protobuf::FieldMask& mask = request.update_mask();
  store::MachineRecord record;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetMachine(tx, id));
    return absl::OkStatus();
  }));
  const store::MachineRecord known = record;
  // What is asked for is for the machine as it was read, by the caller or else here.
  if (!request.machine().etag().empty()) record.machine.set_etag(request.machine().etag());
  RETURN_IF_ERROR(ApplyMask(request.machine(), mask, &record));
  RETURN_IF_ERROR(CheckSameLogin(known.machine, record.machine));
  if (replaces && !Names(mask, "host_key_fingerprint")) record.host_key.clear();
  RETURN_IF_ERROR(CheckLabels("machine.", record.machine.description(), record.machine.labels()));
  RETURN_IF_ERROR(ValidateNames(record.machine));
  // What nobody but dmgrd knows needs no host.
  const auto notes = (Names(mask, "description") ? 1 : 0) + (Names(mask, "labels") ? 1 : 0) +
                     (Names(mask, "allowed_users") ? 1 : 0);
  const bool only_notes = notes > 0 && notes == mask.paths_size();
  if (replaces || request.has_credential() || !only_notes) {
    v1::Credential credential = request.credential();
    const absl::Cleanup wiped = [&] { WipeCredential(&credential); };
    if (!request.has_credential()) {
      ASSIGN_OR_RETURN(credential, OpenCredential(resources, known));
    }
    RETURN_IF_ERROR(Reconnect(resources, credential, replaces, &record));
  }
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::UpdateMachine(tx, record));
    ASSIGN_OR_RETURN(const auto behind, FollowMachine(tx, known.machine, record.machine));
    ASSIGN_OR_RETURN(const auto stored, store::GetMachine(tx, id));
    *response->mutable_machine() = stored.machine;
    *response->mutable_clusters_at_former_host() = {behind.begin(), behind.end()};
    return finish(tx, *response);
  });
}

}  // namespace

absl::StatusOr<v1::HostKey> ScanHostKey(const Resources& resources,
                                        const v1::ScanHostKeyRequest& request) {
  const unsigned port = request.ssh_port() == 0 ? 22 : request.ssh_port();
  std::vector<topology::Problem> problems;
  CheckHost("host", request.host(), &problems);
  CheckPort("ssh_port", port, &problems);
  RETURN_IF_ERROR(ToStatus("host " + request.host(), problems));
  ssh::Endpoint endpoint{.host = request.host(), .port = static_cast<int>(port)};
  ASSIGN_OR_RETURN(endpoint.jumps, JumpsThrough(resources, request.via()));
  ASSIGN_OR_RETURN(
      const std::string line,
      ssh::ScanHostKey(endpoint, {request.key_types().begin(), request.key_types().end()},
                       SteadyNow() + kContactTimeout));
  v1::HostKey key;
  key.set_type(line.substr(0, line.find(' ')));
  key.set_fingerprint(ssh::Fingerprint(line));
  key.set_public_key(line);
  return key;
}

absl::Status CreateMachine(const Resources& resources, const v1::CreateMachineRequest& request,
                           const store::Finish& finish, v1::CreateMachineResponse* response) {
  store::MachineRecord record;
  record.machine = request.machine();
  v1::Machine& machine = record.machine;
  if (machine.ssh_port() == 0) machine.set_ssh_port(22);
  if (machine.user().empty()) machine.set_user("root");
  if (machine.machine_id().empty()) {
    machine.set_machine_id(machine.ssh_port() == 22
                               ? machine.host()
                               : fmt::format("{}:{}", machine.host(), machine.ssh_port()));
  }
  RETURN_IF_ERROR(Validate(machine, request.credential()));
  RETURN_IF_ERROR(CheckLabels("machine.", machine.description(), machine.labels()));
  RETURN_IF_ERROR(ValidateNames(machine));
  // A taken id is told before the host is asked anything.
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    auto existing = store::GetMachine(tx, machine.machine_id());
    if (absl::IsNotFound(existing.status())) return absl::OkStatus();
    RETURN_IF_ERROR(existing.status());
    return Error(absl::StatusCode::kAlreadyExists, "MACHINE_EXISTS",
                 "machine {} is registered already", machine.machine_id())
        .With("machine", machine.machine_id())
        .Remedy("choose another id, or change that one")
        .Next(v1::ACTION_UPDATE_MACHINE, {{"machine_id", machine.machine_id()}});
  }));
  RETURN_IF_ERROR(CheckWay(resources, machine));
  const auto contact =
      TryContact(resources, machine, request.credential(), request.expected_host_key_fingerprint());
  if (!contact.ok()) return ForNewMachine(contact.status());
  RETURN_IF_ERROR(CheckNoClone(resources, machine, contact->facts));
  Apply(*contact, &record);
  Seal(resources, request.credential(), &record);
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::InsertMachine(tx, record));
    ASSIGN_OR_RETURN(const auto stored, store::GetMachine(tx, machine.machine_id()));
    *response->mutable_machine() = stored.machine;
    return finish(tx, *response);
  });
}

absl::Status UpdateMachine(const Resources& resources, const v1::UpdateMachineRequest& request,
                           const store::Finish& finish, v1::UpdateMachineResponse* response) {
  return Change(resources, request, /*replaces=*/false, finish, response);
}

absl::Status ReplaceMachine(const Resources& resources, const v1::ReplaceMachineRequest& request,
                            const store::Finish& finish, v1::ReplaceMachineResponse* response) {
  return Change(resources, request, /*replaces=*/true, finish, response);
}

absl::Status DeleteMachine(const Resources& resources, const v1::DeleteMachineRequest& request,
                           const store::Finish& finish) {
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::DeleteMachine(tx, request.machine_id(), request.force()));
    return finish(tx, v1::DeleteMachineResponse());
  });
}

}  // namespace dmgr::machines
