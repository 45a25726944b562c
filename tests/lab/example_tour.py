#!/usr/bin/env python3
"""The person at the terminal of examples.py, and the site at which it types."""
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.request

import document_commands
from typist import LIMIT_S, Typist, fail

VERSION, NEXT = 'v7.5.1', 'v7.5.2'
LAB_SH = pathlib.Path(__file__).resolve().parent / 'lab.sh'
BEGAN = time.monotonic()


class Tour:
    def __init__(self, args):
        self.ctl, self.worker, key, password, self.lab_name = args[:5]
        self.password = pathlib.Path(password).read_text().strip()
        self.hosts = args[5:]
        first, second, third, spare = self.hosts
        self.names = {'~/.ssh/id_ed25519': key, '10.0.0.11': spare, '10.0.1.5': spare,
                      '10.0.0.1': first, '10.0.0.2': second, '10.0.0.3': third, '10.0.0.4': spare}
        self.typed, self.lines = set(), set()
        os.environ['PATH'] = f'{pathlib.Path(self.ctl).parent}:{os.environ["PATH"]}'
        self.examples = {}
        self.find_examples(())

    # ---- What the help says ----

    def find_examples(self, path):
        text = subprocess.run([self.ctl, *path, '--help'], check=True, capture_output=True,
                              text=True).stdout
        below = re.search(r'\nSubcommands:\n((?: .*\n)+)', text)
        if below:
            for name in re.findall(r'^  ([a-z][a-z-]*)', below.group(1), re.MULTILINE):
                self.find_examples((*path, name))
            return
        example = re.search(r'\nExample:\n((?:  .*\n?)+)', text)
        if not example:
            fail(f'the help of {" ".join(path)} has no example')
        self.examples[' '.join(path)] = re.findall(r'^  (dmgrctl .*)$', example.group(1),
                                                   re.MULTILINE)

    def type_example(self, command, secrets=(), until=None, says=None, **names):
        """Types the examples of a command; `names` are for its capital words. `says`: it fails, and
        says so."""
        for example in self.examples[command]:
            self.line(example, secrets, until, says, **names)
        self.typed.add(command)

    def line(self, line, secrets=(), until=None, says=None, **names):
        """Types a line of the help or of a document."""
        self.lines.add(document_commands.plain(line))
        text = line
        for name, value in {**self.names, **names}.items():
            text = re.sub(rf'(?<![\w.]){re.escape(name)}(?![\w.]*\d)', lambda _: value, text)
        print(f'{time.monotonic() - BEGAN:5.1f} s  $ {text}', flush=True)
        typist = Typist(text, secrets, until)
        code = typist.run()
        # Ctrl-C ends it, and with it the shell.
        as_it_should = says in typist.output and code != 0 if says else \
            code in ((0, 130, -2) if until else (0,))
        if not as_it_should:
            fail(f'"{line}", typed as "{text}", ends with {code}: {typist.output}')

    def each_line(self, *lines):
        """Of the documents."""
        for line in lines:
            self.line('dmgrctl ' + line)

    def each(self, *commands):
        for command in commands:
            self.type_example(command)

    # ---- What is beside them ----

    def do(self, *words, secret='', code=0):
        """Another command; its standard output."""
        done = subprocess.run([self.ctl, *words], input=secret, capture_output=True, text=True,
                              check=False)
        if done.returncode != code:
            fail(f'dmgrctl {" ".join(words)} ends with {done.returncode}: {done.stdout}'
                 f'{done.stderr}')
        return done.stdout

    def show(self, *words):
        return json.loads(self.do(*words, '-o', 'json'))

    def lab(self, *words):
        subprocess.run([LAB_SH, '--lab', self.lab_name, *words], check=True)

    def write_topology(self, more=''):
        """As in the first day."""
        lines = [f'global: {{user: tidb, deploy_dir: /dm-deploy, data_dir: /dm-data{more}}}']
        members = self.hosts[:3]
        for section, hosts in {'master': members, 'worker': members, 'monitoring': members[:1],
                               'alertmanager': members[:1], 'grafana': members[:1]}.items():
            lines.append(f'{section}_servers:')
            lines += [f'  - host: {host}' for host in hosts]
        pathlib.Path('topology.yaml').write_text('\n'.join(lines) + '\n')

    def write_program(self, file, version):
        program = pathlib.Path(self.worker).read_bytes()
        pathlib.Path(file).write_bytes(program + f'\nDMSIM-VERSION={version}\n'.encode())

    def leave_stranger(self):
        """A dm-worker that the record does not have joins DM and ends."""
        host = self.hosts[0]
        self.lab('ssh', 'h1', '--', 'systemd-run --quiet --unit=stranger '
                 '/dm-deploy/dm-worker-8262/bin/dm-worker --name=stranger --worker-addr=0.0.0.0:9262 '
                 f'--advertise-addr={host}:9262 --join={host}:8261')
        deadline = time.monotonic() + LIMIT_S
        while b'stranger' not in urllib.request.urlopen(
                f'http://{host}:8261/apis/v1alpha1/members', timeout=10).read():
            if time.monotonic() > deadline:
                fail('no dm-worker called stranger joined DM')
            time.sleep(0.05)
        self.lab('ssh', 'h1', '--', 'systemctl stop stranger')

    def tell_dm(self, what, **body):
        """Has the stand-ins do something."""
        request = urllib.request.Request(f'http://{self.hosts[1]}:8261/dmsim/{what}', method='POST',
                                         data=json.dumps(body).encode())
        answer = json.loads(urllib.request.urlopen(request, timeout=10).read())
        if 'error' in answer:
            fail(f'/dmsim/{what}: {answer}')

    def make_foreign_source(self, name):
        """A source that DM's own page makes."""
        source = {'source_name': name, 'host': 'db9', 'port': 3306, 'user': 'u', 'password': 'p'}
        urllib.request.urlopen(urllib.request.Request(
            f'http://{self.hosts[0]}:8261/api/v1/sources', json.dumps({'source': source}).encode(),
            {'Content-Type': 'application/json'}), timeout=10).read()

    def make_foreign_task(self, name):
        """A task that dmctl makes, of a source of the same name."""
        pathlib.Path('old.yaml').write_text(
            f'name: {name}\ntask-mode: all\n'
            'target-database: {host: tidb9, port: 4000, user: u, password: p}\n'
            f'mysql-instances:\n- source-id: {name}\n')
        self.do('cluster', 'dmctl', 'demo', '--', 'start-task', 'old.yaml')

    def newest(self):
        return self.show('operation', 'list', '--cluster', 'demo')['operations'][0]['operation_id']

    def cancelled(self):
        """An operation that was cancelled half-way."""
        self.do('cluster', 'restart', 'demo', '--yes', '--detach')
        self.type_example('operation cancel', ID=self.newest())
        ended = subprocess.run([self.ctl, 'operation', 'wait', self.newest()], check=False,
                               capture_output=True)
        if ended.returncode == 0:
            fail('a restart ended before it was cancelled')
        return self.newest()
