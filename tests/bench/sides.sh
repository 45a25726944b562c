# shellcheck shell=bash
# The two sides of deploy.sh. Sourced by it, after tests/support/site.sh.

# ---- dmgr ----

dmgr_deploy() {
  in_group dmgr ctl cluster deploy "$1" "$VERSION" "$WORK/$1.yaml" --yes >"$WORK/dmgr-deploy.log" ||
    die "deploy failed: $(tail -n 5 "$WORK/dmgr-deploy.log")"
}

dmgr_start() {
  in_group dmgr ctl cluster start "$1" --yes >"$WORK/dmgr-start.log" ||
    die "start failed: $(tail -n 5 "$WORK/dmgr-start.log")"
}

dmgr_both() {
  dmgr_deploy bench
  # shellcheck disable=SC2034  # For deploy.sh.
  DEPLOYED=$(now_us) DEPLOYED_CPU=$(cpu_us dmgr)
  dmgr_start bench
}

dmgr_clean() {
  ctl cluster destroy bench --yes >"$WORK/dmgr-destroy.log" || die "destroy failed"
}

# ---- By hand ----

# Cheap key exchange and cipher. A connection for each line as in the measured baseline, or with
# HAND_MUX=1 one that the waves use again.
hand_ssh() {
  local host=$1 mux=()
  shift
  [[ -z ${HAND_MUX:-} ]] ||
    mux=(-o ControlMaster=auto -o ControlPersist=60 -o "ControlPath=$WORK/ssh-%h")
  ssh -F /dev/null -T -i "$KEY" -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR \
    -o "UserKnownHostsFile=$WORK/known_hosts" -o GlobalKnownHostsFile=/dev/null \
    -o KexAlgorithms=curve25519-sha256 -c aes128-gcm@openssh.com \
    "${mux[@]}" "root@${HOST[$host]}" "$@"
}

hand_close() {
  [[ -z ${HAND_MUX:-} ]] || hand_ssh "$1" -O exit 2>/dev/null
}

# The stream of a host holds its binaries, scripts, configurations and units, compressed before the
# clock starts.
record_streams() {
  local i
  for ((i = 1; i <= 5; i++)); do
    hand_ssh "$i" 'cd / && tar -c dm-deploy dm-data etc/systemd/system/dm-*.service \
      $(ls etc/systemd/system/{prometheus,alertmanager}-*.service 2>/dev/null) | zstd -3 -q' \
      >"$WORK/stream-$i.tar.zst"
    hand_close "$i"
  done
}

# each_host COMMAND HOST...: at once on all, and fails when one fails.
each_host() {
  local command=$1 host jobs=()
  shift
  for host in "$@"; do
    "$command" "$host" &
    jobs+=($!)
  done
  for host in "${jobs[@]}"; do
    wait "$host" || die "by hand: $command failed"
  done
}

hand_send() {
  hand_ssh "$1" 'useradd -m tidb && zstd -dcq | tar -b 2048 -xpf - -C / &&
    systemctl daemon-reload' <"$WORK/stream-$1.tar.zst"
}

hand_masters() { hand_ssh "$1" systemctl enable --now -q dm-master-8261; }
hand_workers() { hand_ssh "$1" systemctl enable --now -q dm-worker-8262; }
hand_monitoring() {
  local unit=prometheus-9090
  (($1 == 4)) || unit=alertmanager-9093
  hand_ssh "$1" systemctl enable --now -q "$unit"
}

# A dm-worker that finds no leader ends, and is started again 15 s later.
await_leader() {
  until curl -fs --noproxy '*' -m 2 "$MASTER/apis/v1alpha1/members?leader=true" |
    grep -q '"addr": "[^"]'; do
    sleep 0.05
  done
}

hand_both() {
  in_group hand each_host hand_send 1 2 3 4 5
  # shellcheck disable=SC2034  # For deploy.sh.
  DEPLOYED=$(now_us) DEPLOYED_CPU=$(cpu_us hand)
  in_group hand each_host hand_masters 1 2 3
  await_leader
  in_group hand each_host hand_workers 1 2 3 4 5
  in_group hand each_host hand_monitoring 4 5
}

hand_remove() {
  hand_ssh "$1" 'cd /etc/systemd/system; units=$(ls -d dm-*.service prometheus-*.service \
    alertmanager-*.service 2>/dev/null); systemctl disable --now -q $units && rm $units && systemctl daemon-reload &&
    userdel -r tidb 2>/dev/null && rm -r /dm-deploy /dm-data'
  hand_close "$1"
}

hand_clean() {
  each_host hand_remove 1 2 3 4 5
}
