#!/bin/bash
# Real Linux hosts on one machine, for tests and for the quickstart. See README.md.
set -euo pipefail

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
LAB_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE_ROOT=${DMGR_LAB_STATE:-/var/lib/dmgr-lab}
RUN_ROOT=/run/dmgr-lab
TIMEOUT=120

note() {
  printf 'lab: %s\n' "$*" >&2
}

die() {
  note "$*"
  exit 1
}

# Holds a lock until this shell and all that it started in the foreground are gone. The file may
# be removed by whoever holds the lock, hence the second look.
take_lock() {
  while :; do
    exec {LOCK_FD}>>"$1"
    flock "$LOCK_FD"
    [[ ! $1 -ef /proc/self/fd/$LOCK_FD ]] || return 0
    exec {LOCK_FD}>&-
  done
}

# shellcheck source=tests/lab/lib_base.sh
. "$LAB_HOME/lib_base.sh"
# shellcheck source=tests/lab/lib_net.sh
. "$LAB_HOME/lib_net.sh"
# shellcheck source=tests/lab/lib_host.sh
. "$LAB_HOME/lib_host.sh"

usage() {
  cat <<'TEXT'
usage: lab.sh COMMAND [--lab NAME] [--timeout SECONDS]
  base                        build the root file system that all hosts share
  up --hosts N [--slot S]     create and boot h1 to hN; hosts that run are left alone
  down                        remove the lab and all it made
  list                        name, address, state, one host a line
  address HOST | address6 HOST | control-address
  key                         path of the private key of root
  host-key HOST [TYPE]        known_hosts line (ed25519, ecdsa or rsa)
  ssh HOST [--] COMMAND...
  wait HOST                   until it is running
  stop | start | reboot | power-cut HOST
  unplug | plug HOST          the network cable
  readdress HOST NUMBER       another address, by its last number; the former one is gone
  reset HOST                  a fresh host under its first address
  fill-disk HOST PATH SIZE_MB | free-disk HOST PATH
  add-user HOST USER [--password P] [--sudo nopasswd|password] [--key PUBLIC_KEY_FILE]
  freeze-sshd | thaw-sshd HOST
  cpu HOST                    nanoseconds used since boot
  root HOST                   path of its root on this machine
TEXT
}

# ---- Helpers of the commands ----

# Two commands that change the lab as a whole do not overlap.
lock_lab() {
  mkdir -p "$RUN_ROOT"
  take_lock "$RUN_ROOT/$LAB.lock"
}

lock_machine() {
  mkdir -p "$RUN_ROOT"
  take_lock "$RUN_ROOT/.machine.lock"
}

require_host() {
  [[ ${1:-} =~ ^h[0-9]+$ ]] || die "no host name: '${1:-}'"
  [[ -f $LAB_DIR/hosts/$1/complete ]] || die "no host $1 in lab $LAB"
}

require_count() {
  (($1 == $2)) || { usage >&2; exit 2; }
}

# Sets SSH to the command that logs in to a host.
ssh_command() {
  SSH=(ssh -F /dev/null -T -i "$LAB_DIR/key" -o IdentitiesOnly=yes -o BatchMode=yes
    -o "UserKnownHostsFile=$(host_dir "$1")/known_hosts" -o GlobalKnownHostsFile=/dev/null
    -o StrictHostKeyChecking=yes -o ConnectTimeout=5 -o ServerAliveInterval=5
    -o ServerAliveCountMax=3 -o LogLevel=ERROR "root@$(host_address "$1")")
}

host_key() {
  local file
  file=$(host_root "$1")/etc/ssh/ssh_host_$2_key.pub
  [[ -f $file ]] || die "$1 has no $2 key"
  printf '%s %s\n' "$(host_address "$1")" "$(cut -d' ' -f1,2 "$file")"
}

known_hosts_lines() {
  local type
  for type in ed25519 ecdsa rsa; do
    host_key "$1" "$type"
  done
}

# Hosts that have a folder or processes, whatever a crash has left.
all_hosts() {
  local path
  {
    for path in "$LAB_DIR"/hosts/*; do
      [[ ! -d $path ]] || printf '%s\n' "${path##*/}"
    done
    for path in /sys/fs/cgroup/{,systemd,unified,cpuacct}/dmlab-"$LAB"-h*; do
      [[ ! -d $path ]] || printf '%s\n' "${path##*/dmlab-"$LAB"-}"
    done
    if under_systemd; then
      systemctl list-units --all --plain --no-legend "dmgr-lab-$LAB-h*.service" |
        sed -nE "s/^dmgr-lab-$LAB-(h[0-9]+)\.service .*/\1/p"
    fi
  } | grep -xE 'h[0-9]+' | sort -uV || true
}

# ---- Commands ----

bring_up_host() {
  lock_host "$1"
  create_host "$1"
  boot_host "$1"
}

