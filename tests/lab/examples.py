#!/usr/bin/env python3
"""Types the example of every command's help, and every command that the documents show, as a person at
a terminal does, in an order in which each finds what it is about; fails when one ends with an error, and
when one was not typed. Works in the present folder, which has `tarballs` and `tarballs-next`; dmgrctl's
configuration is in the environment.

    examples.py DMGRCTL STAND_IN_WORKER KEY PASSWORD_FILE LAB ADDRESS1 ADDRESS2 ADDRESS3 ADDRESS4
"""

import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True

import document_commands  # noqa: E402
from example_tour import LAB_SH, NEXT, VERSION, Tour  # noqa: E402
from typist import fail  # noqa: E402

FIRST_NUMBER, OTHER_NUMBER = 13, 113
CAROLS = 'a-long-password-of-carol'


def without_hosts(tour):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout',
                    '/dev/null', '-out', 'ca.pem', '-subj', '/CN=dmgr.example.com'], check=True,
                   capture_output=True)
    tour.each('completion', 'context add', 'context list', 'context show',
              'context use', 'context remove')
    tour.type_example('login', [tour.password])
    tour.each('whoami', 'version')
    tour.type_example('user create', [CAROLS, CAROLS])
    tour.each('user list', 'user show', 'user update')
    tour.line('dmgrctl user create dave --role operator --cluster demo --elsewhere viewer',
              [CAROLS, CAROLS])
    tour.each_line('user update dave --disable')
    tour.type_example('user reset-password', [CAROLS + '2', CAROLS + '2'])
    tour.each('audit list', 'audit export', 'audit verify', 'token create', 'token list',
              'token revoke', 'user remove')


def machines(tour):
    for number in range(1, 4):
        tour.each_line(f'machine add 10.0.0.{number} --key ~/.ssh/id_ed25519')
    tour.each_line('machine check 10.0.0.3', 'machine update 10.0.0.3 --key ~/.ssh/id_ed25519')
    tour.each('machine add', 'machine list', 'machine show', 'machine check', 'machine label',
              'machine clean')
    spare = tour.hosts[3]
    tour.lab('ssh', 'h4', '--', 'systemd-run --quiet --unit=second-sshd /usr/sbin/sshd -D -p 2222 '
             '&& until ss -Hltn sport = :2222 | grep -q .; do sleep 0.05; done')
    tour.each('machine update')
    tour.do('machine', 'update', spare, '--port', '22')
    tour.lab('ssh', 'h4', '--', 'systemctl stop second-sshd')
    key = tour.show('machine', 'show', spare)['machine']['host_key_fingerprint']
    tour.type_example('machine replace', **{'SHA256:...': key})


def packages(tour):
    tour.each('package build', 'package upload', 'package list', 'package show')
    tour.do('package', 'build', '--components', 'tarballs-next', '--version', NEXT)
    tour.do('package', 'upload', f'dm-{NEXT}.tar.gz')


def deploy(tour):
    tour.each('cluster template')
    tour.write_topology()
    tour.each_line('cluster template full', 'cluster deploy demo v7.5.1 topology.yaml --dry-run')
    tour.each('cluster check', 'cluster deploy', 'cluster start', 'cluster list', 'cluster show',
              'cluster status', 'cluster show-config', 'cluster export', 'cluster label',
              'cluster update')
    tour.each_line('cluster status demo', 'cluster restart demo --dry-run',
                   'cluster stop demo --role dm-worker')
    tour.do('cluster', 'start', 'demo', '--yes')
    # What dmgr has deployed is no other tool's.
    tour.type_example('cluster import', says='cluster demo exists already')
    tour.line('dmgrctl cluster import demo --master-addr 10.0.1.1:8261',
              says='cluster demo exists already')
    tour.type_example('cluster takeover', says="the files of cluster demo are dmgr's already")
    tour.type_example('cluster release', says='was laid on its hosts by dmgr')


