# shellcheck shell=bash
# dmgrd of the quickstart: started detached, and ended only when it is the very process that was
# started. Sourced by quickstart.sh.

# start_time PID: when the process began, in ticks since the boot; nothing when it is gone.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # The name in parentheses may hold anything.
  # shellcheck disable=SC2086  # Into its fields.
  set -- ${stat##*) }
  printf '%s' "${20}"
}

# Prints the process id of our dmgrd when it runs.
dmgrd_pid() {
  local pid began
  { read -r pid began <"$STATE/dmgrd.pid"; } 2>/dev/null || return 1
  [[ -n $began && $(start_time "$pid") == "$began" ]] || return 1
  printf '%s' "$pid"
}

write_config() {
  cat >"$STATE/dmgrd.toml" <<TOML
[server]
listen = "$ADDRESS"
[paths]
data_dir = "$STATE/data"
TOML
}

write_password() {
  [[ ! -s $STATE/admin-password ]] || return 0
  (umask 077 && head -c 18 /dev/urandom | base64 >"$STATE/admin-password.new")
  mv "$STATE/admin-password.new" "$STATE/admin-password"
}

# Waits until dmgrd answers: without a login it refuses (3), but it answers.
await_dmgrd() {
  local pid=$1 i status
  for ((i = 0; i < 600; i++)); do
    [[ -n $(start_time "$pid") ]] || return 1
    status=0
    dmgrctl whoami >/dev/null 2>&1 || status=$?
    ((status == 0 || status == 3)) && return 0
    sleep 0.1
  done
  printf 'dmgrd does not answer on %s\n' "$ADDRESS" >&2
  return 1
}

start_dmgrd() {
  local pid
  if pid=$(dmgrd_pid); then
    # A newer build, or one of another clone, takes over.
    if [[ /proc/$pid/exe -ef $REPO/build/bin/dmgrd ]]; then
      printf '    runs already\n'
      await_dmgrd "$pid"
      return
    fi
    stop_dmgrd
  fi
  [[ -z $(ss -Hltn "sport = :${ADDRESS##*:}") ]] || die "another program listens on $ADDRESS"
  write_config
  write_password
  setsid "$REPO/build/bin/dmgrd" --config "$STATE/dmgrd.toml" \
    --init-admin "admin:$STATE/admin-password" </dev/null >>"$LOGS/dmgrd.log" 2>&1 &
  pid=$!
  printf '%d %s\n' "$pid" "$(start_time "$pid")" >"$STATE/dmgrd.pid"
  await_dmgrd "$pid"
}

stop_dmgrd() {
  local pid i
  pid=$(dmgrd_pid) || return 0
  kill -TERM "$pid" || true
  for ((i = 0; i < 600; i++)); do
    dmgrd_pid >/dev/null || break
    ((i != 400)) || kill -KILL "$pid" || true
    sleep 0.1
  done
  ! dmgrd_pid >/dev/null || die "dmgrd ($pid) does not end"
  rm -f "$STATE/dmgrd.pid"
}

# A database that outlived a killed dmgrd: all its processes work in its folder.
stop_postgres() {
  local data=$STATE/data/postgresql/data signal proc i
  for ((i = 0; i < 300; i++)); do
    signal=''
    for proc in /proc/[0-9]*; do
      [[ $proc/cwd -ef $data ]] || continue
      # First the fast shutdown of its first process, then the hard end of what is left.
      if ((i >= 200)); then
        signal=KILL
      elif [[ ${proc##*/} == "$(head -n 1 "$data/postmaster.pid" 2>/dev/null)" ]]; then
        signal=INT
      else
        signal=none
        continue
      fi
      kill "-$signal" "${proc##*/}" 2>/dev/null || true
    done
    [[ -n $signal ]] || return 0
    sleep 0.1
  done
  die "the database in $data does not end"
}