cmd_up() {
  local i jobs=() failed=0
  [[ $HOSTS =~ ^[1-9][0-9]{0,2}$ && $HOSTS -le 240 ]] || die "--hosts takes 1 to 240"
  [[ $SLOT =~ ^(0|[1-9][0-9]{0,2})?$ && ${SLOT:-0} -lt 512 ]] || die "--slot takes 0 to 511"
  lock_lab
  cmd_base >/dev/null
  (lock_machine && mkdir -p "$LAB_DIR/hosts" && network_up "$SLOT")
  [[ -f $LAB_DIR/key ]] || ssh-keygen -q -t ed25519 -N '' -C "dmgr-lab-$LAB" -f "$LAB_DIR/key"
  for ((i = 1; i <= HOSTS; i++)); do
    (bring_up_host "h$i") &
    jobs+=($!)
  done
  for i in "${jobs[@]}"; do
    wait "$i" || failed=1
  done
  ((!failed)) || die "lab $LAB is not up"
}

cmd_down() {
  local host
  lock_lab
  for host in $(all_hosts); do
    (power_cut_host "$host") &
  done
  wait
  for host in $(all_hosts); do
    ! host_alive "$host" || die "$host does not end"
    rm -rf "/run/systemd/nspawn/propagate/$(machine_name "$host")"
    wipe_host "$host"
  done
  (
    lock_machine
    network_down
    rm -rf --one-file-system "$LAB_DIR"
    rmdir "$STATE_ROOT" 2>/dev/null || true
  )
  rm -f "$RUN_ROOT/$LAB.lock"
}

cmd_list() {
  local host state
  for host in $(all_hosts); do
    state=stopped
    ! host_alive "$host" || state=running
    printf '%s\t%s\t%s\n' "$host" "$(host_address "$host")" "$state"
  done
}

