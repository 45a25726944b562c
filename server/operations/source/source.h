// Sources: the databases that a cluster reads from.
#ifndef DMGR_SERVER_OPERATIONS_SOURCE_SOURCE_H_
#define DMGR_SERVER_OPERATIONS_SOURCE_SOURCE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/source_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Errors of these also as of dm::MasterClient, when DM cannot be asked.
// INVALID_ARGUMENT: CONFIG_INVALID, HIDDEN_SECRET; ALREADY_EXISTS: SOURCE_EXISTS, DATABASE_TAKEN;
// FAILED_PRECONDITION, WORKER_NOT_FREE. This and the next one ask the database before they record
// anything, unless the request says otherwise: errors of RequireReady.
absl::StatusOr<v1::CreateSourceResponse> CreateSource(const Resources& resources,
                                                      const v1::CreateSourceRequest& request,
                                                      const Caller& caller);
// This and the next two: NOT_FOUND, SOURCE_NOT_FOUND; FAILED_PRECONDITION: SOURCE_FOREIGN,
// SOURCE_IN_USE. Else as of CreateSource; ABORTED, MIGRATION_CHANGED. FAILED_PRECONDITION:
// SOURCE_MISSING, RELAY_RUNS.
absl::StatusOr<v1::UpdateSourceResponse> UpdateSource(const Resources& resources,
                                                      const v1::UpdateSourceRequest& request,
                                                      const Caller& caller);
// The same with a configuration that it has had. NOT_FOUND, REVISION_NOT_FOUND;
// FAILED_PRECONDITION, REVISION_IN_EFFECT.
absl::StatusOr<v1::RollbackSourceResponse> RollbackSource(const Resources& resources,
                                                          const v1::RollbackSourceRequest& request,
                                                          const Caller& caller);
absl::StatusOr<v1::Operation> DeleteSource(const Resources& resources,
                                           const v1::DeleteSourceRequest& request,
                                           const Caller& caller);
// Also of a foreign one.
absl::StatusOr<v1::Operation> TransferSource(const Resources& resources,
                                             const v1::TransferSourceRequest& request,
                                             const Caller& caller);

// This and the next one: also of a foreign one. NOT_FOUND, SOURCE_NOT_FOUND. FAILED_PRECONDITION,
// WORKER_NOT_FREE.
absl::StatusOr<v1::Operation> SetSourceRelay(const Resources& resources,
                                             const v1::SetSourceRelayRequest& request,
                                             const Caller& caller);
// INVALID_ARGUMENT, RELAY_FILE_INVALID; FAILED_PRECONDITION, RELAY_MISSING.
absl::StatusOr<v1::Operation> PurgeSourceRelay(const Resources& resources,
                                               const v1::PurgeSourceRelayRequest& request,
                                               const Caller& caller);
// ALREADY_EXISTS, SOURCE_KNOWN; FAILED_PRECONDITION, SOURCE_NOT_KEPT; errors of dm::KeyStore.
absl::StatusOr<v1::Operation> AdoptSource(const Resources& resources,
                                          const v1::AdoptSourceRequest& request,
                                          const Caller& caller);

// Asks the database itself. INVALID_ARGUMENT, SOURCE_NOT_NAMED; NOT_FOUND, SOURCE_NOT_FOUND; errors
// of databases::Connection.
absl::StatusOr<v1::CheckSourceResponse> CheckSource(const Resources& resources,
                                                    const v1::CheckSourceRequest& request);

// NOT_FOUND, SOURCE_NOT_FOUND, when neither dmgr nor DM has it.
absl::StatusOr<v1::Source> GetSource(const Resources& resources, const std::string& cluster,
                                     const std::string& source);
// This and the next one: NOT_FOUND, SOURCE_NOT_FOUND, also of a foreign one. Newest first.
absl::StatusOr<std::vector<v1::SourceRevision>> ListSourceRevisions(const Resources& resources,
                                                                    const std::string& cluster,
                                                                    const std::string& source);
// 0: the one in effect. NOT_FOUND, REVISION_NOT_FOUND.
absl::StatusOr<v1::SourceRevision> GetSourceRevision(const Resources& resources,
                                                     const v1::GetSourceRevisionRequest& request);
// How long DM may take to tell of its sources.
inline constexpr absl::Duration kSourcesTime = absl::Seconds(15);

struct SourcePage {
  // By id, those after this one.
  std::string after{};
  std::size_t limit = 100;
  // DM is not asked.
  bool recorded_only = false;
  absl::Duration patience = kSourcesTime;
};
absl::StatusOr<std::vector<v1::Source>> ListSources(const Resources& resources,
                                                    const std::string& cluster,
                                                    const SourcePage& page);

// Registers the code of their steps.
void RegisterRelayRunners(const Resources* resources, engine::Registry* registry);
void RegisterSourceRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SOURCE_SOURCE_H_
