#!/bin/bash
# dmgrd's page in Debian's chromium, with a cluster on lab hosts: each page light and dark, in English
# and Chinese, and an operation that is followed until it is over. Not part of tests/run.sh, since
# chromium is some 100 MB; it wants a build and root.
#
#   tests/page/browser.sh [FOLDER]   keeps the pictures of all pages there
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck disable=SC2034  # For site.sh.
HOSTS=2 SIDES=dmgr
PICTURES=$(realpath -m "${1:-$REPO/build/page}")
PACKAGES=(chromium chromium-driver python3-selenium fonts-noto-cjk)

# shellcheck source=tests/support/site.sh
. "$REPO/tests/support/site.sh"

install_browser() {
  local package missing=()
  for package in "${PACKAGES[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  note "installs ${missing[*]}"
  apt-get -q -o DPkg::Lock::Timeout=300 update
  apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"
} >&2

write_topology() {
  printf 'global: {user: tidb, deploy_dir: /dm-deploy, data_dir: /dm-data}\n'
  printf 'server_configs: {master: {openapi: true}}\n'
  printf 'master_servers:\n  - {host: %s}\n' "${HOST[1]}"
  printf 'worker_servers:\n  - {host: %s}\n  - {host: %s}\n' "${HOST[1]}" "${HOST[2]}"
}

start_cluster() {
  add_package v7.5.1 0
  write_topology >"$WORK/cluster.yaml"
  ctl cluster deploy orders v7.5.1 "$WORK/cluster.yaml" --yes
  ctl cluster start orders --yes
  curl -fsS --noproxy '*' -m 10 -o /dev/null "$MASTER/api/v1/sources" -d '{"source":
    {"source_name":"s1","host":"192.0.2.1","port":3306,"user":"u","password":"p"}}'
  protoc -I "$REPO/proto" --python_out="$WORK" "$REPO/proto/dm/master.proto"
  PYTHONPATH=$WORK /usr/bin/python3 "$REPO/tests/bench/start_tasks.py" "${MASTER#http://}" 2
} >&2

main() {
  ((EUID == 0)) || die 'must run as root'
  install_browser
  set_up_work
  set_up_hosts
  # shellcheck disable=SC2034  # For site.sh.
  PAGE_ADDRESS=$(free_address)
  start_dmgrd
  start_cluster
  mkdir -p "$PICTURES"
  # It types a command itself; what it leaves here goes with the folder.
  export -f ctl
  export ADDRESS WORK BUILD
  HOME=$WORK TMPDIR=$WORK /usr/bin/python3 "$REPO/tests/page/browser.py" "http://$PAGE_ADDRESS" \
    "$WORK/password" "$PICTURES"
}

main
