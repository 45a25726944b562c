#!/bin/bash
# A year of an operator in commands of dmgrctl, on lab hosts with the stand-in for DM; ends at the
# first that does not answer as it should. Needs root and a build: tests/run.sh does both.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck disable=SC2034 # For site.sh.
HOSTS=4 SIDES='dmgr'
VERSION=v7.5.1 NEXT=v7.5.2
COMMANDS=0
# What a command reads.
INPUT=''

# shellcheck source=tests/support/site.sh
. "$REPO/tests/support/site.sh"

# expect CODE PATTERN WORDS...: runs dmgrctl, which must end with the code and print the pattern (an
# extended regular expression; - for any) to either stream.
expect() {
  local code=$1 pattern=$2 status=0
  shift 2
  COMMANDS=$((COMMANDS + 1))
  printf '%2d  dmgrctl %s\n' "$COMMANDS" "$*"
  ctl "$@" >"$WORK/out" 2>&1 <<<"$INPUT" || status=$?
  if ((status != code)); then
    die "dmgrctl $*: ended with $status, not $code: $(<"$WORK/out")"
  fi
  [[ $pattern == - ]] || grep -qE -- "$pattern" "$WORK/out" ||
    die "dmgrctl $*: no '$pattern' in: $(<"$WORK/out")"
}

# The same for one that must do.
must() {
  expect 0 "$@"
}

write_topologies() {
  {
    printf 'global: {user: tidb, deploy_dir: /dm-deploy, data_dir: /dm-data}\nmaster_servers:\n'
    printf '  - host: %s\n' "${HOST[1]}" "${HOST[2]}" "${HOST[3]}"
    printf 'worker_servers:\n'
    printf '  - host: %s\n' "${HOST[1]}" "${HOST[2]}"
    printf 'monitoring_servers:\n  - host: %s\n' "${HOST[3]}"
    printf 'grafana_servers:\n  - host: %s\n' "${HOST[3]}"
    printf 'alertmanager_servers:\n  - host: %s\n' "${HOST[3]}"
  } >"$WORK/orders.yaml"
  printf 'worker_servers:\n  - host: %s\n' "${HOST[4]}" >"$WORK/more.yaml"
}

begin() {
  must "dmgrctl [0-9]" version
  must "Operations at once" version --server-info
  must admin whoami
  must "${HOST[1]}" machine list
  must "Host key" machine show "${HOST[1]}"
  must reachable machine check "${HOST[2]}"
  must - machine update "${HOST[4]}" --description spare
  must - machine label "${HOST[4]}" rack=7
  must "$VERSION" package list
  must dm-master package show "$VERSION"
  INPUT='a-long-password-of-carol'
  must - user create carol --role viewer
  INPUT=''
}

deploy() {
  must master_servers cluster template full
  expect 2 'did you mean status' cluster statsu orders
  expect 3 'package|version' cluster deploy orders v9.9.9 "$WORK/orders.yaml" --yes
  must plan cluster deploy orders "$VERSION" "$WORK/orders.yaml" --dry-run
  must succeeded cluster deploy orders "$VERSION" "$WORK/orders.yaml" --yes
  expect 1 'not healthy' cluster status orders --exit-code
  must succeeded cluster start orders
  must healthy cluster display orders --exit-code
  must orders cluster ls
  must dm-worker cluster show orders
  must worker_servers cluster show-config orders
}

change() {
  must stored cluster edit-config orders --yes --set server_configs.worker.keepalive-ttl=90
  must 'nothing was changed' cluster reload orders --dry-run
  must succeeded cluster reload orders --yes
  expect 2 'keepalive' cluster edit-config orders --yes --set server_configs.worker.keepalive-tll=90
  expect 2 'terminal' cluster edit-config orders --yes
  must succeeded cluster restart orders --role worker --yes
  must succeeded cluster restart orders --node "${HOST[3]}" --yes
  must succeeded cluster scale-out orders "$WORK/more.yaml" --yes
  must "${HOST[4]}" cluster show orders
  must - cluster label orders team=data
  must - cluster update orders --description 'orders to TiDB'
  must succeeded cluster disable orders --role grafana --yes
  must succeeded cluster enable orders --role grafana --yes
  must succeeded cluster stop orders --role grafana --yes
  must succeeded cluster start orders
  must succeeded cluster upgrade orders "$NEXT" --yes
  must "$NEXT" cluster status orders --exit-code
  must succeeded cluster scale-in orders --node "${HOST[4]}" --yes
  must succeeded cluster rotate-key orders --yes
}

look() {
  must 'no difference|as recorded|nothing differs' cluster verify orders
  must - cluster check orders
  must dm-master cluster logs orders --role master --tail 5
  must root cluster exec orders --user root -- id -un
  printf 'hello\n' >"$WORK/hello"
  must - cluster push orders "$WORK/hello" /tmp/hello --node "${HOST[1]}"
  must - cluster pull orders /tmp/hello "$WORK/back" --node "${HOST[1]}"
  must - cluster dmctl orders -- list-member
  must - cluster diagnose orders --output "$WORK/orders.tar.gz"
  must upgrade operation list --cluster orders
  must 'rotate.key' operation show --last orders
  must succeeded operation events --last orders
  must succeeded operation wait --last orders
  must UpgradeCluster audit list
}

# A host dies, and comes back.
night() {
  lab power-cut h2
  expect 3 "${HOST[2]}.*skip-unreachable|skip-unreachable" cluster restart orders --yes
  must succeeded cluster restart orders --yes --skip-unreachable
  must "repair" cluster status orders
  lab start h2
  lab wait h2
  must succeeded cluster repair orders --yes
  must healthy cluster status orders --exit-code
  must 'no difference|as recorded|nothing differs' cluster verify orders
}

finish_year() {
  expect 3 'not stopped' cluster clean orders --logs --yes
  must succeeded cluster stop orders --yes
  must succeeded cluster clean orders --logs --yes
  must 'cluster reload invoices' cluster rename orders invoices --yes
  must succeeded cluster reload invoices --yes
  must 'renamed invoices' cluster rename invoices orders --yes
  expect 3 - cluster upgrade orders "$VERSION" --yes
  must succeeded cluster upgrade orders "$VERSION" --offline --allow-downgrade --yes
  must succeeded cluster destroy orders --yes
  expect 3 orders cluster status orders
  must 'removed' machine remove "${HOST[4]}" --yes
  must 'removed' package remove "$NEXT" --yes
  must 'removed' user remove carol --yes
  must - logout
  expect 3 login cluster list
}

main() {
  ((EUID == 0)) || die 'must run as root'
  set_up_work
  set_up_hosts
  start_dmgrd
  add_package "$VERSION" 0
  add_package "$NEXT" 0
  write_topologies
  begin
  deploy
  change
  look
  night
  finish_year
  printf '%d commands, each as it should\n' "$COMMANDS"
}

main
