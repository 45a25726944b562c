#!/bin/bash
# Makes the far end for arm64 and runs the tests over a pipe with it, under an emulator of its processor:
#
#   tests/host/far_arm64.sh [--build-dir DIR] [TAGS]
#
# Needs root, far_test in BUILD/tests (ninja -C build far_test), g++-aarch64-linux-gnu and qemu-user-static. The
# build and the tests take two minutes each. Without the emulator it says so and ends with 77.
set -euo pipefail

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
BUILD=$REPO/build
if [[ ${1-} == --build-dir ]]; then
  BUILD=$(realpath "$2")
  shift 2
fi
# A far end knows others by their program's name, and finds the emulator's.
NOT_EMULATED='~"the far end takes its own program along*"~"far ends of other builds go*"'
NOT_EMULATED+='~"a newer far end of a cluster ends the older one*"'

emulator=$(command -v qemu-aarch64-static) || {
  printf 'far_arm64: no qemu-aarch64-static: apt-get install qemu-user-static\n' >&2
  exit 77
}
[[ -x $BUILD/tests/far_test ]] || {
  printf 'far_arm64: no %s: ninja -C %s far_test\n' "$BUILD/tests/far_test" "$BUILD" >&2
  exit 1
}
far=$("$REPO/deploy/arm64.sh" --build-dir "$BUILD")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# Readable for the accounts as whom it runs programs.
chmod 755 "$work"
printf '#!/bin/sh\nexec %s %s "$@"\n' "$emulator" "$far" >"$work/dmgr-host"
chmod 755 "$work/dmgr-host"
DMGR_TEST_FAR_PROGRAM=$work/dmgr-host "$BUILD/tests/far_test" "${1-}$NOT_EMULATED"
