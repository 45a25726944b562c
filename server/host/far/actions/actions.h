// The requests of host.proto. Each action throws Failed, and may be run again after any failure.
#ifndef DMGR_SERVER_HOST_FAR_ACTIONS_ACTIONS_H_
#define DMGR_SERVER_HOST_FAR_ACTIONS_ACTIONS_H_

#include "server/host/far/base/context.h"

namespace dmgr::far {

hv1::BeginReply DoBegin(Context& context, const hv1::Begin& request);
hv1::Facts DoGetFacts(Context& context, const hv1::GetFacts& request);
hv1::InspectReply DoInspect(Context& context, const hv1::Inspect& request);
hv1::ReachPortsReply DoReachPorts(Context& context, const hv1::ReachPorts& request);
hv1::EnsureAccountReply DoEnsureAccount(Context& context, const hv1::EnsureAccount& request);
void DoMakeDirs(Context& context, const hv1::MakeDirs& request);
hv1::QueryReleasesReply DoQueryReleases(Context& context, const hv1::QueryReleases& request);
// False: the release was there, and no chunks were asked for.
bool DoReceiveRelease(Context& context, const hv1::ReceiveRelease& request);
hv1::QueryPlacementsReply DoQueryPlacements(Context& context, const hv1::PlaceReleases& request);
void DoPlaceReleases(Context& context, const hv1::PlaceReleases& request);
void DoWriteFiles(Context& context, const hv1::WriteFiles& request);
void DoCheckFile(Context& context, const hv1::CheckFile& request);
void DoInstallUnits(Context& context, const hv1::InstallUnits& request);
void DoEnableUnits(Context& context, const hv1::EnableUnits& request);
void DoControlUnits(Context& context, const hv1::ControlUnits& request);
hv1::UnitStates DoQueryUnits(Context& context, const hv1::QueryUnits& request);
hv1::LogText DoReadLogs(Context& context, const hv1::ReadLogs& request);
hv1::LogMarks DoMarkLogs(Context& context, const hv1::MarkLogs& request);
hv1::NewLogs DoReadNewLogs(Context& context, const hv1::ReadNewLogs& request);
hv1::Space DoGetSpace(Context& context, const hv1::GetSpace& request);
hv1::ReadFilesReply DoReadFiles(Context& context, const hv1::ReadFiles& request);
hv1::RemovePathsReply DoRemovePaths(Context& context, const hv1::RemovePaths& request);
hv1::ClearDirsReply DoClearDirs(Context& context, const hv1::ClearDirs& request);
void DoSetAside(Context& context, const hv1::SetAside& request);
void DoPutBack(Context& context, const hv1::PutBack& request);
hv1::ClearDirsReply DoSetDataAside(Context& context, const hv1::SetDataAside& request);
void DoDropOldKeys(Context& context, const hv1::DropOldKeys& request);
void DoDropReleases(Context& context, const hv1::DropReleases& request);
hv1::ReadSettingsReply DoReadSettings(Context& context, const hv1::ReadSettings& request);
void DoWriteSettings(Context& context, const hv1::WriteSettings& request);
hv1::SurveyReply DoSurvey(Context& context, const hv1::Survey& request);
void DoHandOver(Context& context, const hv1::HandOver& request);
// These four stream by context.call.
void DoStreamLogs(Context& context, const hv1::StreamLogs& request);
hv1::ProgramEnded DoRunProgram(Context& context, const hv1::RunProgram& request);
void DoFetchFile(Context& context, const hv1::FetchFile& request);
void DoStoreFile(Context& context, const hv1::StoreFile& request);
hv1::LeaveClusterReply DoLeaveCluster(Context& context, const hv1::LeaveCluster& request);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_ACTIONS_ACTIONS_H_
