// machine add, list, show, check, update, replace, remove.
#include "client/commands/command.h"
#include "common/error.h"

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
  std::string far_end_dir;
  std::string host_key;
};

void DeclareAccess(CLI::App* app, MachineOptions* options) {
  app->add_option("-P,--port", options->port, "SSH port (22)")->check(CLI::Range(1, 65535));
  app->add_option("-u,--user", options->user, "login (root)");
  app->add_option("-i,--key", options->key_file, "private key file")->check(CLI::ExistingFile);
  app->add_flag("--passphrase", options->ask_passphrase, "ask for the key's passphrase");
  app->add_flag("-p,--password", options->ask_password,
                "ask for the login password (also used for sudo)");
  app->add_flag("--sudo-password", options->ask_sudo_password,
                "ask for a sudo password that differs from the login password");
  app->add_option("--far-end-dir", options->far_end_dir,
                  "folder for dmgr-host on the host; must allow execution (/var/lib/dmgr)");
  app->add_option("--host-key", options->host_key, "SHA256:... that the host must show");
}

// Secrets come from prompts (or lines of standard input), never from the command line.
absl::StatusOr<bool> ReadCredential(Environment& environment, const MachineOptions& options,
                                    v1::Credential* credential) {
  if (!options.key_file.empty()) {
    ASSIGN_OR_RETURN(*credential->mutable_private_key(), ReadFile(options.key_file));
  }
  if (options.ask_passphrase) {
    ASSIGN_OR_RETURN(*credential->mutable_passphrase(),
                     environment.terminal->AskSecret("Passphrase of the key"));
  }
  if (options.ask_password) {
    ASSIGN_OR_RETURN(*credential->mutable_password(),
                     environment.terminal->AskSecret("Login password"));
  }
  if (options.ask_sudo_password) {
    ASSIGN_OR_RETURN(*credential->mutable_sudo_password(),
                     environment.terminal->AskSecret("sudo password"));
  }
  return !credential->private_key().empty() || !credential->password().empty();
}

absl::StatusOr<ExitCode> Add(Environment& environment, const MachineOptions& options) {
  v1::CreateMachineRequest request;
  auto* machine = request.mutable_machine();
  machine->set_machine_id(options.id);
  machine->set_host(options.host);
  machine->set_ssh_port(options.port);
  machine->set_user(options.user);
  machine->set_far_end_dir(options.far_end_dir);
  request.set_expected_host_key_fingerprint(options.host_key);
  ASSIGN_OR_RETURN(const bool has_credential,
                   ReadCredential(environment, options, request.mutable_credential()));
  if (!has_credential) {
    return Error(absl::StatusCode::kInvalidArgument, "NO_CREDENTIAL",
                 "how to log in to {} was not said", options.host)
        .Remedy("pass --key FILE or --password");
  }
  v1::CreateMachineResponse response;
  Connection& connection = environment.connection();
  RETURN_IF_ERROR(connection.Call(connection.machines(), &v1::MachineService::Stub::CreateMachine,
                                  request, &response));
  if (environment.structured()) {
    environment.PrintStructured(response);
    return kDone;
  }
  environment.terminal->out() << "added machine " << response.machine().machine_id() << " ("
                              << response.machine().facts().os() << ", "
                              << response.machine().facts().arch() << "), host key "
                              << response.machine().host_key_fingerprint() << "\n";
  return kDone;
}

Run DeclareAdd(CLI::App* app) {
  auto options = std::make_shared<MachineOptions>();
  app->add_option("HOST", options->host, "name or address")->required();
  app->add_option("--id", options->id, "machine id (the host, with :PORT unless 22)");
  DeclareAccess(app, options.get());
  return [options](Environment& environment) { return Add(environment, *options); };
}

// UpdateMachine or ReplaceMachine.
template <typename Request, typename Response>
absl::StatusOr<ExitCode> Change(Environment& environment, const MachineOptions& options,
                                grpc::Status (v1::MachineService::Stub::*method)(
                                    grpc::ClientContext*, const Request&, Response*)) {
  Request request;
  auto* machine = request.mutable_machine();
  machine->set_machine_id(options.id);
  auto* mask = request.mutable_update_mask();
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
  if (!options.host_key.empty()) {
    machine->set_host_key_fingerprint(options.host_key);
    mask->add_paths("host_key_fingerprint");
  }
  v1::Credential credential;
  ASSIGN_OR_RETURN(const bool has_credential, ReadCredential(environment, options, &credential));
  if (has_credential) *request.mutable_credential() = credential;
  Response response;
  Connection& connection = environment.connection();
  RETURN_IF_ERROR(connection.Call(connection.machines(), method, request, &response));
  v1::GetMachineResponse shown;
  *shown.mutable_machine() = response.machine();
  environment.Print(shown);
  return kDone;
}

