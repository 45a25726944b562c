#include "server/machines/machines.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <utility>

#include "common/address.h"
#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/machines/access.h"
#include "server/store/machine_store.h"
#include "server/topology/topology.h"

namespace dmgr::machines {
namespace {

constexpr absl::Duration kContactTimeout = absl::Seconds(30);

// Certificates, tokens and etcd leases suffer from more.
constexpr std::int64_t kMaxClockOffsetMs = 500;
constexpr std::uint64_t kLowDiskBytes = 2ULL << 30;
constexpr std::uint32_t kOldestSystemd = 219;  // CentOS 7

// What a first contact found out.
struct Contact {
  std::string host_key;
  v1::Privilege privilege = v1::PRIVILEGE_UNSPECIFIED;
  v1::Facts facts;
};

absl::StatusOr<v1::Facts> ReadFacts(host::FarEnd* far_end, const std::string& far_end_dir,
                                    absl::Time deadline) {
  host::hv1::ToHost request;
  request.mutable_get_facts()->add_paths(far_end_dir);
  host::CallOptions options;
  options.deadline = deadline;
  const absl::Time before = absl::Now();
  ASSIGN_OR_RETURN(auto reply, far_end->Call(std::move(request), options));
  const absl::Time middle = before + (absl::Now() - before) / 2;
  const auto& seen = reply.facts();
  v1::Facts facts;
  facts.set_hostname(seen.hostname());
  facts.set_machine_identity(seen.machine_id());
  facts.set_os(seen.os());
  facts.set_kernel(seen.kernel());
  facts.set_arch(ArchName(seen.arch()));
  facts.set_cpu_cores(seen.cpu_cores());
  facts.set_memory_bytes(seen.memory_bytes());
  if (seen.free_bytes_size() > 0) facts.set_disk_free_bytes(seen.free_bytes(0));
  facts.set_systemd_version(seen.systemd_version());
  facts.set_clock_offset_ms(seen.clock_ms() - absl::ToUnixMillis(middle));
  facts.mutable_observe_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  if (!seen.systemd_running()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_SYSTEMD", "systemd does not run on {}",
                 seen.hostname())
        .Remedy("dmgr manages hosts with systemd only");
  }
  return facts;
}

// Ways to become root, in the order in which they are tried.
std::vector<std::pair<v1::Privilege, host::RootAccess>> RootWays(const v1::Machine& machine,
                                                                 const v1::Credential& credential) {
  if (machine.user() == "root")
    return {{v1::PRIVILEGE_ROOT, {.is_root = true, .sudo_password = ""}}};
  std::vector<std::pair<v1::Privilege, host::RootAccess>> ways = {
      {v1::PRIVILEGE_SUDO, {.is_root = false, .sudo_password = ""}}};
  const std::string& password =
      credential.sudo_password().empty() ? credential.password() : credential.sudo_password();
  if (!password.empty()) {
    ways.emplace_back(v1::PRIVILEGE_SUDO_PASSWORD,
                      host::RootAccess{.is_root = false, .sudo_password = password});
  }
  return ways;
}

absl::StatusOr<Contact> TryContact(const Resources& resources, const v1::Machine& machine,
                                   const v1::Credential& credential,
                                   const std::string& expected_host_key) {
  const absl::Time deadline = absl::Now() + kContactTimeout;
  const std::string dir = machine.far_end_dir().empty() ? kDefaultFarEndDir : machine.far_end_dir();
  ssh::Endpoint endpoint{.host = machine.host(),
                         .port = static_cast<int>(machine.ssh_port()),
                         .user = machine.user(),
                         .private_key = credential.private_key(),
                         .passphrase = credential.passphrase(),
                         .password = credential.password(),
                         .pinned_host_key = expected_host_key};
  Contact contact;
  absl::Status last;
  for (const auto& [privilege, root] : RootWays(machine, credential)) {
    ASSIGN_OR_RETURN(auto session, ssh::Session::Connect(endpoint, deadline));
    contact.host_key = session->host_key();
    endpoint.pinned_host_key = contact.host_key;
    host::hv1::Begin begin;
    begin.set_mode(host::hv1::Begin::MODE_READ);
    auto far_end = host::FarEnd::StartOverSsh(std::move(session), machine.machine_id(),
                                              *resources.far_end, dir, root, begin, deadline);
    last = far_end.status();
    if (Reason(last) == "SUDO_REFUSED") continue;
    if (!last.ok()) break;
    contact.privilege = privilege;
    ASSIGN_OR_RETURN(contact.facts, ReadFacts(far_end->get(), dir, deadline));
    return contact;
  }
  return Annotate(last, machine.user() + "@" +
                            JoinHostPort(machine.host(), static_cast<int>(machine.ssh_port())));
}

void CheckText(const std::string& field, const std::string& value, const char* pattern,
               const char* meaning, std::vector<topology::Problem>* problems) {
  if (std::regex_match(value, std::regex(pattern))) return;
  problems->push_back({field, fmt::format("must be {}", meaning)});
}

absl::Status Validate(const v1::Machine& machine, const v1::Credential& credential) {
  std::vector<topology::Problem> problems;
  CheckText("machine.machine_id", machine.machine_id(), "[a-zA-Z0-9][a-zA-Z0-9._:-]{0,127}",
            "1 to 128 of letters, digits and . _ : -", &problems);
  CheckText("machine.host", machine.host(), "[a-zA-Z0-9][a-zA-Z0-9._-]{0,252}|[0-9a-fA-F:.]{2,45}",
            "a host name or an address", &problems);
  CheckText("machine.user", machine.user(), "[a-zA-Z0-9_][a-zA-Z0-9._@\\\\-]{0,63}", "a login name",
            &problems);
  if (machine.ssh_port() < 1 || machine.ssh_port() > 65535) {
    problems.push_back({"machine.ssh_port", "must be 1 to 65535"});
  }
  if (!machine.far_end_dir().empty() && !topology::IsCleanPath(machine.far_end_dir())) {
    problems.push_back({"machine.far_end_dir", "must be a plain absolute path"});
  }
  if (credential.password().empty() && credential.private_key().empty()) {
    problems.push_back({"credential", "a password or a private key is needed"});
  }
  if (problems.empty()) return absl::OkStatus();
  std::vector<std::string> texts;
  for (const auto& problem : problems) texts.push_back(problem.field + " " + problem.text);
  Error error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{}", fmt::join(texts, "; "));
  for (const auto& problem : problems) error.Field(problem.field, problem.text);
  return error;
}

void Seal(const Resources& resources, const v1::Credential& credential,
          store::MachineRecord* record) {
  record->sealed_credential = resources.secrets->Seal(
      credential.SerializeAsString(), CredentialContext(record->machine.machine_id()));
  record->machine.set_credential_kind(credential.private_key().empty()
                                          ? v1::CREDENTIAL_KIND_PASSWORD
                                          : v1::CREDENTIAL_KIND_PRIVATE_KEY);
}

void Apply(const Contact& contact, store::MachineRecord* record) {
  record->host_key = contact.host_key;
  record->machine.set_privilege(contact.privilege);
  record->machine.set_host_key_fingerprint(ssh::Fingerprint(contact.host_key));
  *record->machine.mutable_facts() = contact.facts;
}

void AddItem(v1::CheckMachineResponse* response, const std::string& name,
             v1::CheckItem::Level level, const std::string& message) {
  auto* item = response->add_items();
  item->set_name(name);
  item->set_level(level);
  item->set_message(message);
}

std::string Words(v1::Privilege privilege) {
  switch (privilege) {
    case v1::PRIVILEGE_ROOT:
      return "logs in as root";
    case v1::PRIVILEGE_SUDO:
      return "root through sudo, without a password";
    default:
      return "root through sudo, with a password";
  }
}

// The item that an error of the first contact belongs to.
std::string ItemOf(const absl::Status& error) {
  static const std::map<std::string, std::string> kItems = {
      {"SUDO_REFUSED", "privilege"},     {"SSH_LOGIN_REFUSED", "login"},
      {"HOST_KEY_MISMATCH", "host key"}, {"NO_SYSTEMD", "systemd"},
      {"ARCH_NOT_SUPPORTED", "arch"},    {"FAR_END_DIR_UNUSABLE", "disk"},
      {"HOST_NO_SPACE", "disk"}};
  const auto found = kItems.find(std::string(Reason(error)));
  return found == kItems.end() ? "reachable" : found->second;
}

void JudgeFacts(const v1::Facts& facts, v1::CheckMachineResponse* response) {
  using Item = v1::CheckItem;
  AddItem(response, "system", Item::LEVEL_OK,
          fmt::format("{}, kernel {}, {}, {} cores, {} MiB memory", facts.os(), facts.kernel(),
                      facts.arch(), facts.cpu_cores(), facts.memory_bytes() >> 20));
  const bool known = facts.arch() == "amd64" || facts.arch() == "arm64";
  if (!known) {
    AddItem(response, "arch", Item::LEVEL_FAILED, facts.arch() + " is not supported");
  }
  AddItem(
      response, "systemd",
      facts.systemd_version() >= kOldestSystemd ? Item::LEVEL_OK : Item::LEVEL_FAILED,
      fmt::format("version {} (at least {} is needed)", facts.systemd_version(), kOldestSystemd));
  AddItem(response, "disk",
          facts.disk_free_bytes() >= kLowDiskBytes ? Item::LEVEL_OK : Item::LEVEL_WARNING,
          fmt::format("{} MiB free where the far end is kept{}", facts.disk_free_bytes() >> 20,
                      facts.disk_free_bytes() >= kLowDiskBytes
                          ? ""
                          : fmt::format("; free some: below {} MiB a deploy may find no room",
                                        kLowDiskBytes >> 20)));
  const bool in_time = std::abs(facts.clock_offset_ms()) <= kMaxClockOffsetMs;
  AddItem(response, "clock", in_time ? Item::LEVEL_OK : Item::LEVEL_WARNING,
          in_time ? fmt::format("{} ms off", facts.clock_offset_ms())
                  : fmt::format("{} ms off: set up chrony or systemd-timesyncd",
                                facts.clock_offset_ms()));
}

}  // namespace

