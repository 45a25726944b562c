#!/bin/bash
# The fault campaign on lab hosts: dmgrd is killed at every boundary of every step and at random
# moments, and every step fails once and is rolled back; what is on the hosts and in the store is
# compared with an undisturbed run.
#
#   tests/fault/run.sh [--operation NAME] [--kills N] [--seed S] [FILTER...]
#
# Without --kills it takes all combinations of operation, step and moment, and 40 random moments.
# FILTER: names or tags of test cases, such as [kill], [rollback]. Ends with lines like "200 kills, 0 lost, 0 different";
# the exit code is not 0 when anything was lost or differs. Needs root.
set -euo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.."

operation='' kills=0 seed=1
while (($# > 0)); do
  case $1 in
    --operation | --kills | --seed)
      (($# > 1)) || { printf '%s needs a value\n' "$1" >&2; exit 2; }
      declare "${1#--}=$2"
      shift 2
      ;;
    --help | -h)
      sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*)
      printf 'unknown option %s; see --help\n' "$1" >&2
      exit 2
      ;;
    *) break ;;
  esac
done
case $operation in
  '' | deploy | start | scale-out | patch | restart | revert | reload | upgrade | disable | enable | \
    scale-in | move | move-back | repair | rotate-key | stop | clean | destroy) ;;
  errors-skip | errors-replace | errors-inject | errors-revert | unlock | table-set | table-remove | \
    validation-start | validation-update | validation-ignore | validation-resolve | \
    validation-clear | validation-stop | relay-on | relay-off | purge-relay | source-adopt | \
    task-adopt | restore | rebuild | replace | replace-back)
    set -- '[mending]'
    ;;
  *)
    printf 'unknown operation %s\n' "$operation" >&2
    exit 2
    ;;
esac

deploy/install-deps.sh
cmake --preset release >/dev/null
ninja -C build fault_test
DMGR_FAULT_OPERATION=$operation DMGR_FAULT_KILLS=$kills DMGR_FAULT_SEED=$seed \
  exec build/tests/fault_test "$@"
