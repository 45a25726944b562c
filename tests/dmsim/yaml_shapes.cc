// The keys that DM v7.5 knows in the YAML of a source and of a task.
#include "yaml.h"

namespace dmsim {
namespace {

Shape Fields(const std::string& type, std::initializer_list<const char*> names,
             std::map<std::string, Shape> nested = {}) {
  Shape shape{type, std::move(nested), nullptr};
  for (const char* name : names) shape.fields.try_emplace(name);
  return shape;
}

Shape Each(Shape element) {
  Shape shape;
  shape.elements = std::make_shared<const Shape>(std::move(element));
  return shape;
}

Shape Database() {
  return Fields(
      "dbconfig.DBConfig", {"host", "port", "user", "password", "max-allowed-packet", "session"},
      {{"security",
        Fields("security.Security", {"ssl-ca", "ssl-cert", "ssl-key", "cert-allowed-cn",
                                     "ssl-ca-base64", "ssl-cert-base64", "ssl-key-base64"})}});
}

Shape BlockAllowList() {
  return Fields("filter.Rules",
                {"do-dbs", "do-tables", "ignore-dbs", "ignore-tables", "do-db", "do-table"});
}

Shape Instance() {
  return Fields(
      "config.MySQLInstance",
      {"source-id", "filter-rules", "column-mapping-rules", "route-rules", "expression-filters",
       "black-white-list", "block-allow-list", "mydumper-config-name", "mydumper",
       "mydumper-thread", "loader-config-name", "loader", "loader-thread", "syncer-config-name",
       "syncer", "syncer-thread", "validator-config-name"},
      {{"meta", Fields("config.Meta", {"binlog-name", "binlog-pos", "binlog-gtid"})}});
}

Shape MakeTaskShape() {
  const Shape mydumper = Fields("config.MydumperConfig",
                                {"mydumper-path", "threads", "chunk-filesize", "statement-size",
                                 "rows", "where", "skip-tz-utc", "extra-args"});
  const Shape loader =
      Fields("config.LoaderConfig",
             {"pool-size", "dir", "sorting-dir-physical", "import-mode", "on-duplicate",
              "on-duplicate-logical", "on-duplicate-physical", "disk-quota-physical",
              "checksum-physical", "analyze", "range-concurrency", "compress-kv-pairs", "pd-addr"});
  const Shape syncer =
      Fields("config.SyncerConfig",
             {"meta-file", "worker-count", "batch", "queue-size", "checkpoint-flush-interval",
              "compact", "multiple-rows", "max-retry", "auto-fix-gtid", "enable-gtid",
              "disable-detect", "safe-mode", "safe-mode-duration", "enable-ansi-quotes"});
  const Shape validator = Fields("config.ValidatorConfig",
                                 {"mode", "worker-count", "validate-interval", "check-interval",
                                  "row-error-delay", "meta-flush-interval", "batch-query-size",
                                  "max-pending-row-size", "max-pending-row-count", "start-time"});
  const Shape route = Fields("router.TableRule",
                             {"schema-pattern", "table-pattern", "target-schema", "target-table",
                              "extract-table", "extract-schema", "extract-source"});
  const Shape filter = Fields("filter.BinlogEventRule", {"schema-pattern", "table-pattern",
                                                         "events", "sql-pattern", "action"});
  return Fields("config.TaskConfig",
                {"name",
                 "task-mode",
                 "is-sharding",
                 "shard-mode",
                 "strict-optimistic-shard-mode",
                 "ignore-checking-items",
                 "meta-schema",
                 "enable-heartbeat",
                 "heartbeat-update-interval",
                 "heartbeat-report-interval",
                 "timezone",
                 "case-sensitive",
                 "collation_compatible",
                 "online-ddl",
                 "shadow-table-rules",
                 "trash-table-rules",
                 "online-ddl-scheme",
                 "column-mappings",
                 "expression-filter",
                 "clean-dump-file",
                 "ansi-quotes",
                 "remove-meta",
                 "experimental"},
                {{"target-database", Database()},
                 {"mysql-instances", Each(Instance())},
                 {"routes", Each(route)},
                 {"filters", Each(filter)},
                 {"black-white-list", Each(BlockAllowList())},
                 {"block-allow-list", Each(BlockAllowList())},
                 {"mydumpers", Each(mydumper)},
                 {"loaders", Each(loader)},
                 {"syncers", Each(syncer)},
                 {"validators", Each(validator)}});
}

Shape MakeSourceShape() {
  return Fields(
      "config.SourceConfig",
      {"enable", "enable-gtid", "auto-fix-gtid", "relay-dir", "meta-dir", "flavor", "charset",
       "enable-relay", "relay-binlog-name", "relay-binlog-gtid", "source-id", "server-id", "tracer",
       "case-sensitive", "filters"},
      {{"from", Database()},
       {"purge", Fields("config.PurgeConfig", {"interval", "expires", "remain-space"})},
       {"checker", Fields("config.CheckerConfig",
                          {"check-enable", "backoff-rollback", "backoff-max", "check-interval",
                           "backoff-min", "backoff-jitter", "backoff-factor"})}});
}

}  // namespace

const Shape& SourceShape() {
  static const Shape shape = MakeSourceShape();
  return shape;
}

const Shape& TaskShape() {
  static const Shape shape = MakeTaskShape();
  return shape;
}

}  // namespace dmsim
