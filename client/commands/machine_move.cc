// machine move, readdress.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {
namespace {

struct MoveOptions {
  ChangeOptions change;
  bool force = false;
  bool accept_load_restart = false;
  v1::MoveMachineRequest request;
};

Run DeclareMove(const Syntax& syntax) {
  auto options = std::make_shared<MoveOptions>();
  auto* request = &options->request;
  syntax.Add("OLD", request->mutable_from_machine_id(), "id of the machine that is given up")
      .Required();
  syntax.Add("NEW", request->mutable_to_machine_id(), "id of the machine that takes its place")
      .Required();
  syntax.Add("--cluster", request->mutable_cluster_name(), "of which cluster").Required();
  syntax.Add("--address", request->mutable_address(),
             "by which the others reach NEW (as it was registered)");
  syntax.Flag("--force", &options->force,
              "also when OLD does not answer; what is on it stays until it is cleaned");
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    options->request.set_force(options->force);
    options->request.set_accept_load_restart(options->accept_load_restart);
    return Change<v1::MoveMachineResponse>(
        environment, options->change,
        fmt::format("Move what cluster {} has on {} to {}? Prometheus, Alertmanager and Grafana "
                    "begin there with empty data; DM's tasks go on.",
                    options->request.cluster_name(), options->request.from_machine_id(),
                    options->request.to_machine_id()),
        options->request);
  };
}

// A move to where it is.
Run DeclareReaddress(const Syntax& syntax) {
  auto options = std::make_shared<MoveOptions>();
  auto* request = &options->request;
  syntax.Add("MACHINE", request->mutable_from_machine_id(), "machine id").Required();
  syntax.Add("--cluster", request->mutable_cluster_name(), "of which cluster").Required();
  syntax.Add("--address", request->mutable_address(),
             "by which the others reach it (as it is registered)");
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    v1::MoveMachineRequest& move = options->request;
    move.set_to_machine_id(move.from_machine_id());
    move.set_accept_load_restart(options->accept_load_restart);
    return Change<v1::MoveMachineResponse>(
        environment, options->change,
        fmt::format("Give what cluster {} has on {} its new address? DM's members there leave, and "
                    "join again.",
                    move.cluster_name(), move.from_machine_id()),
        move);
  };
}

}  // namespace

std::vector<Command> MachineMoveCommands() {
  return {{"machine move", "bring what a cluster has on a machine to another one",
           "dmgrctl machine move 10.0.0.3 10.0.0.4 --cluster demo", DeclareMove},
          {"machine readdress", "give a cluster's instances the new address of their machine",
           "dmgrctl machine readdress 10.0.0.3 --cluster demo", DeclareReaddress}};
}

}  // namespace dmgr::client
