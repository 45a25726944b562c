#!/bin/bash
# How long the upgrade of a database with so many GiB of events takes, and whether the service manager
# hears of it all the while. See README.md.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
BUILD=${DMGR_BUILD_DIR:-$REPO/build}
GIB=${1:-1}
# The schema that the database has before.
FROM=8
# Of systemd, within which it must be told that the start goes on; seconds.
START_TIMEOUT=90
PG=/usr/lib/postgresql/15/bin
EVENTS_PER_OPERATION=2000

die() {
  printf 'bench: %s\n' "$*" >&2
  exit 1
}

as_postgres() {
  setpriv --reuid=postgres --regid=postgres --init-groups "$@"
}

sql() {
  as_postgres psql -qAtX -v ON_ERROR_STOP=1 "host=$WORK/run dbname=dmgr" "$@"
}

finish() {
  local status=$?
  trap '' INT TERM HUP
  as_postgres "$PG/pg_ctl" -D "$WORK/pg" -m immediate -w stop || true
  rm -rf "$WORK"
  exit "$status"
} >/dev/null 2>&1

start_postgres() {
  WORK=$(mktemp -d /var/tmp/dmgr-bench.XXXXXX)
  trap finish EXIT
  trap 'exit 130' INT TERM HUP
  cd "$WORK"
  mkdir run
  chown -R postgres: "$WORK"
  chmod 755 "$WORK"
  as_postgres "$PG/initdb" -D "$WORK/pg" --auth=trust --no-sync
  as_postgres "$PG/pg_ctl" -D "$WORK/pg" -w -l "$WORK/pg.log" start -o "-c listen_addresses= \
    -c unix_socket_directories=$WORK/run -c max_wal_size=8GB"
  as_postgres "$PG/createdb" -h "$WORK/run" dmgr
} >/dev/null

# The schema of old, and events of operations that have ended.
fill() {
  local file version=0
  sql -c 'CREATE TABLE schema_migration (version integer PRIMARY KEY CHECK (version > 0),
    name text NOT NULL, apply_time timestamptz NOT NULL DEFAULT clock_timestamp())'
  for file in "$REPO"/server/store/migrations/V*.sql; do
    ((++version <= FROM)) || break
    sql -1 <"$file"
    sql -c "INSERT INTO schema_migration (version, name) VALUES ($version, '${file##*__}')"
  done
  # One more round is about 100 MB.
  until (($(sql -c "SELECT pg_total_relation_size('operation_event')") >= GIB << 30)); do
    sql <<SQL
SET session_replication_role = replica;
WITH made AS (
  INSERT INTO operation (operation_id, kind, cluster_name, cluster_uuid, state, holds_cluster,
                         user_name, request_fingerprint, plan_format, last_sequence, end_time)
  SELECT gen_random_uuid(), 'RESTART', 'bench', gen_random_uuid(), 'SUCCEEDED', false, 'admin', '',
         1, $EVENTS_PER_OPERATION, clock_timestamp() FROM generate_series(1, 300)
  RETURNING operation_id)
INSERT INTO operation_event (operation_id, sequence, kind, level, message)
SELECT operation_id, i, 'LOG', 'INFO', 'what a step says in the log, as long as most of its lines are'
  FROM made, generate_series(1, $EVENTS_PER_OPERATION) i;
SQL
  done
  sql -c CHECKPOINT
}

# Starts dmgrd as a service manager does, and prints how long it took and the longest silence.
upgrade() {
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
  cat >dmgrd.toml <<TOML
[server]
listen = "127.0.0.1:$port"
[paths]
data_dir = "$WORK/data"
[database]
dsn = "host=$WORK/run dbname=dmgr user=postgres"
TOML
  python3 "$REPO/tests/bench/notified.py" "$WORK/notify" "$START_TIMEOUT" \
    "$BUILD/bin/dmgrd" --config "$WORK/dmgrd.toml"
}

main() {
  local events
  ((EUID == 0)) || die 'must run as root'
  ninja -C "$BUILD" dmgrd >&2
  start_postgres
  fill
  events=$(sql -c 'SELECT count(*) FROM operation_event')
  printf '%d events, %s\n' "$events" \
    "$(sql -c "SELECT pg_size_pretty(pg_total_relation_size('operation_event'))")"
  upgrade
  (($(sql -c 'SELECT count(*) FROM operation_event') == events)) || die 'events were lost'
}

main
