#!/bin/bash
# Installs what is missing, builds, and runs the checks and all tests, or those of the labels given:
#
#   tests/run.sh [LABEL...]      checks, unit, store, rpc, lab, ...; an unknown one lists them
#   tests/run.sh night           dead hosts, true reasons, repair: what of the lab's goes wrong at night
#   tests/run.sh tidy            clang-tidy over all files, which takes long; the checks look at what
#                                changed
#
# Needs root for the packages and for lab hosts. The last line is `N passed, N failed`.
set -euo pipefail

cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.."
# shellcheck source=deploy/progress.sh
. deploy/progress.sh

logs=$PWD/build/test-logs
programs=$PWD/build/test_programs.txt

trap stop_progress EXIT
trap 'exit 130' INT TERM

# step WORDS LOG COMMAND...
step() {
  local words=$1 log=$2 began=$SECONDS
  shift 2
  printf '%s\n' "$words" >&2
  if ! with_progress "$log" "$@"; then
    grep -E -A 12 'error|FAILED' "$log" | head -n 60 >&2 || true
    printf '%s failed; all of it: %s\n' "$words" "$log" >&2
    printf '0 passed, 1 failed\n'
    exit 1
  fi
  printf '%s: %d s\n' "$words" $((SECONDS - began)) >&2
}

# Targets of the labels given: the test programs, and for tests on hosts all that runs there.
targets() {
  local label
  if (($# == 0)); then
    printf '%s\n' dmgr_tests dmgrd dmgrctl dmgr-host dmsim
    return
  fi
  for label in "$@"; do
    awk -v label="$label" '$1 == label { sub(".*/", "", $2); print $2 }' "$programs"
    case $label in lab | night | product) printf '%s\n' dmgrd dmgrctl dmgr-host dmsim ;; esac
  done | sort -u
}

run_programs() {
  tests/support/run_programs.py "$programs" "$logs" --checks tests/checks "$@" &
  # So that a signal reaches the trap at once, and the programs through it.
  local pid=$! status=0
  trap 'kill -TERM "$pid" 2>/dev/null; wait "$pid"; exit 130' INT TERM
  wait "$pid" || status=$?
  return "$status"
}

mkdir -p "$logs"
deploy/install-deps.sh
[[ $* != tidy ]] || exec tests/checks/tidy.py --all
if [[ $* != checks ]]; then
  step 'configure' "$logs/configure.log" cmake --preset release
  mapfile -t wanted < <(targets "$@")
  ((${#wanted[@]} == 0)) || step 'build' "$logs/build.log" ninja -C build "${wanted[@]}"
fi
run_programs "$@"