absl::StatusOr<ExitCode> Update(Environment& environment, const MachineOptions& options,
                                bool replaced) {
  return replaced ? Change(environment, options, &v1::MachineService::Stub::ReplaceMachine)
                  : Change(environment, options, &v1::MachineService::Stub::UpdateMachine);
}

Run DeclareUpdate(CLI::App* app) {
  auto options = std::make_shared<MachineOptions>();
  app->add_option("MACHINE", options->id, "machine id")->required();
  app->add_option("--host", options->host, "new name or address");
  DeclareAccess(app, options.get());
  return [options](Environment& environment) { return Update(environment, *options, false); };
}

// Whoever says so has looked: nothing tells a host that was installed anew from a stranger.
Run DeclareReplace(CLI::App* app) {
  auto options = std::make_shared<MachineOptions>();
  auto yes = std::make_shared<bool>(false);
  app->add_option("MACHINE", options->id, "machine id")->required();
  app->add_option("--host", options->host, "new name or address");
  app->add_flag("-y,--yes", *yes, "do not ask");
  DeclareAccess(app, options.get());
  return [options, yes](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (!*yes) {
      ASSIGN_OR_RETURN(
          const bool sure,
          environment.terminal->Confirm(options->host_key.empty()
                                            ? "Pin whatever host key " + options->id +
                                                  " shows now? (--host-key says which)"
                                            : "Is " + options->id + " another host from now on?"));
      if (!sure) return kRefused;
    }
    return Update(environment, *options, true);
  };
}

Run DeclareList(CLI::App*) {
  return [](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::ListMachinesResponse all;
    v1::ListMachinesRequest request;
    do {
      v1::ListMachinesResponse page;
      RETURN_IF_ERROR(connection.Call(connection.machines(),
                                      &v1::MachineService::Stub::ListMachines, request, &page));
      all.mutable_machines()->MergeFrom(page.machines());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    environment.Print(all);
    return kDone;
  };
}

Run DeclareShow(CLI::App* app) {
  auto id = std::make_shared<std::string>();
  app->add_option("MACHINE", *id, "machine id")->required();
  return [id](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::GetMachineRequest request;
    request.set_machine_id(*id);
    v1::GetMachineResponse response;
    RETURN_IF_ERROR(connection.Call(connection.machines(), &v1::MachineService::Stub::GetMachine,
                                    request, &response));
    environment.Print(response);
    return kDone;
  };
}

Run DeclareCheck(CLI::App* app) {
  auto id = std::make_shared<std::string>();
  app->add_option("MACHINE", *id, "machine id")->required();
  return [id](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::CheckMachineRequest request;
    request.set_machine_id(*id);
    v1::CheckMachineResponse response;
    RETURN_IF_ERROR(connection.Call(connection.machines(), &v1::MachineService::Stub::CheckMachine,
                                    request, &response));
    environment.Print(response);
    return response.ok() ? kDone : kFailed;
  };
}

Run DeclareRemove(CLI::App* app) {
  auto id = std::make_shared<std::string>();
  auto options = std::make_shared<ChangeOptions>();
  app->add_option("MACHINE", *id, "machine id")->required();
  app->add_flag("-y,--yes", options->yes, "do not ask");
  return [id, options](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (!options->yes) {
      ASSIGN_OR_RETURN(const bool sure,
                       environment.terminal->Confirm("Remove machine " + *id + "?"));
      if (!sure) return kRefused;
    }
    Connection& connection = environment.connection();
    v1::DeleteMachineRequest request;
    request.set_machine_id(*id);
    v1::DeleteMachineResponse response;
    RETURN_IF_ERROR(connection.Call(connection.machines(), &v1::MachineService::Stub::DeleteMachine,
                                    request, &response));
    if (environment.structured()) environment.PrintStructured(response);
    return kDone;
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
      {"machine update", "change how a machine is reached",
       "dmgrctl machine update 10.0.0.11 --port 2222", DeclareUpdate},
      {"machine replace", "another host, or one installed anew, takes a machine's place",
       "dmgrctl machine replace 10.0.0.11 --host-key SHA256:...", DeclareReplace},
      {"machine remove", "forget a machine", "dmgrctl machine remove 10.0.0.11", DeclareRemove}};
}

}  // namespace dmgr::client
