#!/bin/bash
# How soon an operation goes on when dmgrd is killed in its middle and started again. See README.md.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
HOSTS=3 SIDES=dmgr
ROUNDS=${1:-6}
# Milliseconds from the start of dmgrd to the next step, at most.
LIMIT_MS=1000
PAD_MB=20

# shellcheck source=tests/support/site.sh
. "$REPO/tests/support/site.sh"

sql() {
  psql -qAtX "host=$WORK/data/postgresql/run user=dmgr dbname=dmgr" -c "$1"
}

write_topology() {
  local i
  {
    printf 'global:\n  user: tidb\n  deploy_dir: /dm-deploy\n  data_dir: /dm-data\nmaster_servers:\n'
    for i in 1 2 3; do printf '  - {host: %s}\n' "${HOST[$i]}"; done
    printf 'worker_servers:\n'
    for i in 1 2 3; do printf '  - {host: %s}\n' "${HOST[$i]}"; done
  } >"$WORK/six.yaml"
}

set_up() {
  note 'three hosts, dmgrd, two packages, a cluster of six instances'
  set_up_hosts
  start_dmgrd
  DMGRD=$(pgrep -f -- "--config $WORK/dmgrd.toml")
  add_package v7.5.1 "$PAD_MB"
  add_package v7.5.2 "$PAD_MB"
  write_topology
  ctl cluster deploy bench v7.5.1 "$WORK/six.yaml" --yes
  ctl cluster start bench --yes
} >&2

# kill_it dmgrd|all: without or with its database, as systemd does it.
kill_it() {
  local pids
  pids=$DMGRD
  [[ $1 == dmgrd ]] || pids+=" $(head -n 1 "$WORK/data/postgresql/data/postmaster.pid")"
  # shellcheck disable=SC2086
  kill -KILL $pids
  wait "$DMGRD" 2>/dev/null || true
}

start_again() {
  STARTED=$(now_us)
  "$BUILD/bin/dmgrd" --config "$WORK/dmgrd.toml" </dev/null >>"$WORK/dmgrd.log" 2>&1 &
  DMGRD=$!
}

await_operation() {
  local i
  for ((i = 0; i < 1200; i++)); do
    [[ $(sql "SELECT state FROM operation WHERE operation_id = '$1'" 2>/dev/null) != SUCCEEDED ]] ||
      return 0
    sleep 0.1
  done
  die "the operation does not end: $(tail -n 5 "$WORK/dmgrd.log")"
}

# round NUMBER VERSION WHAT: upgrades, and kills what as soon as so many steps have succeeded.
round() {
  local version=$2 what=$3 id took steps=$((2 + $1 * 5 % 17))
  ctl cluster upgrade bench "$version" --yes --detach --allow-downgrade >"$WORK/upgrade.log"
  id=$(sql 'SELECT operation_id FROM operation ORDER BY create_time DESC LIMIT 1')
  until (($(sql "SELECT count(*) FROM operation_step WHERE state = 'SUCCEEDED' AND
      operation_id = '$id'") >= steps)); do
    sleep 0.02
  done
  kill_it "$what"
  start_again
  await_operation "$id"
  took=$(sql "SELECT (min(extract(epoch FROM event_time)) * 1000 - $STARTED / 1000)::integer
    FROM operation_event WHERE operation_id = '$id' AND kind = 'STEP_STATE' AND state = 'RUNNING'
    AND event_time > to_timestamp($STARTED / 1000000.0)")
  [[ -n $took ]] || die "the operation was over when dmgrd was killed after $steps steps"
  printf 'killed %-5s after %2d steps: the next one begins %5d ms after the start\n' \
    "$what" "$steps" "$took"
  ((took <= LIMIT_MS)) || MISSED=$((MISSED + 1))
}

main() {
  local i versions=(v7.5.2 v7.5.1) what=(dmgrd all)
  ((EUID == 0)) || die 'must run as root'
  ninja -C "$BUILD" dmgrd dmgrctl dmgr-host dmsim >&2
  set_up_work
  set_up
  MISSED=0
  for ((i = 0; i < ROUNDS; i++)); do
    round "$i" "${versions[i % 2]}" "${what[i / 2 % 2]}"
  done
  printf 'takeover: %d of %d above %d ms\n' "$MISSED" "$ROUNDS" "$LIMIT_MS"
  ((MISSED == 0))
}

main