def migrate(tour):
    pathlib.Path('db.password').write_text('a-password-of-a-database\n')
    # No such database is there: the dm-workers of this tour only say so, and dmgrd finds none.
    login = '--user', 'dm', '--password-file', 'db.password', '--skip-checks'
    tour.type_example('target create', says='tidb1:4000')
    tour.do('target', 'create', 'demo', 'prod', '--host', 'tidb1', *login)
    tour.each('target list', 'target show')
    tour.type_example('target update', says='tidb1:4000')
    tour.do('target', 'update', 'demo', 'prod', '--password-file', 'db.password', '--skip-checks')
    tour.each('target revisions', 'target diff')
    tour.type_example('target rollback', says='tidb1:4000')
    tour.do('target', 'rollback', 'demo', 'prod', '--revision', '1', '--skip-checks')
    tour.type_example('source create', says='db1:3306')
    tour.do('source', 'create', 'demo', '--id', 's1', '--host', 'db1', *login)
    tour.each('source list', 'source show')
    tour.type_example('source check', says='db1:3306')
    tour.type_example('target check', says='tidb1:4000')
    pathlib.Path('source.yaml').write_text(tour.do('source', 'show', 'demo', 's1', '--config'))
    tour.type_example('source update', says='db1:3306')
    tour.do('source', 'update', 'demo', 'source.yaml', '--skip-checks', '--yes')
    tour.each('source revisions', 'source diff')
    tour.type_example('source rollback', says='db1:3306')
    tour.do('source', 'rollback', 'demo', 's1', '--revision', '1', '--skip-checks', '--yes')
    second, third = (f'dm-{host}-8262' for host in tour.hosts[1:3])
    if tour.show('source', 'show', 'demo', 's1')['source']['worker_name'] == third:
        tour.do('source', 'transfer', 'demo', 's1', second, '--yes')
    tour.each('source transfer', 'source relay', 'source purge-relay')
    tour.do('source', 'relay', 'demo', 's1', 'off', '--yes')
    tour.make_foreign_source('old')
    tour.each('source adopt')
    tour.make_foreign_task('old')
    tour.each('task adopt')
    tour.do('task', 'delete', 'demo', 'old', '--yes')
    tour.do('source', 'delete', 'demo', 'old', '--yes')
    tour.each('task create')
    config = tour.do('task', 'show', 'demo', 'shop', '--config')
    pathlib.Path('task.yaml').write_text(config)
    tour.each('task check', 'task list', 'task show')
    tour.type_example('task watch', until='shop')
    tour.each('task logs')
    unstick(tour)
    tour.each('task pause', 'task resume', 'task stop', 'task start', 'task update', 'task revisions',
              'task diff', 'task rollback', 'task delete',
              'source delete', 'target delete')


def unstick(tour):
    """What is done with a task that is stuck; it runs before and after."""
    for command in ('task errors skip', 'task errors replace'):
        tour.tell_dm('fail', task='shop', sources=['s1'], kind='ddl')
        if command == 'task errors skip':
            tour.each('task errors list')
        tour.each(command)
    tour.each('task errors inject', 'task errors revert')
    tour.tell_dm('lock', task='shop', owner='s1', ddls=['ALTER TABLE `db`.`t` ADD COLUMN `w` INT'],
                 synced=['s1-`db`.`t`'], unsynced=['s2-`db`.`t`'])
    tour.each('task locks list', 'task locks unlock')
    tour.do('task', 'pause', 'demo', 'shop', '--yes')
    pathlib.Path('table.sql').write_text('CREATE TABLE t (id INT PRIMARY KEY)')
    tour.each('task table list', 'task table get', 'task table set', 'task table remove')
    tour.do('task', 'resume', 'demo', 'shop')
    tour.each('task validation start', 'task validation status')
    tour.tell_dm('validation-error', task='shop', source='s1')
    tour.each('task validation errors', 'task validation ignore', 'task validation resolve',
              'task validation clear', 'task validation update', 'task validation stop')


def look(tour):
    tour.each('cluster verify', 'cluster repair')
    tour.each_line('cluster repair demo', 'cluster logs demo --since 1h --grep ERROR',
                   'audit list --about demo --since 2d', 'operation list --state failed,cancelled')
    tour.leave_stranger()
    tour.each('cluster prune', 'cluster exec', 'cluster push',
              'cluster pull', 'cluster dmctl', 'cluster diagnose')
    tour.type_example('cluster logs', until='dm-master')


def change(tour):
    editor = pathlib.Path('editor')
    editor.write_text('#!/bin/sh\nsed -i "s/^global:/server_configs: {worker: {keepalive-ttl: 90}}'
                      '\\nglobal:/" "$1"\n')
    editor.chmod(0o755)
    os.environ['EDITOR'] = os.environ['VISUAL'] = str(editor.resolve())
    tour.each('cluster edit-config', 'cluster reload')
    tour.each_line('cluster reload demo',
                   'cluster edit-config demo --set server_configs.worker.keepalive-ttl=60',
                   'cluster edit-config demo --discard')
    tour.write_program('dm-worker', 'v7.5.1-fix')
    tour.each('cluster patch', 'patch list')
    patch = tour.show('patch', 'list')['patches'][0]['patch_id']
    tour.type_example('patch show', ID=patch)
    tour.each_line('cluster patch demo --revert')
    tour.write_program('dm-worker', 'v7.5.1-other')
    tour.do('cluster', 'patch', 'demo', './dm-worker', '--role', 'dm-worker', '--dry-run')
    patch = tour.show('patch', 'list')['patches'][0]['patch_id']
    tour.type_example('patch remove', ID=patch)
    tour.each('cluster disable', 'cluster enable')
    tour.each_line('cluster upgrade demo v7.5.2 --skip-unreachable')
    tour.do('cluster', 'upgrade', 'demo', VERSION, '--allow-downgrade', '--yes')
    tour.each('cluster upgrade', 'cluster rotate-key', 'cluster copies')
    tour.each_line('cluster rebuild demo --dry-run --force')
    tour.each('cluster rebuild')
    os.environ['DMGR_PASSPHRASE'] = 'correct horse battery staple'
    tour.each('cluster backup')
    tour.each_line('cluster restore demo demo.backup --dry-run --force')
    tour.each('cluster restore')
    # The second example of a rebuild has given up the first machine, which this one brings back.
    tour.each('cluster move')


