#include "server/operations/catalog.h"

#include "server/operations/clean/clean.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/import/import.h"
#include "server/operations/mend/mend.h"
#include "server/operations/patch/patch.h"
#include "server/operations/prune/prune.h"
#include "server/operations/rebuild/rebuild.h"
#include "server/operations/reload/reload.h"
#include "server/operations/restart/restart.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/rotate_tls/rotate_tls.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/operations/source/source.h"
#include "server/operations/steps/carry_over.h"
#include "server/operations/steps/founding.h"
#include "server/operations/steps/left_out.h"
#include "server/operations/steps/migrations.h"
#include "server/operations/steps/repair.h"
#include "server/operations/steps/survey_members.h"
#include "server/operations/steps/whole_stop.h"
#include "server/operations/switch_tls/switch_tls.h"
#include "server/operations/task/task.h"
#include "server/operations/tune/tune.h"
#include "server/operations/upgrade/upgrade.h"

namespace dmgr::operations {

void RegisterAll(const Resources* resources, engine::Registry* registry) {
  RegisterSurveyMembers(resources, registry);
  RegisterWholeStopRunners(resources, registry);
  RegisterFoundingRunners(resources, registry);
  RegisterCarryOverRunners(resources, registry);
  RegisterLeftOutRunner(resources, registry);
  RegisterRepairRunners(resources, registry);
  RegisterDeployRunners(resources, registry);
  RegisterDestroyRunners(resources, registry);
  RegisterServiceRunners(resources, registry);
  RegisterRestartRunners(resources, registry);
  RegisterUpgradeRunners(resources, registry);
  RegisterPatchRunners(resources, registry);
  RegisterReloadRunners(resources, registry);
  RegisterScaleRunners(resources, registry);
  RegisterPruneRunners(resources, registry);
  RegisterRebuildRunners(resources, registry);
  RegisterCleanRunners(resources, registry);
  RegisterImportRunners(resources, registry);
  RegisterTakeoverRunners(resources, registry);
  RegisterRotateKeyRunners(resources, registry);
  RegisterRotateTlsRunners(resources, registry);
  RegisterSwitchTlsRunners(resources, registry);
  RegisterTuneRunners(resources, registry);
  RegisterMigrationRunners(resources, registry);
  RegisterSourceRunners(resources, registry);
  RegisterRelayRunners(resources, registry);
  RegisterTaskRunners(resources, registry);
  RegisterMendRunners(resources, registry);
  RegisterAdoptTaskRunner(resources, registry);
}

}  // namespace dmgr::operations
