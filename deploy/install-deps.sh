#!/bin/bash
# Installs the Debian 12 packages with which dmgr is built, run and tested. May run at any time: when
# nothing is missing it changes nothing and needs no network.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

# shellcheck source=deploy/progress.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/progress.sh"

packages=(
  # Tools of the build.
  g++ cmake ninja-build ccache mold pkg-config protobuf-compiler protobuf-compiler-grpc
  # Libraries of dmgrd and dmgrctl.
  libgrpc++-dev libprotobuf-dev libabsl-dev libssh-dev libpqxx-dev libpq-dev libyaml-cpp-dev
  libtomlplusplus-dev libkainjow-mustache-dev libcli11-dev libspdlog-dev libfmt-dev
  nlohmann-json3-dev libcurl4-openssl-dev libssl-dev libsystemd-dev uuid-dev libre2-dev
  prometheus-cpp-dev libmariadb-dev libmicrohttpd-dev
  # Libraries that dmgr-host is linked with statically as well.
  libarchive-dev libzstd-dev libacl1-dev zlib1g-dev libsodium-dev
  # The embedded database.
  postgresql-15
  # Packages.
  dpkg-dev
  # Lab hosts.
  debootstrap systemd-container iproute2 openssh-client util-linux procps
  # Quickstart and tests.
  ca-certificates curl zstd catch2 clang-format clang-tidy shellcheck python3 python3-grpcio python3-protobuf
  etcd-server mariadb-client-core mariadb-server-core
)

# The server's package makes and starts a database cluster of its own, for which dmgr has no use.
# Said in a file that is there during the installation only.
no_cluster=/etc/postgresql-common/createcluster.d/dmgr.conf
# Tests start etcd for themselves; the service of its package is neither started by the installation,
# which asks this program, nor later.
no_start=/usr/sbin/policy-rc.d
no_service=/etc/systemd/system/etcd.service
log=''
refuses_start=''

cleanup() {
  stop_progress
  rm -f "$no_cluster" "$log"
  [[ -z $refuses_start ]] || rm -f "$no_start"
  rmdir "${no_cluster%/*}" 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

die() {
  printf 'install-deps: %s\n' "$*" >&2
  exit 1
}

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      printf '%s\n' "$package"
  done
}

apt() {
  with_progress "$log" apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
    -o Dpkg::Use-Pty=0 "$@"
}

keep_etcd_stopped() {
  if [[ ! -e $no_service ]]; then
    mkdir -p "${no_service%/*}"
    ln -s /dev/null "$no_service"
  fi
  [[ ! -e $no_start ]] || return 0
  refuses_start=1
  printf '#!/bin/sh\n[ "$1" != etcd ] && [ "$1" != etcd.service ] || exit 101\n' >"$no_start"
  chmod +x "$no_start"
}

main() {
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]})) || return 0
  grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release || die "this is not Debian 12 (bookworm)"
  ((EUID == 0)) || die "must run as root to install: ${missing[*]}"
  printf 'installing %d packages: %s\n' "${#missing[@]}" "${missing[*]}" | fold -s -w 100
  log=$(mktemp)
  # Without a source that dmgr does not need the rest may still be there: the installation decides.
  apt update || printf 'install-deps: apt-get update: %s\n' "$(grep '^E:' "$log" | head -n 1)" >&2
  if [[ ! -d /usr/lib/postgresql/15 ]]; then
    mkdir -p "${no_cluster%/*}"
    printf 'create_main_cluster = false\n' >"$no_cluster"
  fi
  [[ " ${missing[*]} " != *' etcd-server '* ]] || keep_etcd_stopped
  if ! apt install -y --no-install-recommends "${missing[@]}"; then
    tail -n 20 "$log" >&2
    die "apt-get install failed"
  fi
}

main
