#!/bin/bash
# From a fresh clone to a running cluster of DM on lab hosts of this machine. See usage below.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.." && pwd)
STATE=$(realpath -m "${DMGR_QUICKSTART_DIR:-/var/lib/dmgr-quickstart}")
LOGS=$STATE/log
ADDRESS=127.0.0.1:9527
LAB=quickstart
CLUSTER=demo
COMPONENTS=(dm-master dm-worker dmctl prometheus alertmanager grafana)

# shellcheck source=deploy/progress.sh
. "$REPO/deploy/progress.sh"
# shellcheck source=deploy/quickstart_dmgrd.sh
. "$REPO/deploy/quickstart_dmgrd.sh"

usage() {
  cat <<TEXT
usage: deploy/quickstart.sh [--hosts N] [--components DIR]
       deploy/quickstart.sh --down

Installs Debian packages that are missing, builds, boots N lab hosts (3), starts dmgrd, and deploys
and starts the cluster "$CLUSTER". Running it again goes on where it stopped and leaves alone what is
well. Needs root.

  --components DIR   tarballs as PingCAP publishes them (dm-master-v7.5.1-linux-amd64.tar.gz,
                     dm-worker-..., dmctl-..., and prometheus-, alertmanager-, grafana- if wanted);
                     for what is not there stand-ins and Debian's programs are used
  --down             stops and removes what it made

dmgrd's files, logs and the admin's password are in $STATE (DMGR_QUICKSTART_DIR).
TEXT
}

die() {
  printf 'quickstart: %s\n' "$*" >&2
  exit 1
}

# ---- Stages ----

STAGE='' STAGE_LOG='' STAGE_BEGAN=0

now_ms() {
  local now=${EPOCHREALTIME/[.,]/}
  printf '%d' $((now / 1000))
}

end_stage() {
  local ms
  [[ -n $STAGE ]] || return 0
  ms=$(($(now_ms) - STAGE_BEGAN))
  printf '    %d.%d s\n' $((ms / 1000)) $((ms % 1000 / 100))
  STAGE=''
}

# stage WORDS [LOG]: ends the one before.
stage() {
  end_stage
  STAGE=$1 STAGE_LOG=${2:+$LOGS/$2.log} STAGE_BEGAN=$(now_ms)
  printf '==> %s\n' "$STAGE"
}

# The command of a stage that may take long: its output is in the stage's log.
logged() {
  with_progress "$STAGE_LOG" "$@"
}

on_exit() {
  local status=$?
  stop_progress
  ((status)) && [[ -n $STAGE ]] || return 0
  if ((status == 130)); then
    printf '\nquickstart: interrupted: %s; run it again to go on\n' "$STAGE" >&2
    return 0
  fi
  printf '\nquickstart: FAILED: %s\n' "$STAGE" >&2
  if [[ -f $STAGE_LOG ]]; then
    tail -n 20 "$STAGE_LOG" | sed 's/^/    /' >&2
    printf 'all of it: %s\n' "$STAGE_LOG" >&2
  fi
  printf 'run it again to go on, or begin anew after: deploy/quickstart.sh --down\n' >&2
}

# ---- What the stages use ----

dmgrctl() {
  "$REPO/build/bin/dmgrctl" --server "$ADDRESS" "$@"
}

lab() {
  "$REPO/tests/lab/lab.sh" --lab "$LAB" "$@"
}

# json EXPRESSION: prints what the expression makes of `d`, the object on standard input.
json() {
  python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
}

# host_for I: the I-th host, counted around.
host_for() {
  printf 'h%d' $((($1 - 1) % HOSTS + 1))
}

