#!/bin/bash
# How long the operations of a cluster's life take. See README.md.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
HOSTS=5 SIDES=dmgr
# Padding of dm-master and dm-worker: as large as the real ones.
PAD_MB=158
# Milliseconds that TiUP 1.16.5 took for the same on such hosts, in the order in which they are
# measured; at most half of it is wanted, of status at most the same.
TIUP='status=200 scale-out=40000 restart=14000 reload=28000 upgrade=37000 scale-in=9000 stop=9000'
declare -A TOOK

# shellcheck source=tests/bench/common.sh
. "$REPO/tests/bench/common.sh"

# 9 instances: 3 dm-masters, 3 dm-workers, Prometheus, Alertmanager, Grafana.
write_topologies() {
  local i
  {
    printf 'global:\n  user: tidb\n  deploy_dir: /dm-deploy\n  data_dir: /dm-data\nmaster_servers:\n'
    for i in 1 2 3; do printf '  - {host: %s}\n' "${HOST[$i]}"; done
    printf 'worker_servers:\n'
    for i in 1 2 3; do printf '  - {host: %s}\n' "${HOST[$i]}"; done
    printf 'monitoring_servers: [{host: %s}]\n' "${HOST[4]}"
    printf 'grafana_servers: [{host: %s}]\nalertmanager_servers: [{host: %s}]\n' "${HOST[4]}" "${HOST[5]}"
  } >"$WORK/nine.yaml"
  {
    printf 'master_servers: [{host: %s}, {host: %s}]\n' "${HOST[4]}" "${HOST[5]}"
    printf 'worker_servers: [{host: %s}, {host: %s}]\n' "${HOST[4]}" "${HOST[5]}"
  } >"$WORK/four.yaml"
}

# The hosts do not know v7.5.2 and the four's hosts no DM when they are measured.
set_up() {
  note 'five hosts, dmgrd, two packages with binaries of 160 MB, a cluster of nine instances'
  set_up_hosts
  start_dmgrd
  add_package v7.5.1 "$PAD_MB"
  add_package v7.5.2 "$PAD_MB"
  write_topologies
  ctl cluster deploy bench v7.5.1 "$WORK/nine.yaml" --yes
  ctl cluster start bench --yes
} >&2

# measure NAME COMMAND...
measure() {
  local name=$1 began
  shift
  note "$name"
  sync
  # As clusters are: etcd lets members go only when all have been connected for 5 s.
  sleep 6
  began=$(now_us)
  "$@" >"$WORK/$name.log" 2>&1 || die "$name failed: $(tail -n 8 "$WORK/$name.log")"
  TOOK[$name]=$((($(now_us) - began) / 1000))
}

# Changed configuration for all of dm-master and dm-worker.
edit() {
  sed 's/^global:/server_configs: {master: {log-level: warn}, worker: {log-level: warn}}\nglobal:/' \
    "$WORK/all.yaml" >"$WORK/edited.yaml"
  ctl cluster edit-config bench --file "$WORK/edited.yaml" --yes
}

run_all() {
  local host4=${HOST[4]} host5=${HOST[5]}
  measure status ctl cluster status bench
  measure scale-out ctl cluster scale-out bench "$WORK/four.yaml" --yes
  measure scale-in ctl cluster scale-in bench --yes --node "$host4:8261" --node "$host5:8261" \
    --node "$host4:8262" --node "$host5:8262"
  measure restart ctl cluster restart bench --yes
  ctl cluster show-config bench >"$WORK/all.yaml"
  edit >"$WORK/edit.log" 2>&1 || die "edit-config failed: $(tail -n 8 "$WORK/edit.log")"
  measure reload ctl cluster reload bench --yes
  measure upgrade ctl cluster upgrade bench v7.5.2 --yes
  measure stop ctl cluster stop bench --yes
}

report() {
  local one name tiup limit missed=0
  for one in $TIUP; do
    name=${one%=*} tiup=${one#*=}
    limit=$((tiup / 2))
    [[ $name != status ]] || limit=$tiup
    printf '%-10s %6d ms  (at most %5d ms; TiUP 1.16.5: %5d ms)%s\n' "$name" "${TOOK[$name]}" \
      "$limit" "$tiup" "$( ((TOOK[$name] <= limit)) || printf '  MISSED')"
    ((TOOK[$name] <= limit)) || missed=$((missed + 1))
  done
  printf 'lifecycle: %d of 7 missed\n' "$missed"
  ((missed == 0))
}

main() {
  ((EUID == 0)) || die 'must run as root'
  ninja -C "$BUILD" dmgrd dmgrctl dmgr-host dmsim >&2
  set_up_work
  set_up
  run_all
  report
}

main