def scale(tour):
    pathlib.Path('topology.yaml').write_text(f'worker_servers:\n  - host: {tour.hosts[3]}\n')
    tour.each('cluster scale-out', 'cluster scale-in')
    third = tour.hosts[2]
    # Where DM's leader is not: else another one has to be found first.
    tour.do('cluster', 'restart', 'demo', '--node', third, '--yes')
    tour.lab('readdress', 'h3', str(OTHER_NUMBER))
    now = subprocess.run([LAB_SH, '--lab', tour.lab_name, 'address', 'h3'], check=True,
                         capture_output=True, text=True).stdout.strip()
    tour.do('machine', 'update', third, '--address', now)
    tour.each('machine readdress', 'machine move')
    tour.lab('readdress', 'h3', str(FIRST_NUMBER))
    tour.do('machine', 'update', third, '--address', third)
    give_up(tour)


def give_up(tour):
    """What runs on a machine is moved and taken away by force: a dm-worker alone, which is quick."""
    third, spare = tour.hosts[2:]
    pathlib.Path('more.yaml').write_text(f'worker_servers:\n  - host: {third}\n')
    tour.do('cluster', 'scale-in', 'demo', '--node', f'{spare}:8262', '--yes')
    tour.each_line('cluster scale-out demo more.yaml',
                   'machine move 10.0.0.3 10.0.0.4 --cluster demo --force')
    tour.do('cluster', 'scale-out', 'demo', 'more.yaml', '--yes')
    tour.each_line('cluster scale-in demo --node 10.0.0.3 --force')


def operations(tour):
    tour.each('cluster restart')
    tour.do('cluster', 'restart', 'demo', '--yes', '--detach')
    tour.line('dmgrctl operation watch --all', until='restart')
    tour.do('operation', 'wait', tour.newest())
    for command in ('operation show', 'operation events', 'operation watch', 'operation wait'):
        tour.type_example(command, ID=tour.newest())
    tour.each('operation list')
    tour.cancelled()
    tour.each('operation resume')
    tour.line('dmgrctl operation resume ID', ID=tour.cancelled())
    tour.type_example('operation rollback', ID=tour.cancelled())
    tour.type_example('operation abandon', ID=tour.cancelled())


def secure(tour):
    """What only a cluster with TLS has."""
    tour.write_topology(', enable_tls: true')
    tour.do('cluster', 'deploy', 'demo', VERSION, 'topology.yaml', '--yes')
    tour.do('cluster', 'start', 'demo')
    tour.each('cluster tls rotate')
    tour.each('cluster tls disable')
    tour.each('cluster tls enable')
    tour.do('cluster', 'destroy', 'demo', '--yes')


def end(tour):
    tour.each('cluster stop', 'cluster clean', 'cluster rename')
    tour.do('cluster', 'rename', 'orders', 'demo', '--yes')
    tour.each('cluster destroy')
    secure(tour)
    tour.each('machine remove')
    tour.each('package remove')
    tour.type_example('passwd', [tour.password, CAROLS, CAROLS])
    tour.each('logout')


def main():
    tour = Tour(sys.argv[1:])
    for part in (without_hosts, machines, packages, deploy, migrate, look, change, scale, operations, end):
        part(tour)
    missing = sorted(set(tour.examples) - tour.typed)
    if missing:
        fail(f'the examples of these commands were not typed: {", ".join(missing)}')
    shown = document_commands.shown()
    if missing := sorted(set(shown) - tour.lines):
        fail('these commands of documents were not typed: '
             + '; '.join(f'{line} ({", ".join(shown[line])})' for line in missing))
    print(f'{len(tour.typed)} commands, each by its example; {len(shown)} of the documents')


if __name__ == '__main__':
    main()
