#!/bin/bash
# How long the operations of a cluster's life take. See README.md.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
HOSTS=5 SIDES=dmgr
# Padding of dm-master and dm-worker: as large as the real ones.
PAD_MB=158
# Operation, milliseconds that are wanted at most, and what TiUP 1.16.5 took for the same with the real
# DM on such hosts (0: it has none), in the order in which they are measured.
LIMITS='status:200:200 scale-out:12000:39100 scale-in:4000:10600 restart:8000:0 reload:3000:13700
  upgrade:12000:39200 restart-bound:10000:0 upgrade-bound:20000:0 at-once:12000:0 stop:5000:12000'
declare -A TOOK

# shellcheck source=tests/support/site.sh
. "$REPO/tests/support/site.sh"

# 3 dm-masters, 5 dm-workers, Prometheus, Alertmanager, Grafana.
write_topologies() {
  local i
  {
    printf 'global:\n  user: tidb\n  deploy_dir: /dm-deploy\n  data_dir: /dm-data\n'
    printf 'server_configs: {master: {openapi: true}}\nmaster_servers:\n'
    for i in 1 2 3; do printf '  - {host: %s}\n' "${HOST[$i]}"; done
    printf 'worker_servers:\n'
    for i in 1 2 3 4 5; do printf '  - {host: %s}\n' "${HOST[$i]}"; done
    printf 'monitoring_servers: [{host: %s}]\n' "${HOST[4]}"
    printf 'grafana_servers: [{host: %s}]\nalertmanager_servers: [{host: %s}]\n' "${HOST[4]}" "${HOST[5]}"
  } >"$WORK/cluster.yaml"
  {
    printf 'master_servers: [{host: %s}, {host: %s}]\n' "${HOST[4]}" "${HOST[5]}"
    printf 'worker_servers: [{host: %s, port: 8272}, {host: %s, port: 8272}]\n' \
      "${HOST[4]}" "${HOST[5]}"
  } >"$WORK/four.yaml"
}

# The stand-in as slow as the real DM where that is slow.
set_up_waits() {
  local i
  for ((i = 1; i <= HOSTS; i++)); do
    lab ssh "h$i" -- systemctl set-environment DMSIM_FIRST_REQUEST_SECONDS=10 \
      DMSIM_LAST_MASTER_SECONDS=8
  done
}

# Two of the dm-workers carry a source each.
bind_sources() {
  local i
  for i in 1 2; do
    curl -fsS --noproxy '*' -m 10 -o /dev/null "$MASTER/api/v1/sources" -d '{"source":
      {"source_name":"s'"$i"'","host":"192.0.2.1","port":3306,"user":"u","password":"p"}}'
  done
}

# The hosts do not know v7.5.2 when it is measured.
set_up() {
  note 'five hosts, dmgrd, two packages with binaries of 160 MB, a cluster of eleven instances'
  set_up_hosts
  set_up_waits
  start_dmgrd
  add_package v7.5.1 "$PAD_MB"
  add_package v7.5.2 "$PAD_MB"
  write_topologies
  ctl cluster deploy bench v7.5.1 "$WORK/cluster.yaml" --yes
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

# Changed configuration for all dm-workers.
edit() {
  sed '/^server_configs:/a\  worker: {log-level: warn}' "$WORK/all.yaml" >"$WORK/edited.yaml"
  ctl cluster edit-config bench --file "$WORK/edited.yaml" --yes
}

run_all() {
  local host4=${HOST[4]} host5=${HOST[5]}
  measure status ctl cluster status bench
  measure scale-out ctl cluster scale-out bench "$WORK/four.yaml" --yes
  measure scale-in ctl cluster scale-in bench --yes --node "$host4:8261" --node "$host5:8261" \
    --node "$host4:8272" --node "$host5:8272"
  measure restart ctl cluster restart bench --yes
  ctl cluster show-config bench >"$WORK/all.yaml"
  edit >"$WORK/edit.log" 2>&1 || die "edit-config failed: $(tail -n 8 "$WORK/edit.log")"
  measure reload ctl cluster reload bench --yes
  measure upgrade ctl cluster upgrade bench v7.5.2 --yes
  bind_sources
  measure restart-bound ctl cluster restart bench --yes
  measure upgrade-bound ctl cluster upgrade bench v7.5.1 --allow-downgrade --yes
  measure at-once ctl cluster restart bench --all-at-once --yes
  measure stop ctl cluster stop bench --yes
}

report() {
  local one name limit tiup missed=0 count=0
  for one in $LIMITS; do
    IFS=: read -r name limit tiup <<<"$one"
    count=$((count + 1))
    printf '%-13s %6d ms  (at most %5d ms%s)%s\n' "$name" "${TOOK[$name]}" "$limit" \
      "$( ((tiup == 0)) || printf '; TiUP 1.16.5: %5d ms' "$tiup")" \
      "$( ((TOOK[$name] <= limit)) || printf '  MISSED')"
    ((TOOK[$name] <= limit)) || missed=$((missed + 1))
  done
  printf 'lifecycle: %d of %d missed\n' "$missed" "$count"
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
