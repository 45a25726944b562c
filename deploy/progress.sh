# shellcheck shell=bash
# Sourced by scripts whose commands may take minutes.

PROGRESS_PID=''

# with_progress LOG COMMAND...: runs the command with its output in LOG and shows on standard error
# that it goes on: the last line of LOG, redrawn on a terminal, else once in ten seconds. Returns
# what the command returned.
with_progress() {
  local log=$1 began=$SECONDS shown=$SECONDS status=0
  shift
  # A session of its own, so that stop_progress reaches all that it started.
  setsid "$@" >"$log" 2>&1 </dev/null &
  PROGRESS_PID=$!
  while kill -0 "$PROGRESS_PID" 2>/dev/null; do
    sleep 0.2
    if [[ -t 2 ]]; then
      printf '\r\033[K    %d s  %s' $((SECONDS - began)) "$(last_line "$log" 60)" >&2
    elif ((SECONDS - shown >= 10)); then
      printf '    %d s  %s\n' $((SECONDS - began)) "$(last_line "$log" 90)" >&2
      shown=$SECONDS
    fi
  done
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
  wait "$PROGRESS_PID" || status=$?
  PROGRESS_PID=''
  return "$status"
}

# last_line FILE WIDTH
last_line() {
  tail -c 600 "$1" | tr '\r' '\n' | tr -cd '[:print:]\n' | sed '/^ *$/d' | tail -n 1 | cut -c "1-$2"
}

# Ends what with_progress runs; for the traps of its users.
stop_progress() {
  [[ -z $PROGRESS_PID ]] || kill -TERM -- "-$PROGRESS_PID" 2>/dev/null || true
}
