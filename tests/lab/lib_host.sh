# shellcheck shell=bash
# One host: its disk, its processes, its boot. What runs is read from the host's cgroup and never
# from a file of process ids, so that the answer is right after any crash and no foreign process
# can be hit.

host_dir() {
  printf '%s/hosts/%s\n' "$LAB_DIR" "$1"
}

host_root() {
  printf '%s/hosts/%s/root\n' "$LAB_DIR" "$1"
}

# Short, since the cable's name is made of it, and unique on the machine, since the slot is.
machine_name() {
  printf 'd%s-%s\n' "$(cat "$LAB_DIR/slot" 2>/dev/null)" "$1"
}

unit_name() {
  printf 'dmgr-lab-%s-%s.service\n' "$LAB" "$1"
}

under_systemd() {
  [[ -d /run/systemd/system ]]
}

# ---- Control groups ----

# The folders that hold the host's processes; the first is the one that is read.
host_cgroups() {
  local tree path
  if under_systemd; then
    path=$(systemctl show -p ControlGroup --value "$(unit_name "$1")")
    [[ -n $path ]] || return 0
    for tree in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/cpu,cpuacct; do
      [[ ! -f $tree/cgroup.procs || ! -d $tree$path ]] || printf '%s\n' "$tree$path"
    done
    return 0
  fi
  cgroup_trees | sed "s|\$|/dmlab-$LAB-$1|"
}

cgroup_trees() {
  local tree
  if [[ -f /sys/fs/cgroup/cgroup.procs ]]; then
    printf '%s\n' /sys/fs/cgroup
    return 0
  fi
  for tree in systemd unified cpuacct; do
    [[ ! -f /sys/fs/cgroup/$tree/cgroup.procs ]] || printf '%s\n' "/sys/fs/cgroup/$tree"
  done
}

host_pids() {
  local group
  group=$(host_cgroups "$1" | head -n1)
  [[ -n $group && -d $group ]] || return 0
  # Groups come and go inside a living host.
  find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un || true
}

host_alive() {
  [[ -n $(host_pids "$1") ]]
}

# The process that is PID 1 inside the host; nothing while there is none.
payload_pid() {
  local pid ids
  for pid in $(host_pids "$1"); do
    ids=$(sed -n 's/^NSpid:\t//p' "/proc/$pid/status" 2>/dev/null) || continue
    if [[ $ids =~ ^[0-9]+[[:blank:]]1$ ]]; then
      printf '%s\n' "$pid"
      return 0
    fi
  done
}

nspawn_pid() {
  local pid
  for pid in $(host_pids "$1"); do
    if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == systemd-nspawn &&
      $(sed -n 's/^NSpid:\t//p' "/proc/$pid/status" 2>/dev/null) == "$pid" ]]; then
      printf '%s\n' "$pid"
      return 0
    fi
  done
}

remove_cgroups() {
  local group
  under_systemd && return 0
  for group in $(host_cgroups "$1"); do
    [[ ! -d $group ]] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# ---- Disk ----

mount_root() {
  local dir root
  dir=$(host_dir "$1")
  root=$dir/root
  mountpoint -q "$root" && return 0
  mkdir -p "$root" "$dir/upper" "$dir/work"
  mount -t overlay "dmgr-lab-$LAB-$1" \
    -o "lowerdir=$(<"$dir/base"),upperdir=$dir/upper,workdir=$dir/work" "$root"
}

unmount_root() {
  local root
  root=$(host_root "$1")
  while mountpoint -q "$root"; do
    umount -R "$root" 2>/dev/null || umount -l "$root"
  done
}

# A host's own identity and address. `complete` is written last: without it the host is remade.
create_host() {
  local host=$1 dir root
  dir=$(host_dir "$host")
  root=$dir/root
  [[ ! -f $dir/complete ]] || return 0
  wipe_host "$host"
  mkdir -p "$dir"
  cmd_base >"$dir/base"
  mount_root "$host"
  printf '%s\n' "$host" >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$host" >"$root/etc/hosts"
  # The address stays when the cable is out, as with Debian's ifupdown.
  cat >"$root/etc/systemd/network/10-host0.network" <<CONF
[Match]
Name=host0
[Address]
Address=$(host_address "$host")/24
[Address]
Address=$(host_address6 "$host")/64
DuplicateAddressDetection=none
[Network]
LinkLocalAddressing=no
IPv6AcceptRA=no
ConfigureWithoutCarrier=yes
IgnoreCarrierLoss=yes
CONF
  create_host_keys "$root/etc/ssh"
  install -d -m 700 "$root/root/.ssh"
  install -m 600 "$LAB_DIR/key.pub" "$root/root/.ssh/authorized_keys"
  known_hosts_lines "$host" >"$dir/known_hosts"
  : >"$dir/complete"
}

# The types that Debian's sshd has. A longer RSA key would be most of the CPU time of a boot.
create_host_keys() {
  local type bits
  for type in ed25519 ecdsa rsa; do
    bits=()
    [[ $type != rsa ]] || bits=(-b 2048)
    ssh-keygen -q -t "$type" "${bits[@]}" -N '' -C lab -f "$1/ssh_host_${type}_key" >/dev/null
  done
}

wipe_host() {
  local dir
  dir=$(host_dir "$1")
  unmount_root "$1"
  # Never through a mount: a root that could not be unmounted is an error, not a victim.
  rm -rf --one-file-system "$dir/complete" "$dir/root" "$dir/upper" "$dir/work" "$dir/base"
}

# ---- Boot and stop ----

nspawn_command() {
  NSPAWN=(systemd-nspawn -q --register=no --keep-unit -D "$(host_root "$1")"
    -M "$(machine_name "$1")" --hostname="$1" --network-bridge="$(bridge_name)"
    --resolv-conf=off --timezone=off -b)
}

launch_under_systemd() {
  # For 133 see become_host.
  systemd-run --quiet --collect --unit="$(unit_name "$1")" --service-type=exec \
    --property=Delegate=yes --property=KillMode=mixed --property=TasksMax=16384 \
    --property=TimeoutStopSec=90 --property=RestartForceExitStatus=133 \
    --property=SuccessExitStatus=133 --property=CPUAccounting=yes \
    --property=StandardInput=null --property=StandardOutput="append:$(host_dir "$1")/console" \
    --property=StandardError=inherit \
    --property=ExecStartPre="-$(command -v ip) link delete $(link_name "$1")" "${NSPAWN[@]}"
}

# Runs in a subshell that becomes the host.
become_host() {
  local group fd
  exec </dev/null >>"$(host_dir "$1")/console" 2>&1
  for group in $(host_cgroups "$1"); do
    mkdir -p "$group"
    printf '%s\n' "$BASHPID" >"$group/cgroup.procs"
  done
  # Neither a lock nor a pipe of the caller may live as long as the host.
  for fd in "/proc/$BASHPID/fd"/*; do
    fd=${fd##*/}
    ((fd <= 2 || fd == 255)) || exec {fd}>&-
  done
  # With --keep-unit, systemd-nspawn ends with 133 for a host that reboots: "start me again".
  # shellcheck disable=SC2016
  exec setsid /bin/bash -c '
    link=$1
    shift
    while "$@"; (($? == 133)); do
      ip link delete "$link" 2>/dev/null
    done' dmgr-lab-host "$(link_name "$1")" "${NSPAWN[@]}"
}

