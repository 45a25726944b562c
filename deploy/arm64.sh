#!/bin/bash
# Makes the program for hosts of arm64 on a machine of another architecture. See usage below.
set -euo pipefail
export LC_ALL=C

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.." && pwd)
# What the far end is linked with statically, as in server/host/far/CMakeLists.txt.
LIBRARIES=(libarchive-dev libzstd-dev libacl1-dev zlib1g-dev libprotobuf-dev libsodium-dev libre2-dev)

usage() {
  cat <<TEXT
usage: deploy/arm64.sh [--build-dir DIR]

Makes BUILD/bin/dmgr-host-aarch64, which dmgrd copies to hosts of arm64, with Debian's cross compiler
(g++-aarch64-linux-gnu). Its libraries are fetched as packages and unpacked below BUILD/arm64: nothing
of arm64 is installed. deploy/package.sh --arm64 runs this, and packs what it makes.

  --build-dir DIR   (build)
TEXT
}

die() {
  printf 'arm64: %s\n' "$*" >&2
  exit 1
}

require() {
  local tool
  for tool in aarch64-linux-gnu-g++ cmake ninja protoc dpkg-deb apt-get; do
    command -v "$tool" >/dev/null && continue
    [[ $tool != aarch64-* ]] || die "no cross compiler: apt-get install g++-aarch64-linux-gnu"
    die "no $tool: deploy/install-deps.sh"
  done
}

# apt_arm64 WORDS...: apt-get, of this machine's sources, with lists and packages of its own.
apt_arm64() {
  apt-get -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=root \
    -o Dir::State="$WORK/apt" -o Dir::State::status="$WORK/apt/status" -o Dir::Cache="$WORK/apt" \
    -o Debug::NoLocking=1 -o Acquire::Retries=3 "$@"
}

# The libraries' headers and archives, in a folder that is there only when it is whole.
fetch_sysroot() {
  local deb
  [[ ! -d $SYSROOT ]] || return 0
  rm -rf "$SYSROOT.part" "$WORK/debs"
  mkdir -p "$WORK"/{apt/lists/partial,apt/archives/partial,debs}
  : >"$WORK/apt/status"
  # A source without arm64 is no loss while Debian's has it.
  apt_arm64 update >"$WORK/apt.log" 2>&1 || true
  (cd "$WORK/debs" && apt_arm64 download "${LIBRARIES[@]}") >>"$WORK/apt.log" 2>&1 ||
    die "the libraries for arm64 cannot be fetched; see $WORK/apt.log"
  for deb in "$WORK"/debs/*.deb; do dpkg-deb -x "$deb" "$SYSROOT.part"; done
  rm -rf "$WORK/debs" "$WORK/apt"
  mv "$SYSROOT.part" "$SYSROOT"
}

build() {
  cmake -G Ninja -S "$REPO" -B "$WORK/build" -DDMGR_FAR_ONLY=ON -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_TOOLCHAIN_FILE="$REPO/deploy/arm64.cmake" -DDMGR_ARM64_SYSROOT="$SYSROOT" || return
  ninja -C "$WORK/build" dmgr-host
}

BUILD=$REPO/build
while (($#)); do
  case $1 in
    --build-dir)
      (($# >= 2)) || die "$1 needs a value"
      BUILD=$2
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
BUILD=$(realpath -m "$BUILD")
WORK=$BUILD/arm64
SYSROOT=$WORK/sysroot
require
mkdir -p "$WORK" "$BUILD/bin"
fetch_sysroot
if ! build >"$WORK/build.log" 2>&1; then
  grep -E -A 12 'error|FAILED' "$WORK/build.log" | head -n 40 >&2 || true
  die "it cannot be built; all of it: $WORK/build.log"
fi
# As uname -m says: by that name dmgrd finds it.
install -m 755 "$WORK/build/bin/dmgr-host" "$BUILD/bin/dmgr-host-aarch64"
printf '%s\n' "$BUILD/bin/dmgr-host-aarch64"
