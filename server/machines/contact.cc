#include "server/machines/contact.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <utility>
#include <vector>

#include "common/address.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/host/near/ask_shell.h"
#include "server/machines/access.h"

namespace dmgr::machines {
namespace {

// Ways to become root, in the order in which they are tried.
std::vector<std::pair<v1::Privilege, host::RootAccess>> RootWays(const v1::Machine& machine,
                                                                 const v1::Credential& credential) {
  if (machine.privilege() == v1::PRIVILEGE_NONE) {
    return {{v1::PRIVILEGE_NONE, {.without_root = true}}};
  }
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

// A key proves itself without going to the host; a password goes to whoever answers in its place.
absl::Status CheckConfirmed(const v1::Machine& machine, const v1::Credential& credential,
                            const std::string& expected_host_key) {
  const bool has_password = !credential.password().empty() || !credential.sudo_password().empty();
  if (!has_password || !expected_host_key.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "HOST_KEY_UNCONFIRMED",
               "{}: nobody has confirmed the host key of {}, and a password would go to whoever "
               "answers there",
               machine.machine_id(), machine.host())
      .With("machine", machine.machine_id())
      .With("host", machine.host())
      .Remedy(
          "look at the fingerprint on the host itself (ssh-keygen -lf "
          "/etc/ssh/ssh_host_ed25519_key.pub), and name it")
      .Next(v1::ACTION_REPLACE_MACHINE,
            {{"machine_id", machine.machine_id()}, {"host_key_fingerprint", ""}});
}

// Without it the user's systemd ends with the last login, and all units with it.
absl::Status CheckUserInstance(const host::hv1::Facts& seen) {
  const auto& instance = seen.user_instance();
  const std::string& user = instance.user();
  if (!instance.lingers()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_LINGER",
                 "{}: what {} runs ends when {} logs out, and does not start at boot",
                 seen.hostname(), user, user)
        .With("host", seen.hostname())
        .Remedy(fmt::format("have root say once on the host: loginctl enable-linger {}", user));
  }
  if (instance.runs()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "NO_USER_SYSTEMD",
               "{}: the systemd of user {} does not run, or does not answer", seen.hostname(), user)
      .With("host", seen.hostname())
      .Remedy(
          fmt::format("see on the host why: systemctl status user@$(id -u {}).service; it needs "
                      "pam_systemd, in Debian the package libpam-systemd",
                      user));
}

// Where the far end is kept; without root in the home of the login unless the machine says it.
absl::StatusOr<std::string> FarEndDirOf(ssh::Session* session, const v1::Machine& machine,
                                        absl::Time deadline) {
  if (!machine.far_end_dir().empty()) return machine.far_end_dir();
  if (machine.privilege() != v1::PRIVILEGE_NONE) return std::string(kDefaultFarEndDir);
  ASSIGN_OR_RETURN(const std::string home,
                   host::AskShell(session, machine.machine_id(), "echo $HOME", deadline));
  return home + "/.dmgr";
}

}  // namespace

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
  facts.set_boot_id(seen.boot_id());
  facts.set_os(seen.os());
  facts.set_kernel(seen.kernel());
  facts.set_arch(ArchName(seen.arch()));
  facts.set_cpu_cores(seen.cpu_cores());
  facts.set_memory_bytes(seen.memory_bytes());
  if (seen.free_bytes_size() > 0) facts.set_disk_free_bytes(seen.free_bytes(0));
  facts.set_systemd_version(seen.systemd_version());
  *facts.mutable_clock_offset() = google::protobuf::util::TimeUtil::MillisecondsToDuration(
      seen.clock_ms() - absl::ToUnixMillis(middle));
  facts.mutable_observe_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  if (seen.has_user_instance()) RETURN_IF_ERROR(CheckUserInstance(seen));
  if (!seen.systemd_running()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_SYSTEMD", "systemd does not run on {}",
                 seen.hostname())
        .Remedy("dmgr manages hosts with systemd only");
  }
  return facts;
}

absl::StatusOr<Contact> TryContact(const Resources& resources, const v1::Machine& machine,
                                   const v1::Credential& credential,
                                   const std::string& expected_host_key) {
  RETURN_IF_ERROR(CheckConfirmed(machine, credential, expected_host_key));
  const absl::Time deadline = SteadyNow() + kContactTimeout;
  ssh::Endpoint endpoint = EndpointOf(machine, credential, expected_host_key);
  ASSIGN_OR_RETURN(endpoint.jumps, JumpsThrough(resources, machine.via()));
  Contact contact;
  absl::Status last;
  for (const auto& [privilege, root] : RootWays(machine, credential)) {
    ASSIGN_OR_RETURN(auto session, ssh::Session::Connect(endpoint, deadline));
    contact.host_key = session->host_key();
    endpoint.pinned_host_key = contact.host_key;
    ASSIGN_OR_RETURN(const std::string dir, FarEndDirOf(session.get(), machine, deadline));
    host::hv1::Begin begin;
    begin.set_mode(host::hv1::Begin::MODE_READ);
    auto far_end = host::FarEnd::StartOverSsh(std::move(session), machine.machine_id(),
                                              *resources.far_end, dir, root, begin, deadline);
    last = far_end.status();
    if (Reason(last) == "SUDO_REFUSED") continue;
    if (!last.ok()) break;
    contact.privilege = privilege;
    contact.far_end_dir = dir;
    ASSIGN_OR_RETURN(contact.facts, ReadFacts(far_end->get(), dir, deadline));
    return contact;
  }
  return Annotate(last, machine.user() + "@" +
                            JoinHostPort(machine.host(), static_cast<int>(machine.ssh_port())));
}

}  // namespace dmgr::machines
