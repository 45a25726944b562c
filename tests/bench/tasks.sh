#!/bin/bash
# What 1,000 tasks of one cluster cost those who look at them. See README.md.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
HOSTS=3 SIDES=dmgr
TASKS=${TASKS:-1000}
# Milliseconds of the median list, and per cent of a core of a watch, at most.
LIST_MS=500 WATCH_PERCENT=5
WATCH_SECONDS=30

# shellcheck source=tests/support/site.sh
. "$REPO/tests/support/site.sh"

write_topology() {
  local i
  printf 'global: {user: tidb, deploy_dir: /dm-deploy, data_dir: /dm-data}\n'
  printf 'server_configs: {master: {openapi: true}}\nmaster_servers:\n'
  for i in 1 2 3; do printf '  - {host: %s}\n' "${HOST[$i]}"; done
  printf 'worker_servers:\n'
  for i in 1 2 3; do printf '  - {host: %s}\n' "${HOST[$i]}"; done
}

sql() {
  psql -qAtX "host=$WORK/data/postgresql/run user=dmgr dbname=dmgr" -v ON_ERROR_STOP=1 -c "$1"
}

# Records of the tasks that DM has: as if dmgr had made each. A list opens none of their configurations.
record_tasks() {
  sql "WITH cluster AS (SELECT cluster_uuid FROM cluster_meta), names AS (
         SELECT 'task-' || i AS name FROM generate_series(0, $TASKS - 1) i), made AS (
         INSERT INTO migration_revision (cluster_uuid, kind, name, revision, sealed_config, user_name)
         SELECT cluster_uuid, 'task', name, 1, decode(repeat('00', 1000), 'hex'), 'admin'
         FROM cluster, names)
       INSERT INTO migration_object (cluster_uuid, kind, name, revision, wanted, details)
       SELECT cluster_uuid, 'task', name, 1, 'running',
         '{\"sources\": [\"s1\"], \"mode\": \"incremental\"}' FROM cluster, names"
  # As autovacuum does in its time, minutes after so many rows are new.
  sql 'ANALYZE migration_object, migration_revision'
}

set_up() {
  note "three hosts, dmgrd, a cluster with $TASKS tasks"
  set_up_hosts
  start_dmgrd
  add_package v7.5.1 1
  write_topology >"$WORK/cluster.yaml"
  ctl cluster deploy bench v7.5.1 "$WORK/cluster.yaml" --yes
  ctl cluster start bench --yes
  curl -fsS --noproxy '*' -m 10 -o /dev/null "$MASTER/api/v1/sources" -d '{"source":
    {"source_name":"s1","host":"192.0.2.1","port":3306,"user":"u","password":"p"}}'
  protoc -I "$REPO/proto" --python_out="$WORK" "$REPO/proto/dm/master.proto"
  PYTHONPATH=$WORK /usr/bin/python3 "$REPO/tests/bench/start_tasks.py" "${MASTER#http://}" "$TASKS"
  record_tasks
} >&2

measure_list() {
  local i began count
  for i in 1 2 3 4 5 6 7 8 9; do
    began=$(now_us)
    ctl task list bench >"$WORK/list"
    printf '%d\n' $((($(now_us) - began) / 1000))
  done | sort -n >"$WORK/list-times"
  count=$(grep -c ' running ' "$WORK/list")
  ((count == TASKS)) || die "the list has $count tasks that run: $(head -n 3 "$WORK/list")"
  LIST=$(sed -n 5p "$WORK/list-times")
}

# CPU of dmgrd and its PostgreSQL with a watcher, less what they need without one.
measure_watch() {
  local idle watched seconds=$WATCH_SECONDS
  idle=$(cpu_us dmgr)
  sleep "$seconds"
  idle=$(($(cpu_us dmgr) - idle))
  ctl task watch bench -o json >"$WORK/watch" &
  # The first picture is no part of what a second costs.
  for ((i = 0; ; i++)); do
    ! grep -q '"complete"' "$WORK/watch" || break
    ((i < 100)) || die "the watch tells nothing in 10 s; it said: $(head -c 500 "$WORK/watch")"
    sleep 0.1
  done
  watched=$(cpu_us dmgr)
  sleep "$seconds"
  watched=$(($(cpu_us dmgr) - watched))
  kill "$!"
  NEWS=$(grep -c '"complete"' "$WORK/watch")
  PERCENT=$(awk -v us=$((watched - idle)) -v s="$seconds" 'BEGIN { printf "%.1f", us / s / 1e4 }')
}

main() {
  ((EUID == 0)) || die 'must run as root'
  ninja -C "$BUILD" dmgrd dmgrctl dmgr-host dmsim >&2
  set_up_work
  set_up
  measure_list
  measure_watch
  printf 'task list   %4d ms  (median of 9, at most %d ms)\n' "$LIST" "$LIST_MS"
  printf 'task watch  %s %%   (of a core, %d pictures in %d s, at most %d %%)\n' "$PERCENT" "$NEWS" \
    "$WATCH_SECONDS" "$WATCH_PERCENT"
  awk -v list="$LIST" -v list_ms="$LIST_MS" -v watch="$PERCENT" -v most="$WATCH_PERCENT" \
    'BEGIN { exit !(list <= list_ms && watch <= most) }'
}

main
