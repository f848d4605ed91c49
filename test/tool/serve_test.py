#!/usr/bin/env python3
"""`largetable serve` as its operator sees it: options, log, signals, fork, pid file, systemd."""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import pymongo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
from server import Server, TIMEOUT_S  # noqa: E402

BINARY = sys.argv.pop(1)


def run(*arguments, **more):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S,
                          check=False, **more)


def wait_for(path, pattern, process=None):
    """The last group of `pattern` in a growing file."""
    end = time.monotonic() + TIMEOUT_S
    text = ''
    while time.monotonic() < end:
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                text = file.read()
        found = re.search(pattern, text)
        if found:
            return found.group(found.lastindex or 0)
        assert process is None or process.poll() is None, f'the server ended:\n{text}'
        time.sleep(0.02)
    raise AssertionError(f'{pattern} is not in {path}:\n{text}')


class Serve(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='largetable-test-')
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.path(name)

    def test_wrong_options_are_told_and_exit_2(self):
        bad = self.write('bad.conf', 'net:\n  prot: 1\n')
        for arguments, word in [
                (['--prot', '1'], 'nearest is --port'),
                (['--port', '65536'], 'from 0 to 65535'),
                (['--config', bad], 'bad.conf:2: there is no option net.prot'),
                (['--config', self.path('none')], 'cannot open'),
                (['--fork'], '--logpath'),
                (['--setParameter', 'what=1'], 'what'),
        ]:
            done = run('serve', *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(word, done.stderr)

    def test_a_failed_start_is_told_and_exits_1(self):
        self.write('file', '')
        done = run('serve', '--dbpath', self.path('file'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('is not a directory', done.stderr)

    def test_help_and_version(self):
        self.assertIn('net.port', run('help', 'serve').stdout)
        self.assertIn('rocksdb', run('version').stdout)
        self.assertEqual(run('what').returncode, 2)

    def test_options_are_shown_by_getCmdLineOpts(self):
        config = self.write('lt.conf', 'net:\n  port: 1\n  maxIncomingConnections: 77\n'
                            'setParameter:\n  localLogicalSessionTimeoutMinutes: 7\n')
        with Server(BINARY, '--config', config) as server:
            client = server.client()
            shown = client.admin.command('getCmdLineOpts')
            self.assertEqual(shown['argv'][:2], ['largetable', 'serve'])
            self.assertEqual(shown['parsed']['config'], config)
            self.assertEqual(shown['parsed']['net'], {'port': 0, 'maxIncomingConnections': 77})
            self.assertEqual(shown['parsed']['setParameter'], {'localLogicalSessionTimeoutMinutes': '7'})
            got = client.admin.command({'getParameter': 1, 'localLogicalSessionTimeoutMinutes': 1})
            self.assertEqual(got['localLogicalSessionTimeoutMinutes'], 7)
            self.assertEqual(client.admin.command('hello')['logicalSessionTimeoutMinutes'], 7)
            connections = client.admin.command('serverStatus')['connections']
            self.assertEqual(connections['available'] + connections['current'], 77)
            client.close()

    def test_parameters_of_the_log_change_it(self):
        with Server(BINARY) as server, server.client() as client:
            self.assertFalse(client.admin.command({'getParameter': 1, 'quiet': 1})['quiet'])

            def lines():
                return len(client.admin.command('getLog', 'global')['log'])
            client.admin.command({'setParameter': 1, 'quiet': True})
            before = lines()
            client.admin.command({'setParameter': 1, 'cursorTimeoutMillis': 1000})
            self.assertEqual(lines(), before)
            client.admin.command({'setParameter': 1, 'quiet': False})
            client.admin.command({'setParameter': 1, 'cursorTimeoutMillis': 2000})
            self.assertEqual(lines(), before + 2)

    def test_interrupt_stops_in_good_order(self):
        with Server(BINARY, '--banner') as server:
            server.stop(signal.SIGINT)
            self.assertIn('stopped', server.log())
            self.assertIn(server.uri, server.output())

    def test_the_shutdown_command_stops_in_good_order(self):
        with Server(BINARY) as server:
            client = server.client()
            client.test.c.insert_one({'_id': 1})
            try:
                client.admin.command('shutdown')
            except pymongo.errors.AutoReconnect:
                pass
            server.wait()
            client.close()

    def test_the_log_is_opened_again_and_put_aside_at_the_start(self):
        log = self.write('log', 'of yesterday\n')
        process = subprocess.Popen([BINARY, 'serve', '--dbpath', self.path('data'), '--port', '0',
                                    '--logpath', log, '--logformat', 'json'])
        try:
            wait_for(log, 'listening on', process)
            os.rename(log, log + '.moved')
            process.send_signal(signal.SIGHUP)
            wait_for(log, 'opened again', process)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(TIMEOUT_S), 0)
        finally:
            process.kill()
            process.wait()
        with open(log, encoding='utf-8') as file:
            for line in file:
                self.assertIn('msg', json.loads(line))
        aside = [name for name in os.listdir(self.directory) if name.startswith('log.2')]
        with open(self.path(aside[0]), encoding='utf-8') as file:
            self.assertEqual(file.read(), 'of yesterday\n')

    def fork(self, *more):
        return run('serve', '--fork', '--dbpath', self.path('data'), '--logpath', self.path('log'),
                   '--pidfilepath', self.path('pid'), *more)

    def test_fork_returns_when_clients_can_connect(self):
        done = self.fork('--port', '0')
        self.assertEqual(done.returncode, 0, done.stderr)
        port = int(wait_for(self.path('log'), r'port (\d+)'))
        with open(self.path('pid'), encoding='utf-8') as file:
            pid = int(file.read())
        client = pymongo.MongoClient('127.0.0.1', port, serverSelectionTimeoutMS=5000)
        self.assertEqual(client.admin.command('ping')['ok'], 1)
        client.close()
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + TIMEOUT_S
        while os.path.exists(self.path('pid')) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertFalse(os.path.exists(self.path('pid')))
        wait_for(self.path('log'), 'stopped')

    def test_fork_tells_why_it_failed(self):
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            done = self.fork('--port', str(taken.getsockname()[1]))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('address', done.stderr.lower())
        self.assertFalse(os.path.exists(self.path('pid')))

    def test_systemd_is_told(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.bind(self.path('notify'))
            door.settimeout(TIMEOUT_S)
            os.environ['NOTIFY_SOCKET'] = self.path('notify')
            try:
                with Server(BINARY) as server:
                    self.assertEqual(door.recv(100), b'READY=1')
                    server.stop()
                    self.assertEqual(door.recv(100), b'STOPPING=1')
            finally:
                del os.environ['NOTIFY_SOCKET']

    def test_connections_are_lowered_to_the_limit_of_open_files(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = min(hard, 9000)
        done = subprocess.Popen(
            ['sh', '-c', f'ulimit -Sn 100; ulimit -Hn {files}; exec "$@"', 'sh', BINARY, 'serve',
             '--dbpath', self.path('data'), '--port', '0', '--logpath', self.path('log'),
             '--maxConns', '100000'])
        try:
            wait_for(self.path('log'),
                     f'lowered from 100000 to {files - 2500}: the limit of open files is {files}')
            wait_for(self.path('log'), 'listening on', done)
        finally:
            done.send_signal(signal.SIGTERM)
            self.assertEqual(done.wait(TIMEOUT_S), 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
