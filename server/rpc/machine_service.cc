#include "server/rpc/machine_service.h"

#include <algorithm>

#include "common/error.h"
#include "server/leftovers/leftovers.h"
#include "server/machines/machines.h"
#include "server/rpc/pages.h"
#include "server/store/machine_store.h"

namespace dmgr::rpc {
namespace {

// Takes out what clusters left that the caller may not know of.
void KeepSeenLeftovers(const store::SeenClusters& seen, v1::Machine* machine) {
  auto* leftovers = machine->mutable_leftovers();
  leftovers->erase(
      std::remove_if(leftovers->begin(), leftovers->end(),
                     [&](const v1::Leftover& left) { return !IsSeen(seen, left.cluster_name()); }),
      leftovers->end());
}

}  // namespace

grpc::Status MachineServiceImpl::CreateMachine(grpc::ServerContext* context,
                                               const v1::CreateMachineRequest* request,
                                               v1::CreateMachineResponse* response) {
  return guard_->RunChange(
      *context, *request, response,
      [&](const Session&, Audit* audit, const store::Finish& finish) -> absl::Status {
        audit->target = request->machine().host();
        RETURN_IF_ERROR(machines::CreateMachine(*services_, *request, finish, response));
        audit->target = response->machine().machine_id();
        return absl::OkStatus();
      });
}

grpc::Status MachineServiceImpl::GetMachine(grpc::ServerContext* context,
                                            const v1::GetMachineRequest* request,
                                            v1::GetMachineResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
    return services_->database->Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(auto record, store::GetMachine(tx, request->machine_id()));
      *response->mutable_machine() = record.machine;
      RETURN_IF_ERROR(leftovers::Show(tx, {response->mutable_machine()}));
      KeepSeenLeftovers(seen, response->mutable_machine());
      return absl::OkStatus();
    });
  });
}

grpc::Status MachineServiceImpl::ListMachines(grpc::ServerContext* context,
                                              const v1::ListMachinesRequest* request,
                                              v1::ListMachinesResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
    std::vector<store::MachineRecord> records;
    RETURN_IF_ERROR(services_->database->Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(records, store::ListMachines(tx, after, size + 1));
      std::vector<v1::Machine*> machines;
      for (auto& record : records) machines.push_back(&record.machine);
      return leftovers::Show(tx, machines);
    }));
    FillPage(
        records, size,
        [&](const store::MachineRecord& record) {
          *response->add_machines() = record.machine;
          KeepSeenLeftovers(seen, &*response->mutable_machines()->rbegin());
          return record.machine.machine_id();
        },
        response);
    return absl::OkStatus();
  });
}

grpc::Status MachineServiceImpl::UpdateMachine(grpc::ServerContext* context,
                                               const v1::UpdateMachineRequest* request,
                                               v1::UpdateMachineResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->machine().machine_id();
                             return machines::UpdateMachine(*services_, *request, finish, response);
                           });
}

grpc::Status MachineServiceImpl::ReplaceMachine(grpc::ServerContext* context,
                                                const v1::ReplaceMachineRequest* request,
                                                v1::ReplaceMachineResponse* response) {
  return guard_->RunChange(
      *context, *request, response, [&](const Session&, Audit* audit, const store::Finish& finish) {
        audit->target = request->machine().machine_id();
        return machines::ReplaceMachine(*services_, *request, finish, response);
      });
}

grpc::Status MachineServiceImpl::DeleteMachine(grpc::ServerContext* context,
                                               const v1::DeleteMachineRequest* request,
                                               v1::DeleteMachineResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->machine_id();
                             return machines::DeleteMachine(*services_, *request, finish);
                           });
}

grpc::Status MachineServiceImpl::CheckMachine(grpc::ServerContext* context,
                                              const v1::CheckMachineRequest* request,
                                              v1::CheckMachineResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, machines::CheckMachine(*services_, request->machine_id()));
    return leftovers::AddItem(*services_, request->machine_id(), response);
  });
}

grpc::Status MachineServiceImpl::CleanMachine(grpc::ServerContext* context,
                                              const v1::CleanMachineRequest* request,
                                              v1::CleanMachineResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->machine_id();
                             return leftovers::CleanMachine(*services_, *request, finish, response);
                           });
}

}  // namespace dmgr::rpc