absl::StatusOr<v1::Machine> CreateMachine(const Resources& resources,
                                          const v1::CreateMachineRequest& request) {
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
  // A taken id is told before the host is asked anything.
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    auto existing = store::GetMachine(tx, machine.machine_id());
    if (absl::IsNotFound(existing.status())) return absl::OkStatus();
    RETURN_IF_ERROR(existing.status());
    return Error(absl::StatusCode::kAlreadyExists, "MACHINE_EXISTS",
                 "machine {} is registered already", machine.machine_id())
        .With("machine", machine.machine_id())
        .Remedy("choose another id, or change it: dmgrctl machine update " + machine.machine_id());
  }));
  ASSIGN_OR_RETURN(Contact contact, TryContact(resources, machine, request.credential(),
                                               request.expected_host_key_fingerprint()));
  Apply(contact, &record);
  Seal(resources, request.credential(), &record);
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::InsertMachine(tx, record));
    ASSIGN_OR_RETURN(record, store::GetMachine(tx, record.machine.machine_id()));
    return absl::OkStatus();
  }));
  return record.machine;
}

absl::StatusOr<v1::Machine> UpdateMachine(const Resources& resources,
                                          const v1::UpdateMachineRequest& request) {
  store::MachineRecord record;
  const std::string id = request.machine().machine_id();
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetMachine(tx, id));
    return absl::OkStatus();
  }));
  const v1::Machine& wanted = request.machine();
  if (!wanted.etag().empty()) record.machine.set_etag(wanted.etag());
  for (const auto& path : request.update_mask().paths()) {
    if (path == "host") {
      record.machine.set_host(wanted.host());
    } else if (path == "ssh_port") {
      record.machine.set_ssh_port(wanted.ssh_port());
    } else if (path == "user") {
      record.machine.set_user(wanted.user());
    } else if (path == "far_end_dir") {
      record.machine.set_far_end_dir(wanted.far_end_dir());
    } else if (path == "host_key_fingerprint") {
      // The word of an admin that the host has a new key, and which.
      if (wanted.host_key_fingerprint().rfind("SHA256:", 0) != 0) {
        return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                     "a host key is given as its fingerprint, SHA256:...")
            .Field("machine.host_key_fingerprint", "must begin with SHA256:");
      }
      record.host_key = wanted.host_key_fingerprint();
    } else {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{} cannot be updated",
                   path)
          .Field("update_mask", path + " cannot be updated");
    }
  }
  const auto& paths = request.update_mask().paths();
  if (request.replaced() &&
      std::find(paths.begin(), paths.end(), "host_key_fingerprint") == paths.end()) {
    record.host_key.clear();
  }
  v1::Credential credential = request.credential();
  if (!request.has_credential()) {
    ASSIGN_OR_RETURN(std::string opened,
                     resources.secrets->Open(record.sealed_credential, CredentialContext(id)));
    credential.ParseFromString(opened);
  }
  RETURN_IF_ERROR(Validate(record.machine, credential));
  ASSIGN_OR_RETURN(Contact contact,
                   TryContact(resources, record.machine, credential, record.host_key));
  if (!request.replaced() && !record.machine.facts().machine_identity().empty() &&
      contact.facts.machine_identity() != record.machine.facts().machine_identity()) {
    return Error(absl::StatusCode::kFailedPrecondition, "DIFFERENT_HOST",
                 "{} is another host than the one registered as {} (its machine-id differs)",
                 record.machine.host(), id)
        .With("machine", id)
        .Remedy(
            "register it as a machine of its own, or, if it takes that one's place: dmgrctl "
            "machine "
            "replace " +
            id);
  }
  Apply(contact, &record);
  Seal(resources, credential, &record);
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::UpdateMachine(tx, record));
    ASSIGN_OR_RETURN(record, store::GetMachine(tx, id));
    return absl::OkStatus();
  }));
  return record.machine;
}

