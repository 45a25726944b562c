#!/bin/bash
# What a thousand hosts, a big upload, many steps and many watchers cost dmgrd. See README.md.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
HOSTS=0
# shellcheck disable=SC2034  # For site.sh.
SIDES=dmgr
PARTS='upload steps watchers list hosts ssh'
CLUSTERS=${CLUSTERS:-50}
# Machines of a cluster of the fleet, three of them with dm-masters.
EACH=20
WATCHERS=${WATCHERS:-1000}
# As large as the real dm-master and dm-worker, and of those that go over SSH.
PAD_MB=158 SSH_PAD_MB=20
# Longer than dmgrd tells what it has once seen of a cluster's health.
FORGOTTEN_SECONDS=31
MISSED=0
NAMES=()

# shellcheck source=tests/support/site.sh
. "$REPO/tests/support/site.sh"

# ---- Measuring ----

start_measured() {
  start_dmgrd
  DMGRD=$(pgrep -f -- "--config $WORK/dmgrd.toml")
  export ADDRESS WORK BUILD
  export -f ctl
}

forget_peak() {
  echo 5 >"/proc/$DMGRD/clear_refs"
}

# What dmgrd itself had at most since forget_peak.
peak_mib() {
  awk '$1 == "VmHWM:" { printf "%d", ($2 + 1023) / 1024 }' "/proc/$DMGRD/status"
}

# Of dmgrd itself, without its PostgreSQL and without far ends.
dmgrd_cpu_ms() {
  awk -v ticks="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); printf "%d", ($12 + $13) * 1000 / ticks }' \
    "/proc/$DMGRD/stat"
}

sql() {
  psql -qAtX "host=$WORK/data/postgresql/run user=dmgr dbname=dmgr" -v ON_ERROR_STOP=1 -c "$1"
}

# figure NAME VALUE UNIT
figure() {
  printf '%-52s %8d %s\n' "$1" "$2" "$3"
}

# goal NAME VALUE UNIT 'at most'|'at least' LIMIT
goal() {
  local met=met
  if [[ $4 == 'at most' ]]; then (($2 <= $5)) || met=missed; else (($2 >= $5)) || met=missed; fi
  [[ $met == met ]] || MISSED=$((MISSED + 1))
  printf '%-52s %8d %s  (%s %d: %s)\n' "$1" "$2" "$3" "$4" "$5" "$met"
}

# timed NAME COMMAND...
timed() {
  local name=$1 began
  shift
  note "$name"
  began=$(now_us)
  "$@"
  figure "$name" $((($(now_us) - began) / 1000)) ms
}

# each_cluster HOW_MANY_AT_ONCE WORDS...: runs dmgrctl for every cluster, whose name takes the place
# of {} in its words.
each_cluster() {
  local most=$1
  shift
  # shellcheck disable=SC2016
  printf '%s\n' "${NAMES[@]}" |
    xargs -P "$most" -I{} bash -c 'ctl "$@" >>"$WORK/ctl.log" 2>&1' ctl "$@" ||
    die "dmgrctl $* failed: $(tail -n 5 "$WORK/ctl.log")"
}

