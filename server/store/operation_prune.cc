// Forgetting of old operations, in pieces of a size that is known before.
#include <vector>

#include "server/store/operation_store.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

// $1 end, $2 how many; each with its events, and with the rows of it and of those before it. Events
// are numbered without a gap.
constexpr char kFind[] =
    "SELECT operation_id, events,"
    "  sum(events + steps) OVER (ORDER BY end_time, operation_id) AS rows_so_far"
    " FROM (SELECT operation_id, end_time,"
    "   coalesce((SELECT o.last_sequence - min(sequence) + 1 FROM operation_event e"
    "     WHERE e.operation_id = o.operation_id), 0) AS events,"
    "   (SELECT count(*) FROM operation_step s WHERE s.operation_id = o.operation_id) AS steps"
    "  FROM operation o WHERE end_time < " DMGR_TIME("$1") " AND NOT holds_cluster"
    "  AND NOT EXISTS (SELECT FROM operation p WHERE p.superseded_by = o.operation_id)"
    "  ORDER BY end_time, operation_id LIMIT $2::integer) AS old"
    " ORDER BY end_time, operation_id";
constexpr char kForget[] = "DELETE FROM operation WHERE operation_id = ANY ($1::uuid[])";
constexpr char kForgetEvents[] =
    "DELETE FROM operation_event WHERE operation_id = $1::uuid AND sequence <"
    " (SELECT min(sequence) FROM operation_event WHERE operation_id = $1::uuid) + $2::integer";

constexpr absl::Duration kMostApart = absl::Minutes(1);

}  // namespace

absl::StatusOr<absl::Time> PruneBefore(Transaction& tx, absl::Time now, absl::Duration keep) {
  ASSIGN_OR_RETURN(const pqxx::result answer,
                   Run(tx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", {}));
  const absl::Time here = absl::FromUnixMicros(answer[0][0].as<std::int64_t>());
  if (absl::AbsDuration(here - now) <= kMostApart) return here - keep;
  return Error(absl::StatusCode::kFailedPrecondition, "CLOCKS_DIFFER",
               "the database's clock says {}, this machine's {}: nothing old is forgotten",
               absl::FormatTime(here, absl::UTCTimeZone()),
               absl::FormatTime(now, absl::UTCTimeZone()))
      .Remedy("put both clocks right, for example with chrony");
}

absl::StatusOr<Pruned> PruneOperations(Transaction& tx, absl::Time ended_before, int max_rows) {
  constexpr int kMaxOperations = 1000;
  ASSIGN_OR_RETURN(const pqxx::result old,
                   Run(tx, kFind, {ToMicros(ended_before), kMaxOperations}));
  if (old.empty()) return Pruned();
  if (old[0]["events"].as<std::int64_t>() > max_rows) {
    RETURN_IF_ERROR(Run(tx, kForgetEvents, {Text(old[0]["operation_id"]), max_rows}).status());
    return Pruned{.more = true};
  }
  std::vector<std::string> ids;
  for (const auto& row : old) {
    if (!ids.empty() && row["rows_so_far"].as<std::int64_t>() > max_rows) break;
    ids.push_back(Text(row["operation_id"]));
  }
  ASSIGN_OR_RETURN(const pqxx::result forgotten,
                   Run(tx, kForget, {fmt::format("{{{}}}", fmt::join(ids, ","))}));
  return Pruned{.operations = static_cast<int>(forgotten.affected_rows()), .more = true};
}

}  // namespace dmgr::store
