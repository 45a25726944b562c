# shellcheck shell=bash
# A lab, a dmgrd and a folder for a script, which go however it ends. Sourced by benchmarks and tours.
# They set: REPO, HOSTS (how many; 0: no lab), SIDES (control groups to count CPU by, dmgr among them).
# With PAGE_ADDRESS dmgrd serves its page there; DMGRD_PROGRAM is another dmgrd, DMGRD_CONFIG more of
# its configuration, DM_PROGRAMS a folder with other programs for packages. With IN_MEMORY there is a
# folder MEMORY as well.

BUILD=${DMGR_BUILD_DIR:-$REPO/build}
RUN_ID=$$
declare -A HOST

die() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
  exit 1
}

note() {
  printf '==> %s\n' "$*" >&2
}

lab() {
  "$REPO/tests/lab/lab.sh" --lab bench "$@"
}

# ---- What is set up, and that nothing of it stays ----

clean_up() {
  local side
  trap '' INT TERM HUP
  cd /
  "$REPO/tests/support/reap.sh" "$WORK" </dev/null
  [[ -z $MEMORY ]] || rm -rf --one-file-system "$MEMORY"
  ((HOSTS == 0)) || lab down
  for side in $SIDES; do
    rmdir "$(group_dir "$side")" || true
  done
}

finish() {
  local status=$?
  kill "$WATCHER" || true
  clean_up
  exit "$status"
} 2>/dev/null

# Where there is not enough memory, or no program may be in it, the disk.
memory_dir() {
  local options
  options=$(findmnt -no OPTIONS -T /dev/shm)
  if [[ ,$options, != *,noexec,* ]] && (($(df --output=avail -m /dev/shm | tail -n 1) >= 1024)); then
    printf /dev/shm
  else
    printf /var/tmp
  fi
}

# The watcher does the cleaning when this shell is killed.
set_up_work() {
  local side
  WORK=$(mktemp -d /var/tmp/dmgr-bench.XXXXXX)
  # The database's user must get through.
  chmod 755 "$WORK"
  MEMORY=
  if [[ -n ${IN_MEMORY:-} ]]; then
    MEMORY=$(mktemp -d "$(memory_dir)/dmgr-bench.XXXXXX")
    chmod 755 "$MEMORY"
  fi
  for side in $SIDES; do
    mkdir -p "$(group_dir "$side")"
  done
  export -f clean_up lab group_dir
  REPO=$REPO WORK=$WORK MEMORY=$MEMORY RUN_ID=$RUN_ID SIDES=$SIDES HOSTS=$HOSTS setsid \
    bash -c 'while kill -0 "$RUN_ID"; do sleep 0.2; done; clean_up' </dev/null >/dev/null 2>&1 &
  WATCHER=$!
  trap finish EXIT
  trap 'exit 130' INT TERM HUP
  # All that is started works here, and is known by that.
  cd "$WORK" || exit
}

set_up_hosts() {
  local i
  lab up --hosts "$HOSTS"
  KEY=$(lab key)
  for ((i = 1; i <= HOSTS; i++)); do
    HOST[$i]=$(lab address "h$i")
  done
  # shellcheck disable=SC2034  # For the benchmarks.
  MASTER=http://${HOST[1]}:8261
}

# ---- CPU by control group ----

# The hosts have groups of their own and are never below these.
group_dir() {
  local top=/sys/fs/cgroup
  [[ ! -d $top/cpuacct ]] || top=$top/cpuacct
  printf '%s/dmgr-bench-%d-%s' "$top" "$RUN_ID" "$1"
}

# Microseconds that a side has used so far, also in processes that have ended.
cpu_us() {
  local dir
  dir=$(group_dir "$1")
  if [[ -f $dir/cpuacct.usage ]]; then
    printf '%d' $(($(<"$dir/cpuacct.usage") / 1000))
  else
    awk '$1 == "usage_usec" { printf "%d", $2 }' "$dir/cpu.stat"
  fi
}

# in_group SIDE COMMAND...: runs it, with all that it starts, on the account of a side.
in_group() {
  local dir
  dir=$(group_dir "$1")
  shift
  (
    printf '%d' "$BASHPID" >"$dir/cgroup.procs"
    "$@"
  )
}

now_us() {
  printf '%s' "${EPOCHREALTIME/[.,]/}"
}

# ---- dmgr ----

ctl() {
  DMGR_SERVER=$ADDRESS XDG_CONFIG_HOME=$WORK/config "$BUILD/bin/dmgrctl" "$@"
}

run_dmgrd() {
  cd "$WORK" && exec "$BUILD/bin/${DMGRD_PROGRAM:-dmgrd}" --config "$WORK/dmgrd.toml" \
    --init-admin "admin:$WORK/password"
}

# Of loopback, that nobody listens at now.
free_address() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print("127.0.0.1:%d" % s.getsockname()[1])'
}

# With the hosts registered.
start_dmgrd() {
  local i
  ADDRESS=$(free_address)
  cat >"$WORK/dmgrd.toml" <<TOML
[server]
listen = "$ADDRESS"
page_address = "${PAGE_ADDRESS:-}"
[paths]
data_dir = "$WORK/data"
${DMGRD_CONFIG:-}
TOML
  (umask 077 && head -c 18 /dev/urandom | base64 >"$WORK/password")
  in_group dmgr run_dmgrd </dev/null >"$WORK/dmgrd.log" 2>&1 &
  for ((i = 0; ; i++)); do
    ! ctl login --user admin <"$WORK/password" >/dev/null 2>&1 || break
    ((i < 600)) || die "dmgrd does not serve: $(tail "$WORK/dmgrd.log")"
    sleep 0.1
  done
  for ((i = 1; i <= HOSTS; i++)); do
    ctl machine add "${HOST[$i]}" --user root --key "$KEY" >/dev/null
  done
}

# build_package VERSION PAD_MB: $WORK/dm-VERSION.tar.gz, of the tarballs in $WORK/tarballs.
build_package() {
  "$REPO/tests/dmsim/make_tarballs.sh" "${DM_PROGRAMS:-$BUILD/dmsim}" "$1" "$WORK/tarballs" "$2"
  ctl package build --components "$WORK/tarballs" --version "$1" --output "$WORK"
} >>"$WORK/package.log" 2>&1

# add_package VERSION PAD_MB
add_package() {
  local i
  build_package "$1" "$2"
  ctl package upload "$WORK/dm-$1.tar.gz"
  # Debian's alertmanager reads its templates there.
  for ((i = 1; i <= HOSTS; i++)); do
    tar -C "$WORK/tarballs/alertmanager-templates" --owner=0 --group=0 -c . |
      lab ssh "h$i" -- 'd=/usr/share/prometheus/alertmanager; mkdir -p $d && tar -C $d -x'
  done
  rm -r "$WORK/tarballs" "$WORK/dm-$1.tar.gz"
} >>"$WORK/package.log" 2>&1
