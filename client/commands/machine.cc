// machine add, list, show, check, clean, update, replace, remove.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/host_key.h"
#include "client/commands/labels.h"
#include "client/output/next_actions.h"
#include "common/error.h"
#include "dmgr/v1/machine_service.pb.h"

namespace dmgr::client {
namespace {

struct MachineOptions {
  std::string id;
  std::string host;
  unsigned port = 0;
  std::string user;
  std::string key_file;
  bool ask_password = false;
  bool ask_passphrase = false;
  bool ask_sudo_password = false;
  bool without_root = false;
  std::string far_end_dir;
  HostKeyOptions trusted;
  bool direct = false;
  std::string description;
  std::vector<std::string> labels;
  std::vector<std::string> allowed_users;
  ChangeOptions change;
  // What the options above lead to.
  v1::Credential credential;

  bool SendsPassword() const { return ask_password || ask_sudo_password; }
  bool HasCredential() const {
    return !credential.private_key().empty() || !credential.password().empty();
  }
};

void DeclareAccess(const Syntax& syntax, MachineOptions* options) {
  syntax.Add("-P,--port", &options->port, "SSH port (22)").Between(1, 65535);
  syntax.Add("-u,--user", &options->user, "login (root)");
  syntax.Add("-i,--key", &options->key_file, "private key file").File();
  syntax.Flag("--passphrase", &options->ask_passphrase, "ask for the key's passphrase");
  syntax.Flag("-p,--password", &options->ask_password,
              "ask for the login password (also used for sudo)");
  syntax.Flag("--sudo-password", &options->ask_sudo_password,
              "ask for a sudo password that differs from the login password");
  syntax.Add("--far-end-dir", &options->far_end_dir,
             "folder for dmgr-host on the host; must allow execution (/var/lib/dmgr; without root "
             ".dmgr in the login's home)");
  DeclareHostKey(syntax, &options->trusted);
  syntax.Add("--description", &options->description, "what the machine is for");
  syntax
      .Add("--allow-user", &options->allowed_users,
           "user or group that clusters may run as though dmgr did not make it (none)")
      .List();
}

// Secrets come from prompts (or lines of standard input), never from the command line.
absl::Status ReadCredential(Environment& environment, MachineOptions* options) {
  v1::Credential& credential = options->credential;
  if (!options->key_file.empty()) {
    ASSIGN_OR_RETURN(*credential.mutable_private_key(), ReadInput(options->key_file));
  }
  if (options->ask_passphrase) {
    ASSIGN_OR_RETURN(*credential.mutable_passphrase(),
                     environment.terminal->AskSecret("Passphrase of the key"));
  }
  if (options->ask_password) {
    ASSIGN_OR_RETURN(*credential.mutable_password(),
                     environment.terminal->AskSecret("Login password"));
  }
  if (options->ask_sudo_password) {
    ASSIGN_OR_RETURN(*credential.mutable_sudo_password(),
                     environment.terminal->AskSecret("sudo password"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Add(Environment& environment, const MachineOptions& options) {
  v1::CreateMachineRequest request;
  auto* machine = request.mutable_machine();
  machine->set_machine_id(options.id);
  machine->set_host(options.host);
  machine->set_ssh_port(options.port);
  machine->set_user(options.user);
  if (options.without_root) machine->set_privilege(v1::PRIVILEGE_NONE);
  machine->set_far_end_dir(options.far_end_dir);
  machine->set_via(options.trusted.via);
  machine->set_description(options.description);
  *machine->mutable_allowed_users() = {options.allowed_users.begin(), options.allowed_users.end()};
  RETURN_IF_ERROR(ChangeLabels(options.labels, machine->mutable_labels()));
  request.set_expected_host_key_fingerprint(options.trusted.host_key);
  *request.mutable_credential() = options.credential;
  if (!options.HasCredential()) {
    return Error(absl::StatusCode::kInvalidArgument, "NO_CREDENTIAL",
                 "how to log in to {} was not said", options.host)
        .Remedy("pass --key FILE or --password");
  }
  ASSIGN_OR_RETURN(const auto response, Make<v1::CreateMachineResponse>(environment, options.change,
                                                                        std::move(request)));
  if (environment.structured() || options.change.dry_run) {
    return Tell(environment, options.change, response, "");
  }
  environment.terminal->out() << "added machine " << response.machine().machine_id() << " ("
                              << response.machine().facts().os() << ", "
                              << response.machine().facts().arch() << "), host key "
                              << response.machine().host_key_fingerprint() << "\n";
  return kDone;
}

Run DeclareAdd(const Syntax& syntax) {
  auto options = std::make_shared<MachineOptions>();
  syntax.Add("HOST", &options->host, "name or address").Required();
  syntax.Add("--id", &options->id, "machine id (the host, with :PORT unless 22)");
  syntax.Add("--label", &options->labels, "KEY=VALUE, to find it by").List();
  syntax.Flag("--without-root", &options->without_root,
              "the login is the user whom clusters run as, and becomes no other "
              "(systemd_mode: user)");
  DeclareAccess(syntax, options.get());
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    RETURN_IF_ERROR(ReadKnownHosts(environment, options->host, options->port, &options->trusted));
    // A password goes to no host that nobody knows; a login by key gives nothing away.
    if (options->SendsPassword() && options->trusted.host_key.empty()) {
      ASSIGN_OR_RETURN(const bool sure, ConfirmHostKey(environment, options->host, options->port,
                                                       options->change.yes, &options->trusted));
      if (!sure) return kRefused;
    }
    RETURN_IF_ERROR(ReadCredential(environment, options.get()));
    return Add(environment, *options);
  };
}

// The fields that were given, and their names.
void SetFields(const MachineOptions& options, v1::Machine* machine,
               google::protobuf::FieldMask* mask) {
  machine->set_machine_id(options.id);
  if (!options.host.empty()) {
    machine->set_host(options.host);
    mask->add_paths("host");
  }
  if (options.port != 0) {
    machine->set_ssh_port(options.port);
    mask->add_paths("ssh_port");
  }
  if (!options.user.empty()) {
    machine->set_user(options.user);
    mask->add_paths("user");
  }
  if (!options.far_end_dir.empty()) {
    machine->set_far_end_dir(options.far_end_dir);
    mask->add_paths("far_end_dir");
  }
  if (!options.trusted.host_key.empty()) {
    machine->set_host_key_fingerprint(options.trusted.host_key);
    mask->add_paths("host_key_fingerprint");
  }
  if (options.direct || !options.trusted.via.empty()) {
    machine->set_via(options.trusted.via);
    mask->add_paths("via");
  }
  if (!options.description.empty()) {
    machine->set_description(options.description);
    mask->add_paths("description");
  }
  if (!options.allowed_users.empty()) {
    *machine->mutable_allowed_users() = {options.allowed_users.begin(),
                                         options.allowed_users.end()};
    mask->add_paths("allowed_users");
  }
}

// The clusters whose instances on the machine have not got its new address yet.
template <typename Names>
void TellFormer(Environment& environment, const std::string& machine, const Names& clusters) {
  std::vector<v1::NextAction> next;
  for (const auto& cluster : clusters) {
    next.push_back(MakeNextAction(v1::ACTION_READDRESS_MACHINE,
                                  {{"from_machine_id", machine}, {"cluster_name", cluster}}));
  }
  if (next.empty()) return;
  environment.terminal->err() << NextText("give the instances there the new address", next);
}

// Updates or replaces.
template <typename Response, typename Request>
absl::StatusOr<ExitCode> Update(Environment& environment, const MachineOptions& options) {
  Request request;
  SetFields(options, request.mutable_machine(), request.mutable_update_mask());
  if (options.HasCredential()) *request.mutable_credential() = options.credential;
  ASSIGN_OR_RETURN(const auto response,
                   Make<Response>(environment, options.change, std::move(request)));
  if (options.change.dry_run) return Tell(environment, options.change, response, "");
  if (environment.structured()) return Tell(environment, options.change, response, "");
  v1::GetMachineResponse shown;
  *shown.mutable_machine() = response.machine();
  environment.Print(shown);
  TellFormer(environment, options.id, response.clusters_at_former_host());
  return kDone;
}

v1::GetMachineRequest Named(const std::string& machine) {
  v1::GetMachineRequest request;
  request.set_machine_id(machine);
  return request;
}

// Its address and the way there, as the record says and as the options change it.
absl::StatusOr<v1::Machine> WhereItIs(Environment& environment, const MachineOptions& options) {
  ASSIGN_OR_RETURN(auto response, environment.Call<v1::GetMachineResponse>(Named(options.id)));
  google::protobuf::FieldMask ignored;
  SetFields(options, response.mutable_machine(), &ignored);
  return response.machine();
}

// The host's key is looked at by the way that the machine has.
HostKeyOptions Through(const v1::Machine& machine, HostKeyOptions trusted) {
  trusted.via = machine.via();
  return trusted;
}

// For who updates or replaces.
void DeclareWay(const Syntax& syntax, MachineOptions* options) {
  syntax.Add("--host,--address", &options->host, "new name or address");
  syntax.Flag("--direct", &options->direct, "reached through no other machine from now on");
}

Run DeclareUpdate(const Syntax& syntax) {
  auto options = std::make_shared<MachineOptions>();
  syntax.Add("MACHINE", &options->id, "machine id").Required();
  DeclareWay(syntax, options.get());
  DeclareAccess(syntax, options.get());
  DeclareDryRun(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (!options->trusted.known_hosts.empty()) {
      ASSIGN_OR_RETURN(const auto machine, WhereItIs(environment, *options));
      HostKeyOptions there = Through(machine, options->trusted);
      RETURN_IF_ERROR(ReadKnownHosts(environment, machine.host(), machine.ssh_port(), &there));
      options->trusted.host_key = there.host_key;
    }
    RETURN_IF_ERROR(ReadCredential(environment, options.get()));
    return Update<v1::UpdateMachineResponse, v1::UpdateMachineRequest>(environment, *options);
  };
}

// Nothing tells a host that was installed anew from a stranger: the key that is pinned was named
// before, or was seen and confirmed.
absl::StatusOr<bool> IsKeyAccepted(Environment& environment, MachineOptions* options) {
  const bool named = !options->trusted.host_key.empty() || !options->trusted.known_hosts.empty();
  if (!named && options->change.dry_run) return true;
  if (options->trusted.host_key.empty()) {
    ASSIGN_OR_RETURN(const auto machine, WhereItIs(environment, *options));
    HostKeyOptions there = Through(machine, options->trusted);
    if (!named) {
      ASSIGN_OR_RETURN(const bool sure,
                       ConfirmHostKey(environment, machine.host(), machine.ssh_port(),
                                      options->change.yes, &there));
      options->trusted.host_key = there.host_key;
      return sure;
    }
    RETURN_IF_ERROR(ReadKnownHosts(environment, machine.host(), machine.ssh_port(), &there));
    options->trusted.host_key = there.host_key;
  }
  return IsSure(environment, options->change, "Is " + options->id + " another host from now on?");
}

Run DeclareReplace(const Syntax& syntax) {
  auto options = std::make_shared<MachineOptions>();
  syntax.Add("MACHINE", &options->id, "machine id").Required();
  DeclareWay(syntax, options.get());
  DeclareAsked(syntax, &options->change);
  DeclareAccess(syntax, options.get());
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const bool sure, IsKeyAccepted(environment, options.get()));
    if (!sure) return kRefused;
    RETURN_IF_ERROR(ReadCredential(environment, options.get()));
    return Update<v1::ReplaceMachineResponse, v1::ReplaceMachineRequest>(environment, *options);
  };
}

Run DeclareList(const Syntax&) {
  return [](Environment& environment) {
    return environment.ShowAll<v1::ListMachinesResponse>(v1::ListMachinesRequest());
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto id = DeclareArgument(syntax, "MACHINE", "machine id");
  return [id](Environment& environment) {
    return environment.Show<v1::GetMachineResponse>(Named(*id));
  };
}

Run DeclareCheck(const Syntax& syntax) {
  auto id = DeclareArgument(syntax, "MACHINE", "machine id");
  return [id](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::CheckMachineRequest request;
    request.set_machine_id(*id);
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::CheckMachineResponse>(request));
    environment.Print(response);
    return response.ok() ? kDone : kFailed;
  };
}

// What goes is shown before anybody is asked.
Run DeclareClean(const Syntax& syntax) {
  auto id = DeclareArgument(syntax, "MACHINE", "machine id");
  auto options = std::make_shared<ChangeOptions>();
  DeclareAsked(syntax, options.get());
  return [id, options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::CleanMachineRequest request;
    request.set_machine_id(*id);
    if (!options->yes && !options->dry_run) {
      ASSIGN_OR_RETURN(const auto machine, environment.Call<v1::GetMachineResponse>(Named(*id)));
      for (const auto& leftover : machine.machine().leftovers()) {
        environment.terminal->err() << "cluster " << leftover.cluster_name() << ":\n";
        for (const auto& unit : leftover.units())
          environment.terminal->err() << "  " << unit << "\n";
        for (const auto& path : leftover.paths())
          environment.terminal->err() << "  " << path << "\n";
      }
    }
    ASSIGN_OR_RETURN(const bool sure, IsSure(environment, *options,
                                             "Remove what clusters left on " + *id +
                                                 ", with its data? This cannot be undone."));
    if (!sure) return kRefused;
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::CleanMachineResponse>(environment, *options, request));
    environment.Print(response);
    if (options->dry_run && !environment.structured()) {
      return Tell(environment, *options, response, "");
    }
    return kDone;
  };
}

Run DeclareRemove(const Syntax& syntax) {
  auto id = DeclareArgument(syntax, "MACHINE", "machine id");
  auto options = std::make_shared<ChangeOptions>();
  DeclareAsked(syntax, options.get());
  auto force = std::make_shared<bool>(false);
  syntax.Flag("--force", force.get(), "forget what clusters left there; it stays on the host");
  return [id, options, force](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const bool sure, IsSure(environment, *options, "Remove machine " + *id + "?"));
    if (!sure) return kRefused;
    v1::DeleteMachineRequest request;
    request.set_machine_id(*id);
    request.set_force(*force);
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::DeleteMachineResponse>(environment, *options, request));
    return Tell(environment, *options, response, "removed machine " + *id);
  };
}

}  // namespace

std::vector<Command> MachineCommands() {
  return {
      {"machine add", "register a host",
       "dmgrctl machine add 10.0.0.11 --user root --key ~/.ssh/id_ed25519", DeclareAdd},
      {"machine list", "list the machines", "dmgrctl machine list", DeclareList},
      {"machine show", "show a machine", "dmgrctl machine show 10.0.0.11", DeclareShow},
      {"machine check", "look at a machine now", "dmgrctl machine check 10.0.0.11", DeclareCheck},
      {"machine clean", "remove what clusters left while it could not be reached",
       "dmgrctl machine clean 10.0.0.11", DeclareClean},
      {"machine update", "change how a machine is reached",
       "dmgrctl machine update 10.0.0.11 --port 2222", DeclareUpdate},
      {"machine replace", "another host, or one installed anew, takes a machine's place",
       "dmgrctl machine replace 10.0.0.11 --fingerprint SHA256:...", DeclareReplace},
      {"machine remove", "forget a machine", "dmgrctl machine remove 10.0.0.11", DeclareRemove}};
}

}  // namespace dmgr::client
