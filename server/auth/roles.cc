#include "server/auth/roles.h"

#include <algorithm>

namespace dmgr::auth {
namespace {

constexpr v1::Role kAnybody = v1::ROLE_UNSPECIFIED;
constexpr v1::Role kViewer = v1::ROLE_VIEWER;
constexpr v1::Role kOperator = v1::ROLE_OPERATOR;
constexpr v1::Role kAdmin = v1::ROLE_ADMIN;

}  // namespace

const std::vector<MethodRule>& MethodRules() {
  static const std::vector<MethodRule> kRules = {
      {"dmgr.v1.AuthService/Login", kAnybody, true},
      {"dmgr.v1.AuthService/Logout", kViewer, true},
      {"dmgr.v1.AuthService/RefreshToken", kViewer, true},
      {"dmgr.v1.AuthService/WhoAmI", kViewer, false},
      {"dmgr.v1.AuthService/ChangePassword", kViewer, true},
      {"dmgr.v1.AuthService/CreateUser", kAdmin, true},
      {"dmgr.v1.AuthService/ListUsers", kAdmin, false},
      {"dmgr.v1.AuthService/DeleteUser", kAdmin, true},
      {"dmgr.v1.AuthService/ListAuditRecords", kAdmin, false},

      {"dmgr.v1.ClusterService/DeployCluster", kOperator, true},
      {"dmgr.v1.ClusterService/StartCluster", kOperator, true},
      {"dmgr.v1.ClusterService/StopCluster", kOperator, true},
      {"dmgr.v1.ClusterService/DestroyCluster", kOperator, true},
      {"dmgr.v1.ClusterService/ScaleOutCluster", kOperator, true},
      {"dmgr.v1.ClusterService/ScaleInCluster", kOperator, true},
      {"dmgr.v1.ClusterService/RestartCluster", kOperator, true},
      {"dmgr.v1.ClusterService/UpgradeCluster", kOperator, true},
      {"dmgr.v1.ClusterService/UpdateClusterTopology", kOperator, true},
      {"dmgr.v1.ClusterService/ReloadCluster", kOperator, true},
      {"dmgr.v1.ClusterService/PatchCluster", kOperator, true},
      {"dmgr.v1.ClusterService/RevertClusterPatches", kOperator, true},
      {"dmgr.v1.ClusterService/EnableCluster", kOperator, true},
      {"dmgr.v1.ClusterService/DisableCluster", kOperator, true},
      {"dmgr.v1.ClusterService/GetCluster", kViewer, false},
      {"dmgr.v1.ClusterService/ListClusters", kViewer, false},
      {"dmgr.v1.ClusterService/GetClusterStatus", kViewer, false},

      {"dmgr.v1.MachineService/CreateMachine", kAdmin, true},
      {"dmgr.v1.MachineService/GetMachine", kViewer, false},
      {"dmgr.v1.MachineService/ListMachines", kViewer, false},
      {"dmgr.v1.MachineService/UpdateMachine", kAdmin, true},
      {"dmgr.v1.MachineService/DeleteMachine", kAdmin, true},
      {"dmgr.v1.MachineService/CheckMachine", kOperator, false},

      {"dmgr.v1.OperationService/GetOperation", kViewer, false},
      {"dmgr.v1.OperationService/ListOperations", kViewer, false},
      {"dmgr.v1.OperationService/WatchOperation", kViewer, false},
      {"dmgr.v1.OperationService/CancelOperation", kOperator, true},
      {"dmgr.v1.OperationService/ResumeOperation", kOperator, true},
      {"dmgr.v1.OperationService/RollbackOperation", kOperator, true},
      {"dmgr.v1.OperationService/AbandonOperation", kOperator, true},

      {"dmgr.v1.WarehouseService/UploadPackage", kAdmin, true},
      {"dmgr.v1.WarehouseService/UploadPatch", kAdmin, true},
      {"dmgr.v1.WarehouseService/GetUpload", kViewer, false},
      {"dmgr.v1.WarehouseService/GetPackage", kViewer, false},
      {"dmgr.v1.WarehouseService/ListPackages", kViewer, false},
      {"dmgr.v1.WarehouseService/DeletePackage", kAdmin, true},
  };
  return kRules;
}

const MethodRule* FindMethodRule(std::string_view method) {
  if (!method.empty() && method.front() == '/') method.remove_prefix(1);
  const auto& rules = MethodRules();
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const MethodRule& rule) { return rule.method == method; });
  return found == rules.end() ? nullptr : &*found;
}

bool Allows(v1::Role role, const MethodRule& rule) {
  if (rule.role == v1::ROLE_UNSPECIFIED) return true;
  return v1::Role_IsValid(role) && role >= rule.role;
}

}  // namespace dmgr::auth