# Until no operation is under way; all must have succeeded.
await_operations() {
  local failed
  until (($(sql "SELECT count(*) FROM operation
      WHERE state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'ROLLING_BACK')") == 0)); do
    sleep 0.5
  done
  failed=$(sql "SELECT count(*) FROM operation WHERE state <> 'SUCCEEDED'")
  ((failed == 0)) || die "$failed operations failed: $(ctl operation list | head -n 5)"
}

# ---- An upload ----

part_upload() {
  local file=${PACKAGE:-$WORK/dm-v7.5.1.tar.gz} cpu began
  note 'dmgrd, and a package with programs of 160 MB'
  start_measured
  [[ -n ${PACKAGE:-} ]] || build_package v7.5.1 "$PAD_MB"
  note 'the upload'
  forget_peak
  cpu=$(dmgrd_cpu_ms) began=$(now_us)
  ctl package upload "$file" >&2
  figure 'upload: size' $(($(stat -c %s "$file") >> 20)) MiB
  figure 'upload: wall' $((($(now_us) - began) / 1000)) ms
  goal 'upload: CPU of dmgrd' $(($(dmgrd_cpu_ms) - cpu)) ms 'at most' 15000
  goal 'upload: memory of dmgrd' "$(peak_mib)" MiB 'at most' 200
}

# ---- Durable steps ----

# In turns on the PostgreSQL of a dmgrd that has nothing to do; medians of three.
part_steps() {
  local i pg socket=$WORK/data/postgresql/run commits
  note 'a PostgreSQL as dmgrd starts it'
  start_measured
  pg=$(dirname "$(readlink "/proc/$(head -n 1 "$WORK/data/postgresql/data/postmaster.pid")/exe")")
  [[ -x $pg/pgbench ]] || die "$pg has no pgbench"
  export PGHOST=$socket PGUSER=dmgr
  "$pg/createdb" pgbench
  "$pg/pgbench" -i -q -s 10 pgbench >&2
  for i in 1 2 3; do
    note "round $i"
    # As many connections as the engine has.
    "$pg/pgbench" -n -N -c 4 -j 2 -T 10 pgbench 2>>pgbench.log |
      sed -nE 's/^tps = ([0-9]+).*/\1/p' >>commits
    "$pg/createdb" "steps$i"
    "$BUILD/tests/fleet_steps" "host=$socket user=dmgr dbname=steps$i" 8 4 250 >>steps
  done
  commits=$(sort -n commits | sed -n 2p)
  figure 'steps: commits of pgbench' "$commits" 'a second'
  goal 'steps: durable steps' "$(sort -n steps | sed -n 2p)" 'a second' 'at least' $((commits / 2))
}

# ---- A fleet without SSH ----

# start_fleet CLUSTERS: dmgrd_fleet with two packages of tiny programs, and a topology for each
# cluster.
start_fleet() {
  local cluster host name
  note "dmgrd with $(($1 * EACH)) machines, two packages"
  DM_PROGRAMS=$MEMORY/programs
  mkdir "$WORK/dead" "$DM_PROGRAMS"
  for name in dm-master dm-worker dmctl grafana-server grafana-cli; do
    cp /bin/true "$DM_PROGRAMS/$name"
  done
  export TMPDIR=$MEMORY DMGR_FLEET="$1 $EACH $WORK/dead"
  # shellcheck disable=SC2034  # For site.sh.
  DMGRD_PROGRAM=dmgrd_fleet DMGRD_CONFIG=$'[limits]\nstreams_per_user = 2000'
  start_measured
  add_package v7.5.1 0
  add_package v7.5.2 0
  for ((cluster = 1; cluster <= $1; cluster++)); do
    printf -v name 'c%02d' "$cluster"
    NAMES+=("$name")
    {
      printf 'global: {user: dm, deploy_dir: /opt/dm/deploy, data_dir: /opt/dm/data}\n'
      printf 'master_servers:\n'
      for ((host = 1; host <= EACH; host++)); do
        ((host != 4)) || printf 'worker_servers:\n'
        printf '  - {host: 10.66.%d.%d, port: 18261}\n' "$cluster" "$host"
      done
    } >"$WORK/$name.yaml"
  done
}

part_watchers() {
  local id cpu began ms
  start_fleet 1
  each_cluster 1 cluster deploy '{}' v7.5.1 "$WORK/{}.yaml" --yes
  each_cluster 1 cluster start '{}' --yes
  note "an upgrade that $WATCHERS watch"
  forget_peak
  cpu=$(dmgrd_cpu_ms) began=$(now_us)
  each_cluster 1 cluster upgrade '{}' v7.5.2 --yes --detach
  id=$(sql 'SELECT operation_id FROM operation ORDER BY create_time DESC LIMIT 1')
  "$BUILD/tests/fleet_watchers" "$ADDRESS" "$WORK/password" "$id" "$WATCHERS" >watchers ||
    die 'not all could watch to the end'
  ms=$((($(now_us) - began) / 1000)) cpu=$(($(dmgrd_cpu_ms) - cpu))
  await_operations
  figure 'watchers: of one operation' "$WATCHERS" ''
  figure 'watchers: from its begin until all saw its end' "$ms" ms
  figure 'watchers: events that they got' "$(tail -n 1 watchers)" ''
  goal 'watchers: CPU of dmgrd' $((cpu * 100 / ms)) '% of a core' 'at most' 100
  goal 'watchers: memory of dmgrd' "$(peak_mib)" MiB 'at most' 300
}

list_health() {
  ctl cluster list --health >"$WORK/listed"
}

# upgrade_all VERSION [OPTION...]
upgrade_all() {
  each_cluster 16 cluster upgrade '{}' "$@" --yes --detach
  await_operations
}

# Every tenth machine, dm-workers all of them.
kill_a_tenth() {
  local name host
  for name in "${NAMES[@]}"; do
    for ((host = EACH; host > EACH - EACH / 10; host--)); do
      touch "$(printf '%s/dead/%s-h%02d' "$WORK" "$name" "$host")"
    done
  done
}

part_hosts() {
  local cpu
  start_fleet "$CLUSTERS"
  forget_peak
  figure 'hosts: machines' $((CLUSTERS * EACH)) ''
  timed 'hosts: deploy of all' each_cluster 8 cluster deploy '{}' v7.5.1 "$WORK/{}.yaml" --yes
  timed 'hosts: start of all' each_cluster 8 cluster start '{}' --yes
  timed 'hosts: status of all' each_cluster 16 cluster status '{}'
  cpu=$(dmgrd_cpu_ms)
  timed 'hosts: rolling upgrade of all' upgrade_all v7.5.2
  figure 'hosts: CPU of dmgrd for that' $(($(dmgrd_cpu_ms) - cpu)) ms
  kill_a_tenth
  timed 'hosts: status of all, a tenth of them dead' each_cluster 16 cluster status '{}'
  timed 'hosts: list with health, a tenth of them dead' list_health
  timed 'hosts: upgrade back of the others' upgrade_all v7.5.1 --allow-downgrade --skip-unreachable
  goal 'hosts: memory of dmgrd, through all of it' "$(peak_mib)" MiB 'at most' 500
}

# ---- Lab hosts ----

# A dm-master and a dm-worker for each cluster, on five hosts.
write_small_clusters() {
  local i name
  for ((i = 0; i < CLUSTERS; i++)); do
    printf -v name 'c%02d' "$i"
    NAMES+=("$name")
    printf 'global: {user: tidb, deploy_dir: /%s/deploy, data_dir: /%s/data}
master_servers: [{host: %s, port: %d, peer_port: %d}]
worker_servers: [{host: %s, port: %d}]\n' "$name" "$name" "${HOST[$((i % 5 + 1))]}" \
      $((20000 + 3 * i)) $((20001 + 3 * i)) "${HOST[$(((i + 1) % 5 + 1))]}" $((20002 + 3 * i)) \
      >"$WORK/$name.yaml"
  done
}

part_list() {
  local i began ms told slowest=0 fewest=$CLUSTERS
  note "$HOSTS hosts, $CLUSTERS clusters of a dm-master and a dm-worker each"
  set_up_hosts
  start_measured
  add_package v7.5.1 0
  write_small_clusters
  each_cluster 1 cluster deploy '{}' v7.5.1 "$WORK/{}.yaml" --yes
  each_cluster 8 cluster start '{}' --yes
  for i in 1 2 3; do
    note "list $i, of what has been forgotten"
    sleep "$FORGOTTEN_SECONDS"
    began=$(now_us)
    list_health
    ms=$((($(now_us) - began) / 1000))
    ((ms <= slowest)) || slowest=$ms
    told=$(grep -c ' 2/2 *$' "$WORK/listed") || true
    ((told >= fewest)) || fewest=$told
  done
  goal 'list: clusters whose health it tells' "$fewest" '' 'at least' "$CLUSTERS"
  goal 'list: with health, slowest of three' "$slowest" ms 'at most' 2000
}

part_ssh() {
  local i
  note "$HOSTS hosts, dmgrd, two packages"
  set_up_hosts
  start_measured
  add_package v7.5.1 "$SSH_PAD_MB"
  add_package v7.5.2 "$SSH_PAD_MB"
  NAMES=(c01)
  {
    printf 'global: {user: tidb, deploy_dir: /dm-deploy, data_dir: /dm-data}\nmaster_servers:\n'
    for ((i = 1; i <= HOSTS; i++)); do
      ((i != 4)) || printf 'worker_servers:\n'
      printf '  - {host: %s}\n' "${HOST[$i]}"
    done
  } >"$WORK/c01.yaml"
  forget_peak
  timed 'ssh: deploy' each_cluster 1 cluster deploy '{}' v7.5.1 "$WORK/{}.yaml" --yes
  timed 'ssh: start' each_cluster 1 cluster start '{}' --yes
  timed 'ssh: status' each_cluster 1 cluster status '{}' --exit-code
  timed 'ssh: rolling upgrade' each_cluster 1 cluster upgrade '{}' v7.5.2 --yes
  goal "ssh: memory of dmgrd, $HOSTS hosts at work" "$(peak_mib)" MiB 'at most' 200
}

# ---- All of it ----

# Each part has a site of its own.
run_parts() {
  local part missed=0
  for part in "$@"; do
    "${BASH_SOURCE[0]}" "$part" || missed=$((missed + 1))
  done
  printf 'fleet: %d of %d parts missed a goal\n' "$missed" $#
  ((missed == 0))
}

main() {
  local part
  ((EUID == 0)) || die 'must run as root'
  for part in "$@"; do
    [[ " $PARTS " == *" $part "* ]] || die "usage: tests/bench/fleet.sh [PART...]; parts: $PARTS"
  done
  # shellcheck disable=SC2086
  (($# > 0)) || set -- $PARTS
  if (($# > 1)); then
    run_parts "$@"
    return
  fi
  case $1 in
    upload) ninja -C "$BUILD" dmgrd dmgrctl dmsim >&2 ;;
    steps) ninja -C "$BUILD" dmgrd dmgrctl fleet_steps >&2 ;;
    watchers | hosts) ninja -C "$BUILD" dmgrd_fleet dmgrctl fleet_watchers >&2 ;;
    list | ssh) ninja -C "$BUILD" dmgrd dmgrctl dmgr-host dmsim >&2 ;;
  esac
  case $1 in
    watchers | hosts) IN_MEMORY=yes ;;
    list) HOSTS=5 ;;
    ssh) HOSTS=40 ;;
  esac
  # Of far ends' pipes and of watchers' connections there are thousands.
  ulimit -n "$(ulimit -Hn)"
  [[ -z ${PACKAGE:-} ]] || PACKAGE=$(realpath "$PACKAGE")
  set_up_work
  "part_$1"
  ((MISSED == 0))
}

main "$@"