# Boots the host without waiting for it.
launch_host() {
  mount_root "$1"
  # What a crash may have left of the previous life.
  ip link delete "$(link_name "$1")" 2>/dev/null || true
  rm -rf "/run/systemd/nspawn/propagate/$(machine_name "$1")"
  remove_cgroups "$1"
  nspawn_command "$1"
  if under_systemd; then
    launch_under_systemd "$1"
  else
    (become_host "$1") &
    disown
  fi
}

# Polls a condition until it holds: await SECONDS COMMAND...
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}

host_gone() {
  ! host_alive "$1" && [[ ! -e /sys/class/net/$(link_name "$1") ]]
}

has_payload() {
  [[ -n $(payload_pid "$1") ]]
}

wait_running() {
  local host=$1 end=$((SECONDS + TIMEOUT)) state=unreachable
  ssh_command "$host"
  await 5 host_alive "$host" || die "$host did not start; see $(host_dir "$host")/console"
  while ((SECONDS < end)); do
    host_alive "$host" || die "$host went down while it booted; see $(host_dir "$host")/console"
    state=$(timeout "$((end - SECONDS + 1))" "${SSH[@]}" systemctl is-system-running --wait \
      2>/dev/null </dev/null) || true
    case $state in
      running) return 0 ;;
      degraded)
        host_run "$host" systemctl list-units --failed --no-legend --plain >&2 </dev/null
        die "$host is degraded"
        ;;
    esac
    sleep 0.1
  done
  die "$host is not running after $TIMEOUT s (last state: ${state:-unreachable})"
}

boot_host() {
  host_alive "$1" || launch_host "$1"
  wait_running "$1"
}

stop_host() {
  local pid
  host_alive "$1" || return 0
  # A host that is only starting cannot be asked to stop.
  await 5 has_payload "$1" || true
  if under_systemd; then
    systemctl stop "$(unit_name "$1")"
  elif pid=$(nspawn_pid "$1") && [[ -n $pid ]]; then
    kill -TERM "$pid"
  elif pid=$(payload_pid "$1") && [[ -n $pid ]]; then
    # Its systemd-nspawn was killed; this is what that one would have sent.
    kill -s RTMIN+3 "$pid"
  fi
  await "$TIMEOUT" host_gone "$1" || die "$1 did not stop within $TIMEOUT s"
  remove_cgroups "$1"
}

# Ends whatever the host is made of, at once. Killing systemd-nspawn instead of the payload would
# leave the payload and its cable behind.
power_cut_host() {
  local pid end=$((SECONDS + 20))
  while host_alive "$1"; do
    ((SECONDS < end)) || die "$1: processes survive SIGKILL: $(host_pids "$1" | tr '\n' ' ')"
    pid=$(payload_pid "$1")
    if [[ -n $pid ]]; then
      kill -KILL "$pid" 2>/dev/null || true
      await 5 host_gone "$1" && break
    fi
    for pid in $(host_pids "$1"); do
      kill -KILL "$pid" 2>/dev/null || true
    done
    await 1 host_gone "$1" || true
  done
  if under_systemd; then
    systemctl reset-failed "$(unit_name "$1")" 2>/dev/null || true
  fi
  ip link delete "$(link_name "$1")" 2>/dev/null || true
  remove_cgroups "$1"
}

# Runs a command inside the host without its network or its sshd.
host_run() {
  local pid
  pid=$(payload_pid "$1")
  [[ -n $pid ]] || die "$1 is not running"
  shift
  nsenter --target "$pid" --mount --uts --ipc --net --pid --root --wd -- \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

# sudo_rule USER KIND: the line of sudoers, or nothing.
sudo_rule() {
  case $2 in
    '') ;;
    nopasswd) printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$1" ;;
    password) printf '%s ALL=(ALL:ALL) ALL\n' "$1" ;;
    *) die "--sudo takes nopasswd or password" ;;
  esac
}
