#include "server/store/work_store.h"

#include "server/store/enums.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

#define DMGR_HAS_NOT_ENDED "o.state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'ROLLING_BACK')"
constexpr char kSteps[] =
    "SELECT s.state::text AS state, count(*) AS count FROM operation_step s"
    " JOIN operation o USING (operation_id) WHERE " DMGR_HAS_NOT_ENDED " GROUP BY s.state";
constexpr char kWork[] =
    "SELECT count(*) FILTER (WHERE o.lease_until >= clock_timestamp()) AS held,"
    " count(*) FILTER (WHERE o.lease_until < clock_timestamp()) AS lapsed,"
    " coalesce(extract(epoch FROM clock_timestamp()"
    "   - min(o.create_time) FILTER (WHERE o.state = 'QUEUED')), 0)::float8 AS waited,"
    " pg_database_size(current_database()) AS bytes"
    " FROM operation o WHERE " DMGR_HAS_NOT_ENDED;

}  // namespace

absl::StatusOr<WorkFigures> MeasureWork(Transaction& tx) {
  WorkFigures figures;
  ASSIGN_OR_RETURN(const pqxx::result steps, Run(tx, kSteps, {}));
  for (const pqxx::row& row : steps) {
    figures.steps[FromText<v1::StepState>(Text(row["state"]))] = row["count"].as<std::int64_t>();
  }
  ASSIGN_OR_RETURN(const pqxx::result work, Run(tx, kWork, {}));
  figures.held_leases = work[0]["held"].as<std::int64_t>();
  figures.lapsed_leases = work[0]["lapsed"].as<std::int64_t>();
  figures.longest_wait = absl::Seconds(work[0]["waited"].as<double>());
  figures.database_bytes = work[0]["bytes"].as<std::int64_t>();
  return figures;
}

}  // namespace dmgr::store