absl::StatusOr<v1::CheckMachineResponse> CheckMachine(const Resources& resources,
                                                      const std::string& machine_id) {
  ASSIGN_OR_RETURN(MachineAccess access, LoadAccess(resources, machine_id));
  v1::CheckMachineResponse response;
  const absl::Time deadline = absl::Now() + kContactTimeout;
  auto far_end = LogInAndRead(resources, access, deadline);
  auto facts = far_end.ok() ? ReadFacts(far_end->get(), access.far_end_dir, deadline)
                            : absl::StatusOr<v1::Facts>(far_end.status());
  if (facts.ok()) {
    AddItem(&response, "reachable", v1::CheckItem::LEVEL_OK,
            fmt::format("{}@{}, host key as pinned", access.endpoint.user,
                        JoinHostPort(access.endpoint.host, access.endpoint.port)));
    AddItem(&response, "privilege", v1::CheckItem::LEVEL_OK, Words(access.privilege));
    JudgeFacts(*facts, &response);
    *response.mutable_facts() = *facts;
  } else {
    AddItem(&response, ItemOf(facts.status()), v1::CheckItem::LEVEL_FAILED,
            fmt::format("{}; {}", Message(facts.status()), Metadata(facts.status(), "remedy")));
  }
  response.set_ok(std::none_of(response.items().begin(), response.items().end(), [](auto& item) {
    return item.level() == v1::CheckItem::LEVEL_FAILED;
  }));
  return response;
}

}  // namespace dmgr::machines