cmd_ssh() {
  local host=$1
  shift
  (($#)) || die "ssh: no command"
  ssh_command "$host"
  exec "${SSH[@]}" -- "$@"
}

# start, stop, reset and reboot of one host follow one another.
lock_host() {
  take_lock "$LAB_DIR/hosts/$1.lock"
}

cmd_start() {
  lock_host "$1"
  cmd_base >/dev/null
  (lock_machine && network_up '')
  boot_host "$1"
}

cmd_stop() {
  lock_host "$1"
  stop_host "$1"
}

other_payload() {
  local now
  now=$(payload_pid "$1")
  [[ -n $now && $now != "$2" ]]
}

cmd_reboot() {
  local before
  lock_host "$1"
  before=$(payload_pid "$1")
  [[ -n $before ]] || die "$1 is not running"
  host_run "$1" systemctl reboot </dev/null
  await "$TIMEOUT" other_payload "$1" "$before" || die "$1 did not reboot within $TIMEOUT s"
  wait_running "$1"
}

cmd_reset() {
  lock_host "$1"
  power_cut_host "$1"
  rm -f "$(host_dir "$1")/complete"
  create_host "$1"
  boot_host "$1"
}

# What is already in the folder moves into the small file system with it, so that a service that
# runs from there meets a full disk and not an empty one.
cmd_fill_disk() {
  local host=$1 path=$2 size=$3
  [[ $path == /* && $path != / ]] || die "fill-disk: no absolute path: '$path'"
  [[ $size =~ ^[1-9][0-9]*$ ]] || die "fill-disk: no size: '$size'"
  host_run "$host" /bin/sh -eus "$path" "$size" <<'SH'
mkdir -p "$1"
stage=$(mktemp -d)
mount -t tmpfs -o "size=$2m,mode=$(stat -c %a "$1")" dmgr-lab-fill "$stage"
trap 'umount "$stage"; rmdir "$stage"' EXIT
cp -a "$1/." "$stage/"
mount --bind "$stage" "$1"
for block in 1M 4k 1; do
  dd if=/dev/zero bs=$block oflag=append conv=notrunc of="$1/.dmgr-lab-fill" 2>/dev/null || true
done
SH
}

cmd_free_disk() {
  host_run "$1" umount -l "$2" </dev/null
}

cmd_add_user() {
  local host=$1 user=$2 rule
  [[ $user =~ ^[a-z_][a-z0-9_-]{0,30}$ ]] || die "no user name: '$user'"
  rule=$(sudo_rule "$user" "$SUDO")
  host_run "$host" id -u "$user" >/dev/null 2>&1 </dev/null ||
    host_run "$host" useradd --create-home --shell /bin/bash "$user" </dev/null
  if [[ -n $PASSWORD ]]; then
    printf '%s:%s\n' "$user" "$PASSWORD" | host_run "$host" chpasswd
  fi
  if [[ -n $rule ]]; then
    # shellcheck disable=SC2016
    printf '%s\n' "$rule" | host_run "$host" /bin/sh -eu -c \
      'umask 227; cat >"/etc/sudoers.d/.$1.new"; mv "/etc/sudoers.d/.$1.new" "/etc/sudoers.d/$1"' \
      sh "dmgr-lab-$user"
  fi
  if [[ -n $PUBLIC_KEY ]]; then
    host_run "$host" su "$user" -c 'umask 077; mkdir -p ~/.ssh; cat >>~/.ssh/authorized_keys' \
      <"$PUBLIC_KEY"
  fi
}

# All of them: one that serves a session goes on without the one that listens.
signal_sshd() {
  host_run "$1" pkill "-$2" -x sshd </dev/null || die "$1 has no sshd"
}

cmd_cpu() {
  local group
  for group in $(host_cgroups "$1"); do
    if [[ -f $group/cpuacct.usage ]]; then
      cat "$group/cpuacct.usage"
      return 0
    elif grep -qs '^usage_usec' "$group/cpu.stat"; then
      awk '$1 == "usage_usec" { printf "%d000\n", $2 }' "$group/cpu.stat"
      return 0
    fi
  done
  die "no CPU accounting for $1 (is it running?)"
}

# Waits for the end of its input, then removes the lab: the tests hold the other end of a pipe,
# which closes when they die, whatever the reason.
cmd_guard() {
  cat >/dev/null
  cmd_down
}

# ---- Command line ----

parse_arguments() {
  LAB=test HOSTS='' SLOT='' PASSWORD='' SUDO='' PUBLIC_KEY='' ARGS=()
  while (($#)); do
    # After `ssh HOST` all belongs to the host's command.
    if [[ ${ARGS[0]:-} == ssh ]] && ((${#ARGS[@]} == 2)); then
      [[ $1 != -- ]] || shift
      ARGS+=("$@")
      return 0
    fi
    case $1 in
      --lab | --hosts | --slot | --timeout | --password | --sudo | --key)
        (($# >= 2)) || die "$1 needs a value"
        set_option "$1" "$2"
        shift 2
        ;;
      --down) ARGS+=(down) && shift ;;
      -h | --help) ARGS=(help) && return 0 ;;
      -*) usage >&2 && exit 2 ;;
      *) ARGS+=("$1") && shift ;;
    esac
  done
}

set_option() {
  case $1 in
    --lab) LAB=$2 ;;
    --hosts) HOSTS=$2 ;;
    --slot) SLOT=$2 ;;
    --timeout) TIMEOUT=$2 ;;
    --password) PASSWORD=$2 ;;
    --sudo) SUDO=$2 ;;
    --key) PUBLIC_KEY=$2 ;;
  esac
}

# Commands on one host and how many arguments they take with it.
host_command() {
  local command=$1
  shift
  case $command in
    fill-disk) require_count $# 3 ;;
    free-disk | add-user | readdress) require_count $# 2 ;;
    host-key) (($# == 1 || $# == 2)) || require_count $# 1 ;;
    ssh) ;;
    *) require_count $# 1 ;;
  esac
  require_host "$1"
  case $command in
    address) host_address "$1" ;;
    address6) host_address6 "$1" ;;
    host-key) host_key "$1" "${2:-ed25519}" ;;
    ssh) cmd_ssh "$@" ;;
    wait) wait_running "$1" ;;
    start) cmd_start "$1" ;;
    stop) cmd_stop "$1" ;;
    reboot) cmd_reboot "$1" ;;
    power-cut) power_cut_host "$1" ;;
    reset) cmd_reset "$1" ;;
    unplug) set_cable "$1" down ;;
    plug) set_cable "$1" up ;;
    readdress) cmd_readdress "$@" ;;
    fill-disk) cmd_fill_disk "$@" ;;
    free-disk) cmd_free_disk "$@" ;;
    add-user) cmd_add_user "$@" ;;
    freeze-sshd) signal_sshd "$1" STOP ;;
    thaw-sshd) signal_sshd "$1" CONT ;;
    cpu) cmd_cpu "$1" ;;
    root) mount_root "$1" && host_root "$1" ;;
    *) usage >&2 && exit 2 ;;
  esac
}

main() {
  parse_arguments "$@"
  set -- "${ARGS[@]}"
  (($#)) || { usage >&2; exit 2; }
  [[ $1 != help ]] || { usage; exit 0; }
  [[ $LAB =~ ^[a-z0-9][a-z0-9-]{0,11}$ ]] || die "no lab name: '$LAB'"
  [[ $TIMEOUT =~ ^[1-9][0-9]*$ ]] || die "--timeout takes seconds"
  ((EUID == 0)) || die "must run as root"
  LAB_DIR=$STATE_ROOT/$LAB
  case $1 in
    base) cmd_base ;;
    up) require_count $# 1 && cmd_up ;;
    down) require_count $# 1 && cmd_down ;;
    list) require_count $# 1 && cmd_list ;;
    guard) require_count $# 1 && cmd_guard ;;
    key) [[ -f $LAB_DIR/key ]] || die "no lab $LAB" && printf '%s\n' "$LAB_DIR/key" ;;
    control-address) printf '%s.1\n' "$(lab_prefix)" ;;
    *) (($# >= 2)) || require_count 1 2 && host_command "$@" ;;
  esac
}

main "$@"