# tarball_in DIR COMPONENT: its tarball for this architecture; empty when there is none.
tarball_in() {
  local found=("$1/$2"-v[0-9]*-linux-"$ARCH".tar.gz "$1/$2"-[0-9]*-linux-"$ARCH".tar.gz)
  ((${#found[@]} <= 1)) || die "$1 has more than one tarball of $2: ${found[*]##*/}"
  printf '%s' "${found[0]:-}"
}

# Sets VERSION.
choose_version() {
  local component name
  VERSION=v7.5.1
  [[ -n $COMPONENTS_DIR ]] || return 0
  # A DM of which one part is real would show nothing.
  for component in dm-master dm-worker dmctl; do
    [[ -n $(tarball_in "$COMPONENTS_DIR" "$component") ]] ||
      die "$COMPONENTS_DIR has no $component-VERSION-linux-$ARCH.tar.gz"
  done
  name=$(tarball_in "$COMPONENTS_DIR" dm-master)
  name=${name##*/dm-master-}
  VERSION=${name%-linux-*}
}

# Debian's alertmanager, unlike the published one, reads its templates from a folder of the host.
needs_templates() {
  tar -xzOf "$1" --wildcards '*/alertmanager' |
    grep -a -c /usr/share/prometheus/alertmanager >/dev/null
}

# Fills the folder from which the package is built.
collect_components() {
  local component tarball missing=0
  rm -rf "$STATE/components"
  mkdir -p "$STATE/components"
  for component in "${COMPONENTS[@]}"; do
    tarball=''
    [[ -z $COMPONENTS_DIR ]] || tarball=$(tarball_in "$COMPONENTS_DIR" "$component")
    if [[ -n $tarball ]]; then
      ln -s "$tarball" "$STATE/components/"
      [[ $component != alertmanager ]] || ! needs_templates "$tarball" || missing=1
    else
      missing=1
    fi
  done
  ((missing)) || return 0
  logged "$REPO/tests/dmsim/make_tarballs.sh" "$REPO/build/dmsim" "$VERSION" "$STATE/standins"
  for component in "${COMPONENTS[@]}"; do
    [[ -n $(tarball_in "$STATE/components" "$component") ]] ||
      ln -s "$STATE/standins/$component-$VERSION-linux-amd64.tar.gz" "$STATE/components/"
  done
}

place_templates() {
  local templates=$STATE/standins/alertmanager-templates i
  [[ -d $templates ]] || return 0
  for ((i = 1; i <= HOSTS; i++)); do
    tar -C "$templates" --owner=0 --group=0 -c . |
      lab ssh "h$i" -- 'd=/usr/share/prometheus/alertmanager; mkdir -p $d && tar -C $d -x'
  done
}

register_host() {
  local host=$1
  if dmgrctl machine show "$host" >/dev/null 2>&1; then
    dmgrctl machine check "$host" >"$STAGE_LOG" 2>&1
  else
    dmgrctl machine add "$(lab address "$host")" --id "$host" --user root --key "$(lab key)" |
      sed 's/^/    /'
  fi
}

upload_package() {
  if dmgrctl package show "$VERSION" >/dev/null 2>&1; then
    printf '    is in the warehouse\n'
    return
  fi
  collect_components
  logged "$REPO/build/bin/dmgrctl" package build --components "$STATE/components" \
    --version "$VERSION" --output "$STATE"
  printf '    %d parts filled in from templates/\n' "$(grep -c ': ' "$STAGE_LOG")"
  STAGE_LOG=$LOGS/upload.log
  logged "$REPO/build/bin/dmgrctl" --server "$ADDRESS" package upload "$STATE/dm-$VERSION.tar.gz"
  sed 's/^/    /' "$STAGE_LOG"
  rm -f "$STATE/dm-$VERSION.tar.gz"
}

# list_on ROLE COUNT FIRST: YAML of a role on COUNT hosts.
list_on() {
  local i
  printf '%s:\n' "$1"
  for ((i = 0; i < $2; i++)); do
    printf '  - host: %s\n' "$(lab address "$(host_for $(($3 + i)))")"
  done
}

write_topology() {
  local masters=3
  ((HOSTS >= 3)) || masters=1
  {
    printf 'global:\n  user: dm\n  deploy_dir: /opt/dm\n  data_dir: /var/lib/dm\n'
    list_on master_servers "$masters" 1
    list_on worker_servers "$HOSTS" 1
    list_on monitoring_servers 1 1
    list_on alertmanager_servers 1 2
    list_on grafana_servers 1 3
  } >"$STATE/topology.yaml"
}

deploy_cluster() {
  local shown operation
  if shown=$(dmgrctl cluster show "$CLUSTER" -o json 2>/dev/null); then
    operation=$(json 'd["cluster"]["active_operation_id"]' <<<"$shown")
    if [[ -z $operation ]]; then
      printf '    is deployed, with %s\n' "$(json 'd["cluster"]["version"]' <<<"$shown")"
      return
    fi
    # One that was interrupted: it went on, or it failed and can be resumed.
    place_templates
    dmgrctl operation watch "$operation" || dmgrctl operation resume "$operation"
    deploy_cluster
    return
  fi
  place_templates
  write_topology
  dmgrctl cluster deploy "$CLUSTER" "$VERSION" "$STATE/topology.yaml" --yes
}

healthy() {
  [[ $(dmgrctl cluster status "$CLUSTER" -o json | json 'd["healthy"]') == True ]]
}

start_cluster() {
  if healthy 2>/dev/null; then
    printf '    is healthy\n'
    return
  fi
  dmgrctl cluster start "$CLUSTER" --yes
}

# Hosts that were just booted again may need a moment.
show_status() {
  local i
  for ((i = 0; i < 60; i++)); do
    ! healthy || break
    sleep 1
  done
  dmgrctl cluster status "$CLUSTER"
  healthy || die "$CLUSTER is not healthy"
}

# ---- Up and down ----

build() {
  if [[ ! -f $REPO/build/build.ninja ]]; then
    logged env -C "$REPO" cmake --preset release
  fi
  logged ninja -C "$REPO/build" dmgrd dmgrctl dmgr-host dmsim
}

log_in() {
  dmgrctl whoami >/dev/null 2>&1 || dmgrctl login --user admin <"$STATE/admin-password"
}

# What was chosen at the first run holds until --down: a package and a cluster stay what they are.
remember_choices() {
  local hosts from
  install -d -m 755 "$STATE" "$LOGS"
  if [[ -f $STATE/.dmgr-quickstart ]]; then
    { read -r hosts && IFS= read -r from; } <"$STATE/.dmgr-quickstart"
    [[ -z $COMPONENTS_DIR || $COMPONENTS_DIR == "$from" ]] ||
      die "$CLUSTER was made from ${from:-stand-ins}; deploy/quickstart.sh --down first"
    COMPONENTS_DIR=$from
    ((${HOSTS:-0} >= hosts)) || HOSTS=$hosts
  fi
  HOSTS=${HOSTS:-3}
  choose_version
  printf '%s\n%s\n' "$HOSTS" "$COMPONENTS_DIR" >"$STATE/.dmgr-quickstart"
}

up() {
  local i
  remember_choices

  stage 'Debian packages'
  "$REPO/deploy/install-deps.sh"
  stage 'build dmgrd, dmgrctl, dmgr-host and the stand-ins' build
  build
  stage "boot $HOSTS lab hosts" lab
  logged "$REPO/tests/lab/lab.sh" --lab "$LAB" up --hosts "$HOSTS"
  lab list | sed 's/^/    /'
  stage 'start dmgrd and its database' dmgrd
  start_dmgrd
  stage 'log in as admin' dmgrd
  log_in
  stage "register $HOSTS machines" machines
  for ((i = 1; i <= HOSTS; i++)); do
    register_host "h$i"
  done
  stage "build and upload the package $VERSION" package
  upload_package
  stage "deploy the cluster $CLUSTER" dmgrd
  deploy_cluster
  stage "start the cluster $CLUSTER" dmgrd
  start_cluster
  stage "status of the cluster $CLUSTER" dmgrd
  show_status
  end_stage
  say_what_next
}

say_what_next() {
  local top=$REPO/ ctl
  [[ $PWD != "$REPO" ]] || top=''
  ctl=${top}build/bin/dmgrctl
  cat <<TEXT

The cluster runs, and you are logged in. What to try next:
  $ctl cluster status $CLUSTER -o json
  $ctl cluster stop $CLUSTER --yes && $ctl cluster start $CLUSTER --yes
  $ctl operation list
  ${top}tests/lab/lab.sh --lab $LAB ssh h1 -- systemctl status 'dm-*'
  ${top}tests/lab/lab.sh --lab $LAB power-cut h$HOSTS    # and then: start h$HOSTS
  curl -s http://$(lab address h1):9090/api/v1/targets
  $ctl cluster destroy $CLUSTER --yes
  ${top}deploy/quickstart.sh --down
TEXT
}

down() {
  if [[ ! -f $STATE/.dmgr-quickstart ]]; then
    printf 'nothing to remove: there is no quickstart in %s\n' "$STATE"
    return
  fi
  stage 'stop dmgrd and its database'
  [[ ! -x $REPO/build/bin/dmgrctl ]] || dmgrctl logout >/dev/null 2>&1 || true
  stop_dmgrd
  stop_postgres
  stage 'remove the lab hosts'
  lab down
  end_stage
  rm -rf --one-file-system "$STATE"
  printf 'kept: build/, installed packages, the caches /var/cache/dmgr and /var/cache/dmgr-lab\n'
}

# ---- Command line ----

HOSTS='' COMPONENTS_DIR='' DOWN=0

while (($#)); do
  case $1 in
    --down) DOWN=1 ;;
    --hosts | --components)
      (($# >= 2)) || die "$1 needs a value"
      if [[ $1 == --hosts ]]; then HOSTS=$2; else COMPONENTS_DIR=$2; fi
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
[[ $HOSTS =~ ^([1-9][0-9]?)?$ ]] || die "--hosts takes 1 to 99"
[[ $STATE =~ ^/[A-Za-z0-9._/-]+$ ]] || die "DMGR_QUICKSTART_DIR: no such path, please: '$STATE'"
((EUID == 0)) || die "must run as root"
ARCH=$(dpkg --print-architecture)
[[ $ARCH == amd64 ]] || die "the stand-ins and lab hosts are made for amd64, and this is $ARCH"
# A token of the environment would be used instead of the one that is saved.
unset DMGR_TOKEN DMGR_TOKEN_FILE DMGR_MODE
shopt -s nullglob
trap on_exit EXIT
trap 'exit 130' INT TERM

if ((DOWN)); then
  down
else
  if [[ -n $COMPONENTS_DIR ]]; then
    [[ -d $COMPONENTS_DIR ]] || die "--components: no folder '$COMPONENTS_DIR'"
    COMPONENTS_DIR=$(realpath "$COMPONENTS_DIR")
  fi
  up
fi
