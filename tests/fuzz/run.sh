#!/bin/bash
# Fuzzing with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer: all targets, or
# those named, by turns.
#
#   tests/fuzz/run.sh [--seconds N | --hours N] [TARGET...]
#
# Without either, a minute for each target; --seconds is for each of them, --hours for all together.
# What is found on the way is kept in build/fuzz/corpus and is where the next run begins. Ends with a
# line for each target: its executions, and the file that brought it down, if any; the exit code is
# then not 0. Installs clang 14 when it is missing, for which it needs root.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.."

build=$PWD/build/fuzz
seconds=60 hours=''
packages=(clang-14 libclang-rt-14-dev)

die() {
  printf '%s\n' "$*" >&2
  exit 2
}

while (($# > 0)); do
  case $1 in
    --seconds | --hours)
      [[ ${2-} =~ ^[1-9][0-9]*$ ]] || die "$1 needs a number"
      declare "${1#--}=$2"
      shift 2
      ;;
    --help | -h)
      sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*) die "unknown option $1; see --help" ;;
    *) break ;;
  esac
done

targets=("$@")
((${#targets[@]} > 0)) || mapfile -t targets < <(cd tests/fuzz/corpus && printf '%s\n' *)
for target in "${targets[@]}"; do
  [[ -d tests/fuzz/corpus/$target ]] || die "there is no target $target"
done
[[ -z $hours ]] || seconds=$((hours * 3600 / ${#targets[@]}))

install_clang() {
  local missing=() package
  for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || die "must run as root to install: ${missing[*]}"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
}

# Runs one target for its time; its output goes to a log.
fuzz() {
  local target=$1
  local found=$build/corpus/$target findings=$build/findings/$target log=$build/$target.log
  mkdir -p "$found" "$findings"
  # The far end's is nobody's process.
  chmod 1777 "$found" "$findings"
  # Leaks of what a target keeps for good are none; -rss_limit_mb tells what grows.
  ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1 \
    TMPDIR=/dev/shm "$build/bin/fuzz_$target" -max_total_time="$seconds" -timeout=25 \
    -rss_limit_mb=2048 -print_final_stats=1 -max_len=65536 -artifact_prefix="$findings/" \
    "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1
}

deploy/install-deps.sh
install_clang
cmake --preset fuzz >/dev/null
ninja -C build/fuzz "${targets[@]/#/fuzz_}"

status=0
for target in "${targets[@]}"; do
  result='no finding'
  if ! fuzz "$target"; then
    status=1
    result=$(sed -n 's/.*Test unit written to //p' "$build/$target.log" | tail -n 1)
    result="FOUND ${result:-something}; see $build/$target.log"
  fi
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log")
  printf '%-14s %12s executions  %s\n' "$target" "${executions:-?}" "$result"
done
exit "$status"
