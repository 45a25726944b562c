#!/bin/bash
# Deploy and start of a cluster by dmgr and by hand, in turns. See README.md.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
HOSTS=5 SIDES='dmgr hand'
ROUNDS=${1:-3}
VERSION=v7.5.1
# Padding of dm-master and dm-worker: program code, which does not shrink to nothing.
PAD_MB=98
# Of the hand-made side's wall and controller CPU, in percent.
WALL_LIMIT=90 CPU_LIMIT=80
declare -A WALLS CPUS

# shellcheck source=tests/support/site.sh
. "$REPO/tests/support/site.sh"
# shellcheck source=tests/bench/sides.sh
. "$REPO/tests/bench/sides.sh"

# write_topology NAME SHIFT: 3 masters, 5 workers, Prometheus and Alertmanager on 5 hosts, no two of
# a kind on one.
write_topology() {
  local i
  {
    printf 'global:\n  user: tidb\n  deploy_dir: /dm-deploy%s\n  data_dir: /dm-data%s\n' "$3" "$3"
    printf 'master_servers:\n'
    for i in 1 2 3; do
      printf '  - {host: %s, port: %d, peer_port: %d}\n' "${HOST[$i]}" $((8261 + $2)) $((8291 + $2))
    done
    printf 'worker_servers:\n'
    for i in 1 2 3 4 5; do
      printf '  - {host: %s, port: %d}\n' "${HOST[$i]}" $((8262 + $2))
    done
    printf 'monitoring_servers:\n  - {host: %s, port: %d}\n' "${HOST[4]}" $((9090 + $2))
    printf 'alertmanager_servers:\n  - {host: %s, web_port: %d, cluster_port: %d}\n' \
      "${HOST[5]}" $((9093 + $2)) $((9094 + $2))
  } >"$WORK/$1.yaml"
}

set_up() {
  local i
  note 'five hosts, dmgrd, a package with binaries of 100 MB'
  set_up_hosts
  for ((i = 1; i <= HOSTS; i++)); do
    lab host-key "h$i"
    # shellcheck disable=SC2016
    lab ssh "h$i" -- 'cat >/usr/bin/zstd && chmod 755 /usr/bin/zstd && zstd -q -V' <"$(command -v zstd)" >&2
  done >"$WORK/known_hosts"
  start_dmgrd
  add_package "$VERSION" "$PAD_MB"
  write_topology bench 0 ''
  write_topology second 100 2
  note 'one round that does not count; the streams of the hand-made side are made from it'
  dmgr_deploy bench
  record_streams
  dmgr_start bench
}

# ---- Measuring ----

# Bytes that went to the hosts' cables so far.
sent_bytes() {
  cat /sys/class/net/dml-bench/brif/*/../statistics/tx_bytes | awk '{ sum += $1 } END { print sum }'
}

# The hosts have all that they need already but for configurations and units.
second_cluster() {
  local before after cpu
  before=$(sent_bytes) cpu=$(cpu_us dmgr)
  dmgr_deploy second
  after=$(sent_bytes) cpu=$((($(cpu_us dmgr) - cpu) / 1000))
  ctl cluster destroy second --yes >/dev/null
  SECOND_BYTES=$((after - before))
  printf 'second cluster on the same hosts: deployed with %d KiB sent to all five, controller CPU %d ms\n' \
    $((SECOND_BYTES / 1024)) "$cpu"
}

await_ready() {
  "$REPO/tests/bench/ready.py" 3 5 "$MASTER" "http://${HOST[4]}:9090/-/ready" \
    "http://${HOST[5]}:9093/-/ready"
}

hosts_cpu_ms() {
  local i sum=0
  for ((i = 1; i <= 5; i++)); do
    sum=$((sum + $(lab cpu "h$i") / 1000000))
  done
  printf '%d' "$sum"
}

# round SIDE: prints what it took and adds it to the lists.
round() {
  local side=$1 began cpu wall hosts
  note "$side"
  sync
  sleep 1
  hosts=$(hosts_cpu_ms) cpu=$(cpu_us "$side") began=$(now_us)
  "${side}_both"
  await_ready
  DEPLOYED_CPU=$((DEPLOYED_CPU - cpu))
  wall=$(($(now_us) - began)) cpu=$(($(cpu_us "$side") - cpu))
  hosts=$(($(hosts_cpu_ms) - hosts))
  WALLS[$side]+=" $wall" CPUS[$side]+=" $cpu"
  printf '%-4s  deploy %6d ms  start %6d ms  both %6d ms  controller CPU %4d + %4d ms  hosts %5d ms\n' \
    "$side" \
    $(((DEPLOYED - began) / 1000)) $(((wall - DEPLOYED + began) / 1000)) $((wall / 1000)) \
    $((DEPLOYED_CPU / 1000)) $(((cpu - DEPLOYED_CPU) / 1000)) "$hosts"
  [[ -z ${KEEP_LOGS:-} ]] || cp "$WORK"/dmgr-*.log "$KEEP_LOGS"
  "${side}_clean"
}

median() {
  printf '%s\n' "$@" | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

# shellcheck disable=SC2086
report() {
  local dmgr hand wall cpu
  dmgr=$(median ${WALLS[dmgr]}) hand=$(median ${WALLS[hand]})
  wall=$((dmgr * 1000 / hand))
  dmgr=$(median ${CPUS[dmgr]}) hand=$(median ${CPUS[hand]})
  cpu=$((dmgr * 1000 / hand))
  printf 'dmgr / by hand, medians: wall 0.%03d (at most 0.%d), controller CPU 0.%03d (at most 0.%d)\n' \
    "$wall" "$WALL_LIMIT" "$cpu" "$CPU_LIMIT" | sed -E 's/0\.([0-9])([0-9]{3})/\1.\2/g'
  ((wall <= WALL_LIMIT * 10 && cpu <= CPU_LIMIT * 10))
}

main() {
  local i
  ((EUID == 0)) || die 'must run as root'
  [[ $ROUNDS =~ ^[1-9][0-9]?$ ]] || die "usage: tests/bench/deploy.sh [ROUNDS]"
  command -v zstd >/dev/null || die 'zstd is missing: deploy/install-deps.sh'
  ninja -C "$BUILD" dmgrd dmgrctl dmgr-host dmsim >&2
  set_up_work
  set_up
  second_cluster
  dmgr_clean
  for ((i = 1; i <= ROUNDS; i++)); do
    round dmgr
    round hand
  done
  ((SECOND_BYTES < 10 * 1024 * 1024)) || die 'the second cluster sent binaries again'
  report
}

main
