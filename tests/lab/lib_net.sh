# shellcheck shell=bash
# What the lab changes on the control machine itself: a bridge, a route, a sysctl. Everything
# here runs under the machine-wide lock.

readonly RANGE=198.18.0.0/15
readonly INOTIFY=fs.inotify.max_user_instances
# The default of 128 lets about 15 hosts boot.
readonly INOTIFY_WANTED=8192

# Interface names have at most 15 characters, so the longest lab names are abbreviated.
bridge_name() {
  local name=dml-$LAB
  if ((${#name} > 15)); then
    name=dml-${LAB:0:6}$(printf '%s' "$LAB" | sha256sum | cut -c1-5)
  fi
  printf '%s\n' "$name"
}

# The /24 of a slot without its last number; there are 512 of them in the range.
slot_prefix() {
  printf '198.%d.%d\n' $((18 + $1 / 256)) $(($1 % 256))
}

lab_prefix() {
  slot_prefix "$(<"$LAB_DIR/slot")"
}

# Host hN has the number N + 10, or the one that it was given since; the control machine has 1.
host_address() {
  local number
  number=$(cat "$(host_dir "$1")/number" 2>/dev/null) || number=$((${1#h} + 10))
  printf '%s.%d\n' "$(lab_prefix)" "$number"
}

# The same over IPv6, in a unique local /64.
lab_prefix6() {
  printf 'fd64:6d6c:0:%x:\n' "$(<"$LAB_DIR/slot")"
}

host_address6() {
  printf '%s:%d\n' "$(lab_prefix6)" $((${1#h} + 10))
}

slot_mac() {
  local slot
  slot=$(<"$LAB_DIR/slot")
  printf '02:64:6d:6c:%02x:%02x\n' $((slot / 256)) $((slot % 256))
}

slot_is_free() {
  local prefix other
  prefix=$(slot_prefix "$1")
  [[ -z $(ip -o -4 address show to "$prefix.0/24") ]] || return 1
  for other in "$STATE_ROOT"/*/slot; do
    [[ ! -f $other || $(<"$other") != "$1" ]] || return 1
  done
}

# Remembers the slot of the lab: the one asked for, or the first free one.
allocate_slot() {
  local wanted=$1 slot
  if [[ -f $LAB_DIR/slot ]]; then
    [[ -z $wanted || $wanted == "$(<"$LAB_DIR/slot")" ]] ||
      die "lab $LAB has slot $(<"$LAB_DIR/slot")"
    return 0
  fi
  for slot in ${wanted:-$(seq 0 511)}; do
    if slot_is_free "$slot"; then
      printf '%s\n' "$slot" >"$LAB_DIR/slot.new"
      mv "$LAB_DIR/slot.new" "$LAB_DIR/slot"
      return 0
    fi
  done
  die "slot ${wanted:-0 to 511}: in use"
}

# Remembers what was there before the first lab. After a restart of the machine an old record is
# worth nothing: it says what an earlier kernel had.
save_machine() {
  local boot saved=$RUN_ROOT/saved
  boot=$(</proc/sys/kernel/random/boot_id)
  [[ ! -f $saved || $(head -n1 "$saved") != "$boot" ]] || return 0
  {
    printf '%s\n' "$boot"
    sysctl -n "$INOTIFY"
    ip -4 route show exact "$RANGE" type unreachable | wc -l
  } >"$saved.new"
  mv "$saved.new" "$saved"
}

network_up() {
  local bridge
  bridge=$(bridge_name)
  save_machine
  # The route comes first: a packet for a host that is down must not leave the machine.
  [[ -n $(ip -4 route show exact "$RANGE" type unreachable) ]] ||
    ip route add unreachable "$RANGE"
  (($(sysctl -n "$INOTIFY") >= INOTIFY_WANTED)) || sysctl -qw "$INOTIFY=$INOTIFY_WANTED"
  allocate_slot "$1"
  # Left alone, a bridge takes over the lowest address of its ports, and the hosts lose track of it
  # each time that one of them comes or goes.
  [[ -d /sys/class/net/$bridge ]] ||
    ip link add "$bridge" address "$(slot_mac)" type bridge
  ip address replace "$(lab_prefix).1/24" dev "$bridge"
  # A machine that has no IPv6 has labs without it.
  if [[ -d /proc/sys/net/ipv6/conf/$bridge ]] &&
    sysctl -qw "net.ipv6.conf.$bridge.disable_ipv6=0"; then
    ip address replace "$(lab_prefix6):1/64" dev "$bridge" nodad || true
  fi
  ip link set "$bridge" up
}

# A host's end of its cable on the control machine, as systemd-nspawn names it.
link_name() {
  printf 'vb-%s\n' "$(machine_name "$1")"
}

set_cable() {
  ip link set "$(link_name "$1")" "$2" 2>/dev/null || die "$1 is not running"
}

has_only_address() {
  [[ $(host_run "$1" ip -o -4 address show dev host0 | awk '{ print $4 }') == "$2/24" ]]
}

# All that was connected to the former address is so no more, and hears nothing of it.
cmd_readdress() {
  local host=$1 number=$2 former address
  [[ $number =~ ^[1-9][0-9]{0,2}$ ]] || die "readdress: no number: '$number'"
  former=$(host_address "$host")
  address=$(lab_prefix).$number
  host_run "$host" /bin/sh -eus "$former" "$address" <<'SH'
sed -i "s|^Address=$1/24\$|Address=$2/24|" /etc/systemd/network/10-host0.network
ip address del "$1/24" dev host0
systemctl restart systemd-networkd
SH
  await "$TIMEOUT" has_only_address "$host" "$address" || die "$host did not take $address"
  printf '%s\n' "$number" >"$(host_dir "$host")/number"
  known_hosts_lines "$host" >"$(host_dir "$host")/known_hosts"
}

network_down() {
  local bridge link
  bridge=$(bridge_name)
  if [[ -d /sys/class/net/$bridge ]]; then
    for link in "/sys/class/net/$bridge/brif"/*; do
      [[ ! -e $link ]] || ip link delete "${link##*/}" 2>/dev/null || true
    done
    ip link delete "$bridge"
  fi
  ip -o link show type bridge | grep -F ': dml-' >/dev/null || restore_machine
}

# Undoes only what is still as save_machine's lab left it.
restore_machine() {
  local saved=$RUN_ROOT/saved boot instances routes
  [[ -f $saved ]] || return 0
  { read -r boot && read -r instances && read -r routes; } <"$saved"
  if [[ $boot == "$(</proc/sys/kernel/random/boot_id)" ]]; then
    if (($(sysctl -n "$INOTIFY") == INOTIFY_WANTED)); then
      sysctl -qw "$INOTIFY=$instances"
    fi
    if ((routes == 0)); then
      ip route delete unreachable "$RANGE" 2>/dev/null || true
    fi
  fi
  rm -f "$saved"
}
