#!/bin/bash
# Waits for the end of its input, then ends every process that works in DIR, and removes DIR:
#
#   reap.sh DIR
#
# Processes are known by their working directory, so that no foreign one can be hit.
set -u

dir=$(realpath "$1") || exit 1
[[ $dir == /*/* ]] || exit 1
cat >/dev/null

pids() {
  find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/cwd' \
    \( -lname "$dir" -o -lname "$dir/*" \) -printf '%h\n' 2>/dev/null | sed 's|/proc/||'
}

# A server that is killed leaves its shared memory behind: it is asked first, once nobody is there
# to start it again.
postmaster=$(find "$dir" -name postmaster.pid -exec head -n1 {} \; 2>/dev/null)
for pid in $(pids); do
  [[ $(cat "/proc/$pid/comm" 2>/dev/null) == postgres ]] || kill -KILL "$pid" 2>/dev/null
done
for pid in $postmaster; do
  ! pids | grep -qx "$pid" || kill -INT "$pid" 2>/dev/null
done
for ((i = 0; i < 200; i++)); do
  [[ -n $(pids) ]] || break
  sleep 0.05
done
for pid in $(pids); do
  kill -KILL "$pid" 2>/dev/null
done
rm -rf --one-file-system "$dir"
